"""Stored objects: the versions that need them, what a check of them found, and what a repair brought back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lineage import Digest
from registry.domain.file_kinds import FileScan
from registry.domain.names import VersionRef


class Fault(StrEnum):
    """What is wrong with a stored object."""

    MISSING = "missing"
    CHANGED = "changed"
    """Its bytes do not have the digest that it is stored under, or it has not the size that is on record."""


class Form(StrEnum):
    """How the bytes with a digest are stored."""

    OBJECT = "object"
    """A blob of the store."""
    CARD = "card"
    """The text of a card, in the database."""
    PIECES = "pieces"
    """A file that is put together from parts of objects."""


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """A version that needs an object, and where: the path of a file, `row index`, `evidence ev-…`, …"""

    ref: VersionRef
    place: str


@dataclass(frozen=True, slots=True)
class Damage:
    """One thing of a version that is missing or was changed. The version cannot be used until it is restored."""

    ref: VersionRef
    place: str
    digest: Digest
    fault: Fault
    found_at: datetime
    form: Form = Form.OBJECT

    def __str__(self) -> str:
        return f"{self.place} of {self.ref} is {self.fault}"


@dataclass(frozen=True, slots=True)
class StoreCheck:
    """One check of every object that a version needs, as far as it is. Without an end it can be continued."""

    started_at: datetime
    started_by: str
    updated_at: datetime
    ended_at: datetime | None
    position: Digest | None
    """The last object that was checked; the next ones have a larger digest."""
    objects: int
    size: int
    """Bytes that were read."""
    total: int
    """Objects that there were to check when it began."""
    faults: int
    """Damaged objects found by this check."""


@dataclass(frozen=True, slots=True)
class CheckReport:
    """A check of the stored objects, and everything that is marked as damaged now, whichever check found it.

    `restored` are versions whose mark this call took away, because their bytes are right again.
    """

    check: StoreCheck
    damage: tuple[Damage, ...]
    restored: tuple[VersionRef, ...] = ()


@dataclass(frozen=True, slots=True)
class VersionCheck:
    """That all files of a version had the right bytes when they were read."""

    at: datetime
    files: int
    size: int
    """In bytes."""
    scan: FileScan | None = None
    """What they are; None for a check from before that was looked at."""


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What a repair brought back (objects by their digest), the versions that can be used again, and what is left."""

    objects: tuple[Digest, ...]
    restored: tuple[VersionRef, ...]
    damage: tuple[Damage, ...]


@dataclass(frozen=True, slots=True)
class CollectReport:
    """What a collection removed or, without `deleted`, what it would remove: objects that nothing needs.

    `kept` counts those that nothing needs either, but that are younger than the grace window.
    """

    objects: int
    size: int
    """Their bytes."""
    kept: int
    deleted: bool


@dataclass(frozen=True, slots=True)
class Holder:
    """A registered model or dataset, and the objects that its versions need: `alone` are bytes that no other needs."""

    name: str
    objects: int
    size: int
    alone: int


@dataclass(frozen=True, slots=True)
class StoreStats:
    """All objects in the store with their bytes, those that nothing needs, and who needs the others (largest first)."""

    objects: int
    size: int
    unneeded: int
    unneeded_size: int
    holders: tuple[Holder, ...]
