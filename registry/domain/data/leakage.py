"""Test rows that stood in training data, and test rows that are nearly copies of training rows. Values only."""

from __future__ import annotations

from dataclasses import dataclass

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
