"""What a recipe gets where it says nothing about training. An adapter's offer may bring defaults of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
