"""The rows and files of data as storage keeps them, to find data with the same content."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lineage import Digest, NodeId
from registry.domain.names import VersionRef


@dataclass(frozen=True, slots=True)
class KnownData:
    """A version of a dataset beside which others are put. `index` is the blob of its rows."""

    ref: VersionRef
    marks: tuple[str, ...]
    index: Digest
    files: Mapping[Digest, int]
    """The size of each file by its digest."""
    different: int | None
    """How many different rows it has; None where they were not read yet."""
    created_by: str


@dataclass(frozen=True, slots=True)
class Unread:
    """Data of which rows are to be read: all of them for data with marks, else a sample."""

    ref: VersionRef
    index: Digest
    whole: bool


class DataRowRepository(Protocol):
    """Keys of rows (see `domain.data.row_keys`): all of data with marks, a sample of other data."""

    def unread(self, *, whole: bool, limit: int, after: NodeId = -1) -> Sequence[tuple[NodeId, Unread]]:
        """Data whose rows are to be read, by key: with `whole` that with marks, else all data."""
        ...

    def keep(self, ref: VersionRef, keys: Collection[int], *, whole: bool) -> None:
        """Add keys of its rows. Raises: NotFoundError."""
        ...

    def was_read(self, ref: VersionRef, different: int, *, whole: bool) -> None:
        """Its keys are all kept: all of its different rows, or their sample. Raises: NotFoundError."""
        ...

    def with_rows(self, keys: Collection[int], *, whole: bool) -> Mapping[NodeId, int]:
        """By data, how many of these rows it has: by the rows of data that had marks, or by the samples of all."""
        ...

    def with_files(self, digests: Collection[Digest]) -> Collection[NodeId]:
        """The data that have any of these files."""
        ...

    def known(self, keys: Collection[NodeId]) -> Mapping[NodeId, KnownData]:
        """These data."""
        ...

    def state(self) -> tuple[int, int]:
        """Two numbers: one grows whenever marks of any data change, the other when data are registered."""
        ...
