"""Test rows that stood in training data, and test rows that are nearly copies of training rows. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lineage import Digest
from registry.domain.names import VersionRef


@dataclass(frozen=True, slots=True)
class RowPair:
    """A test row and a training row with the same content, by their keys in the two datasets."""

    test: int
    train: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """Test rows that stand in a training split. `step` trained on it; `rows` counts test rows, `examples` are some."""

    test: VersionRef
    test_split: str | None
    train: VersionRef
    train_split: str | None
    step: str
    rows: int
    examples: tuple[RowPair, ...]


@dataclass(frozen=True, slots=True)
class NearPair:
    """A test row and a training row that are nearly copies: their keys, and the beginning of what they are."""

    test: int
    train: int
    test_shown: str
    train_shown: str


@dataclass(frozen=True, slots=True)
class NearOverlap:
    """Test rows that are nearly copies of rows of a training split, without those with the very same content."""

    test: VersionRef
    test_split: str | None
    train: VersionRef
    train_split: str | None
    step: str
    rows: int
    examples: tuple[NearPair, ...]


@dataclass(frozen=True, slots=True)
class NearCopies:
    """Test rows that are nearly copies of training rows. `rows` counts each once; `compared` are those looked at.

    `notes` are sentences without their ends: what was left out where there are too many rows, or rows that are
    neither texts nor files of pictures.
    """

    rows: int
    compared: int
    overlaps: tuple[NearOverlap, ...]
    notes: tuple[str, ...]
    whole: bool = False
    """True where every test row was put beside every row that the version and its ancestors were trained on."""


@dataclass(frozen=True, slots=True)
class Leakage:
    """How many of the rows that a version was tested on stood in training data, its own or that of an ancestor.

    `seen` counts each test row once. `unread` names data whose rows cannot be compared any more. `looks` is how many
    steps were measured on these test rows. `complete` is False where the ancestry was too large to be read whole.
    """

    test_rows: int
    seen: int
    overlaps: tuple[Overlap, ...]
    unread: tuple[str, ...]
    looks: int
    complete: bool
    near: NearCopies | None = None
    """Rows that are nearly copies; None where they were not asked for."""


@dataclass(frozen=True, slots=True)
class LeakageCount:
    """What the registry counted when somebody asked for it, and keeps for gates.

    `seen` of `test_rows` stood in training data, of all that is on record where `known`. `near` are nearly copies of
    training rows; None where some rows could not be put beside one another. `basis` is the digest of the data that
    the count is about: where the ancestry has other data now, it counts no more.
    """

    ref: VersionRef
    basis: Digest
    test_rows: int
    seen: int
    known: bool
    near: int | None
    by: str
    at: datetime

    @property
    def overlap(self) -> int | None:
        """What gates read: one row that is known to have been seen is enough to say so, none takes all of them."""
        return self.seen if self.seen or (self.known and self.test_rows) else None


def leakage_record(test_rows: int, seen: int, near: int | None, *, known: bool) -> str:
    """What the database and the audit log have to say alike of the newest count of a version."""
    return f"{seen} of {test_rows}{'' if known else ' or more'}, nearly {'unknown' if near is None else near}"
