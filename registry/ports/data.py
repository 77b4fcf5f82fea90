"""Reading datasets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, DvcRecord, LabelKind, Row, SplitPlan
from registry.domain.manifests import FileEntry


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


class DataSource(Protocol):
    """Reads and tracks datasets. `source` is a file, a folder, or a `.dvc` file (then `rev` may name a revision)."""

    name: str

    def read(
        self,
        source: Path,
        *,
        staging: Path,
        cache: Path,
        split: SplitPlan,
        label: str,
        text: str,
        rev: str | None,
        labels: LabelKind = LabelKind.CLASS,
        format: DataFormat | None = None,
    ) -> DataListing:
        """Hash and cache `source` through DVC (cache folder `cache`), list its rows with labels, digests and splits.

        `label` and `text` name columns for tables; `labels` says what a label holds, and every one is checked for it.
        `staging` is an empty folder for what must be fetched or checked
        out; it and the folders beside it are working copies. `format` None: found by content. Raises: BadDataError
        naming the row, column or class that is wrong; DatasetChangedError when a file changes while it is read.
        """
        ...
