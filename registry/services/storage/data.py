"""Datasets as storage keeps them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from registry.domain.catalog.models import (
    Describing,
)
from registry.domain.data.datasets import (
    DataFormat,
    DatasetSummary,
    DatasetVersionDetail,
    DatasetVersionSummary,
    DvcRecord,
    LabelKind,
    SplitPlan,
    SplitSummary,
)
from registry.domain.manifests import Manifest
from registry.domain.names import Name, VersionRef
from registry.domain.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class NewDatasetVersion:
    """A dataset version about to be published, with the step that registered it. `manifest.rows` is the index blob."""

    ref: VersionRef
    manifest: Manifest
    format: DataFormat
    rows: int
    splits: tuple[SplitSummary, ...]
    split_plan: SplitPlan
    dvc: DvcRecord | None
    licence: str
    step_id: str
    created_at: datetime
    created_by: str
    labels: LabelKind = LabelKind.CLASS


class DatasetRepository(Protocol):
    """Datasets and their versions."""

    def dataset(self, name: Name) -> DatasetSummary | None: ...
    def add_dataset(self, name: Name, describing: Describing, *, owner: str, at: datetime) -> None: ...
    def add_version(self, new: NewDatasetVersion) -> None: ...
    def version(self, ref: VersionRef) -> DatasetVersionDetail | None: ...
    def versions(self, name: Name, page: PageRequest) -> Page[DatasetVersionSummary]: ...
    def search(self, text: str, page: PageRequest, hidden: Collection[str] = ()) -> Page[DatasetSummary]:
        """Without those of the teams `hidden`, by their folded names."""
        ...
