"""Verbs of datasets and their versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from registry.domain.catalog.models import check_tags
from registry.domain.credentials import refuse_credentials
from registry.domain.data.datasets import (
    DataFormat,
    DatasetSummary,
    DatasetVersionDetail,
    DatasetVersionSummary,
    LabelKind,
    SplitPlan,
)
from registry.domain.data.looks import Look
from registry.domain.names import Name, Reference
from registry.domain.paging import Page, PageRequest
from registry.domain.verbs.catalog import PullReport


@dataclass(frozen=True, slots=True)
class AddDataset:
    """What data to register. `source` as for ImportModel, or a `.dvc` file (then `rev` may name a git revision)."""

    name: Name
    source: str
    task: str | None = None
    licence: str | None = None
    origin: str | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    split: SplitPlan = SplitPlan()
    label_column: str = "label"
    text_column: str = "text"
    rev: str | None = None
    format: DataFormat | None = None
    labels: LabelKind | None = None
    """None: as in the dataset so far, `class` in a new one."""
    uploaded: bool = False
    """As for ImportModel: no pickle, and no pointer to elsewhere, is read."""
    group_column: str | None = None
    """The column that names what rows depend on one another by: they share a split, and are compared as one."""

    def __post_init__(self) -> None:
        check_tags(self.tags)
        described = {"task": self.task, "licence": self.licence, "origin": self.origin, "description": self.description}
        columns = {
            "label column": self.label_column,
            "text column": self.text_column,
            "group column": self.group_column,
        }
        refuse_credentials(described | columns | {"source": self.source, "rev": self.rev}, "dataset's")


class DatasetVerbs(Protocol):
    """Datasets and their versions."""

    def add(self, wanted: AddDataset) -> DatasetVersionDetail:
        """Read, hash, track with DVC, split, store and publish as the next version, all or nothing.

        Raises: BadDataError, InvalidError, NameTakenError, NoSpaceError, DatasetChangedError.
        """
        ...

    def search(self, text: str, page: PageRequest) -> Page[DatasetSummary]: ...
    def versions(self, name: Name, page: PageRequest) -> Page[DatasetVersionSummary]:
        """Newest first. Raises: NotFoundError."""
        ...

    def version(self, reference: Reference) -> DatasetVersionDetail: ...
    def look(self, reference: Reference, *, pictures: bool = False) -> Look:
        """Its rows at a glance, with a few examples; `pictures`: small pictures of them, where they are pictures.

        Raises: NotFoundError, WithheldError, RecalledError.
        """
        ...

    def pull(self, reference: Reference, folder: Path) -> PullReport: ...
