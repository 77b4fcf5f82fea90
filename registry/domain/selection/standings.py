"""How a ranking stands while candidates are still being scored. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from registry.domain.comparison.verdict import Interval
from registry.domain.data.datasets import LabelKind
from registry.domain.names import VersionRef
from registry.domain.selection.report import LeftOut


@dataclass(frozen=True, slots=True)
class Standing:
    """One candidate that has been scored; see `RankedModel` for the words."""

    ref: VersionRef
    licence: str
    score: Interval
    seconds: float
    cached: bool
    flag: str


@dataclass(frozen=True, slots=True)
class Standings:
    """The candidates so far. `scored` are in the order that their scores give them now, which others may change.

    `waiting` are not scored yet, and the first of them is being read; `left_out` could not be scored.
    """

    labels: LabelKind
    scored: tuple[Standing, ...]
    waiting: tuple[VersionRef, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def done(self) -> int:
        """How many candidates need nothing more."""
        return len(self.scored) + len(self.left_out)

    @property
    def total(self) -> int:
        """How many candidates there are."""
        return self.done + len(self.waiting)
