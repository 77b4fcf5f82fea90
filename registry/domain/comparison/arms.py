"""What is compared: the arms with their tallies, and the measure that they are compared by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from registry.domain.comparison.statistics.tallies import Tally
from registry.domain.comparison.verdict import ArmKind

MARGIN = 0.01
"""How much worse than the linear probe still counts as no worse: one point of accuracy or F1."""


@dataclass(frozen=True, slots=True)
class Arm:
    """What one arm did: for each of its seeds a tally of the metric, and one of the slices' metric."""

    kind: ArmKind
    seeds: tuple[int, ...]
    tallies: tuple[Tally, ...]
    points: Mapping[str, tuple[Tally, ...]] = field(default_factory=dict)
    """By slice: a tally of its items for each seed."""
    broken: str = ""
    """Why its model is not what was trained; empty if it is."""
    constant: str = ""
    """Why its answers are those of a model that has learnt nothing; empty if they are not."""
    same: bool = False
    """Whether it is the transfer itself under another name."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What the arms are compared by."""

    metric: str
    higher_is_better: bool = True
    margin: float = MARGIN
    slice_metric: str = "accuracy"
    slice_higher_is_better: bool = True
    slices: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    """By name: which test items."""
    published: int | None = None
    """The seed of the transfer that became the version; None if it is not known."""
    groups: NDArray[np.int64] | None = None
    """The number of each item's group; None where items do not depend on one another."""
    looks: int = 1
    """The how many-th verdict on these items it is (`looks`)."""
