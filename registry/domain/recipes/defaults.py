"""What a recipe gets where it says nothing about training. An adapter's offer may bring defaults of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from registry.domain.recipes.recipe import Freeze, Schedule


@dataclass(frozen=True, slots=True)
class Rates:
    """Of one optimizer: learning rate of the head, weight decay, and momentum where it has one."""

    lr: float
    weight_decay: float
    momentum: float = 0.9


@dataclass(frozen=True, slots=True)
class Defaults:
    """Of one way to train. `head_start`: how many times faster the head learns than the backbone."""

    rates: Mapping[str, Rates]
    epochs: int
    batch_size: int
    clip: float
    schedule: Schedule
    freeze: Freeze
    head_start: float | None = None
    optimizer: str = "adamw"
    """The one that is taken when none is named."""
    least_steps: int = 0
    """Of few rows more epochs are planned, until there are so many optimiser steps; training then ends early when a
    third of them brought no better value on validation rows."""
    weights: float = 0.0
    """Bytes of the source's weights for which the rates are meant; of larger ones they fall with the square root."""

    def epochs_for(self, rows: int | None, batch_size: int) -> int:
        """Epochs for so many training rows; the usual number where they are not known."""
        if not rows or not self.least_steps:
            return self.epochs
        return max(self.epochs, math.ceil(self.least_steps / math.ceil(rows / batch_size)))

    def patience_for(self, epochs: int) -> int:
        """Epochs without a better validation value after which training ends; 0: never."""
        return math.ceil(epochs / 3) if epochs > self.epochs else 0

    def slower(self, weights: int) -> Defaults:
        """The same, with the rates for a source whose weights have so many bytes."""
        if not self.weights or weights <= self.weights:
            return self
        factor = math.sqrt(self.weights / weights)
        return replace(self, rates={name: replace(r, lr=_rounded(r.lr * factor)) for name, r in self.rates.items()})


def _rounded(rate: float) -> float:
    """One digit that counts: more would pretend to be known."""
    return float(f"{rate:.0e}")
