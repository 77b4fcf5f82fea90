"""Datasets: the list, and one dataset with its versions, splits and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from registry.domain.catalog.marks import MarkInForce
from registry.domain.data.datasets import DatasetSummary, DatasetVersionDetail, SplitSummary
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.paging import PageRequest
from registry.web.graph import Branch, family_of
from registry.web.parts import AsActor
from registry.web.render import link, page

router = APIRouter()


@dataclass(frozen=True, slots=True)
class DatasetsPage:
    """Registered datasets that match."""

    datasets: Sequence[DatasetSummary]
    text: str
    next_page: str


@dataclass(frozen=True, slots=True)
class ClassRow:
    """One class: how many rows of it each split has, in the order of the splits."""

    label: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class DatasetPage:
    """One dataset version, its labels by split, what it was made from, and what was made with it."""

    version: DatasetVersionDetail
    splits: Sequence[SplitSummary]
    numbers: range
    rows: tuple[ClassRow, ...]
    more_classes: int
    maker: str
    ancestors: Branch
    descendants: Branch
    complete: bool
    marks: Sequence[MarkInForce]


MAX_CLASSES = 40
_ORDER = {"train": 0, "validation": 1, "test": 2}
"""How people name splits in one breath; others follow by name."""


@router.get("/datasets")
def datasets(
    request: Request,
    registry: AsActor,
    text: Annotated[str, Query(max_length=512)] = "",
    cursor: str | None = None,
) -> HTMLResponse:
    """Every dataset that matches."""
    found = registry.datasets.search(text, PageRequest(24, cursor))
    following = link("/datasets", text=text, cursor=found.next_cursor) if found.next_cursor else ""
    context = DatasetsPage(found.items, text, following)
    return page(request, "datasets.html", context, section="datasets", api=link("/api/v1/datasets", text=text))


@router.get("/datasets/{team}/{name}")
@router.get("/datasets/{team}/{name}/{version}")
def dataset(request: Request, registry: AsActor, team: str, name: str, version: str | None = None) -> HTMLResponse:
    """One dataset; without a version the latest is shown."""
    full_name = Name(team, name)
    reference = (
        Reference.parse(f"datasets:/{full_name}/{version}") if version else Reference(AssetKind.DATASETS, full_name)
    )
    detail = registry.datasets.version(reference)
    family = family_of(registry, str(detail.summary.ref))
    splits = sorted(detail.summary.splits, key=lambda split: (_ORDER.get(split.name, len(_ORDER)), split.name))
    rows = class_rows(splits)
    context = DatasetPage(
        version=detail,
        splits=splits,
        numbers=range(detail.dataset.versions, 0, -1),
        rows=rows[:MAX_CLASSES],
        more_classes=max(len(rows) - MAX_CLASSES, 0),
        maker=family.focus.facts["method"],
        ancestors=family.ancestors,
        descendants=family.descendants,
        complete=family.complete,
        marks=registry.lineage.marks(Reference.to(detail.summary.ref)).marks,
    )
    api = f"/api/v1/datasets/{full_name}/versions/{detail.summary.ref.number}"
    return page(request, "dataset.html", context, section="datasets", api=api)


def class_rows(splits: Sequence[SplitSummary]) -> tuple[ClassRow, ...]:
    """The classes of all splits, each with its count in every split."""
    labels = sorted({label for split in splits for label in split.classes})
    return tuple(ClassRow(label, tuple(split.classes.get(label, 0) for split in splits)) for label in labels)
