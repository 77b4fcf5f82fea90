"""Arms that answered, drawn as rows of marks: `x` is right, `.` is wrong."""

from __future__ import annotations

import numpy as np

from registry.domain.comparison.arms import Arm
from registry.domain.comparison.statistics.tallies import Tally, share
from registry.domain.comparison.verdict import ArmKind


def rights(marks: str) -> Tally:
    """One seed: `xx.x` is right on three items of four."""
    return share(np.array([mark == "x" for mark in marks]))


def arm(kind: ArmKind, *seeds: str) -> Arm:
    """One arm, a row of marks for each seed."""
    return Arm(kind, tuple(range(len(seeds))), tuple(rights(marks) for marks in seeds))


def answered(kind: ArmKind, right: int, items: int, seeds: int = 3) -> Arm:
    """An arm that is right on the first `right` items, whatever the seed."""
    return arm(kind, *["x" * right + "." * (items - right)] * seeds)
