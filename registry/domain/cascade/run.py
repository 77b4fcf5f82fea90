"""What became of a plan: each version that was made again, compared with the one that it is to follow."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from registry.domain.comparison.verdict import Interval
from registry.domain.names import VersionRef


class Outcome(StrEnum):
    """How one version of a plan stands."""

    NOT_WORSE = "not_worse"
    """It was made again, and is not shown to be worse than the old one on the same test rows."""
    WORSE = "worse"
    """It is shown to be worse; nothing is made from it and no promotion is requested."""
    NOT_COMPARED = "not_compared"
    """It was made again, but the two did not answer the same test rows: no promotion is requested."""
    FAILED = "failed"
    """Its step failed, or was refused."""
    NOT_MADE = "not_made"
    """What it waits for is worse or failed."""

    @property
    def goes_on(self) -> bool:
        """True where more is made from it."""
        return self in {Outcome.NOT_WORSE, Outcome.NOT_COMPARED}


@dataclass(frozen=True, slots=True)
class Compared:
    """The new version against the old one on the same test rows. `gain` above 0 is in favour of the new one.

    Of classes it is the difference of accuracy with the 95 % interval of a paired bootstrap, and `p` McNemar's; of
    numbers what the mean absolute error is smaller by, and `p` is None.
    """

    rows: int
    before: float
    now: float
    gain: Interval
    p: float | None


@dataclass(frozen=True, slots=True)
class Remade:
    """One version of the plan. `note` says what stopped it or what is left to do, as a sentence without its end."""

    old: VersionRef
    outcome: Outcome
    new: VersionRef | None = None
    step: str = ""
    compared: Compared | None = None
    request: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class CascadeResult:
    """All versions of a plan, in its order. `id` is on the steps and versions as the tag `cascade`."""

    id: str
    parent: VersionRef
    remade: tuple[Remade, ...]
