"""Reading datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, DvcRecord, LabelKind, Row, SplitPlan, SplitSummary
from registry.domain.manifests import FileEntry
from registry.limits import DataLimits


@dataclass(frozen=True, slots=True)
class DataListing:
    """A dataset as read: its files (paths under `root`, as they were while read), rows in a stable order, DVC's name.

    `split` is the plan that was carried out: a dataset that brings its own splits keeps them, and `split.column` then
    names the column, or is `folder`. `notes` are sentences for the provenance manifest.
    """

    root: Path
    format: DataFormat
    modality: Modality
    files: tuple[FileEntry, ...]
    rows: tuple[Row, ...]
    split: SplitPlan
    dvc: DvcRecord | None
    notes: tuple[str, ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)
    """Versions of what read it."""


@dataclass(frozen=True, slots=True)
class DataSummary:
    """A `DataListing` as the process that read it gives it on: its rows are lines of a file, counted for each split."""

    root: Path
    format: DataFormat
    modality: Modality
    files: tuple[FileEntry, ...]
    index: Path
    """The row index (see `registry.domain.data.rows`)."""
    rows: int
    splits: tuple[SplitSummary, ...]
    split: SplitPlan
    dvc: DvcRecord | None
    adapter: str
    """The name of the source that read it."""
    notes: tuple[str, ...] = ()
    libraries: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FetchedData:
    """Data that a `.dvc` file names: where it is now, its MD5, and its origin.

    `md5` is None for data from DVC before 3, which hashed differently. `url` is None where no repository can be named;
    `rev` is the revision that was requested, and `rev_lock` its commit.
    """

    data: Path
    md5: str | None
    url: str | None = None
    rev: str | None = None
    rev_lock: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HowToRead:
    """What to read of a dataset: `label` and `text` name columns of tables, `labels` says what a label holds, and
    `group` names the column of groups, whose rows depend on one another (None: there are none).

    `format` None: found by content.
    """

    split: SplitPlan = SplitPlan()
    label: str = "label"
    text: str = "text"
    labels: LabelKind = LabelKind.CLASS
    format: DataFormat | None = None
    group: str | None = None


Place = tuple[str, int | None]
"""Where a picture is: the path of its file, or that of an array and its place there."""


class DataSource(Protocol):
    """Reads and tracks datasets: `fetch` brings what a `.dvc` file names, `read` reads files and folders."""

    name: str

    def fetch(self, pointer: Path, *, staging: Path, rev: str | None) -> FetchedData:
        """Bring the data of the `.dvc` file `pointer`, at the git revision `rev`, into the empty folder `staging`.

        Raises: BadDataError, InvalidError for a revision of what is no `.dvc` file, NotFoundError.
        """
        ...

    def read(
        self,
        source: Path,
        how: HowToRead,
        *,
        staging: Path,
        cache: Path,
        limits: DataLimits,
        fetched: FetchedData | None = None,
    ) -> DataListing:
        """Hash and cache `source` through DVC (cache folder `cache`), list its rows with labels, digests and splits.

        Every label is checked for what `how.labels` says. `staging` is a folder for working copies, and so are those
        beside it. `fetched` is where `source` came from, if it was fetched. Called in a subprocess of its own, with
        `limits` on its memory and time, which hold the other limits themselves.

        Raises: BadDataError naming the row, column or class that is wrong; TooLargeError naming the limit;
        DatasetChangedError when a file changes while it is read.
        """
        ...

    def greys(self, pictures: Sequence[Path], side: int) -> Sequence[bytes]:
        """The greys of each picture at `side` x `side`, row by row, a byte each. Raises: BadDataError."""
        ...

    def thumbnails(self, root: Path, places: Sequence[Place], side: int) -> Sequence[bytes]:
        """A PNG of at most `side` x `side` pixels for each place. Called in a subprocess of its own.

        Raises: BadDataError for what is no sound picture.
        """
        ...
