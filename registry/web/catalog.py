"""The catalog page: search, facets, sorting and paging over registered models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, TypeVar

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from registry.domain.catalog.models import (
    Facet,
    MetricComparison,
    Modality,
    ModelSummary,
    SearchQuery,
    SortKey,
    Status,
    read_sort,
)
from registry.domain.paging import Page, PageRequest
from registry.errors import BadFilterError
from registry.web.parts import AsActor
from registry.web.render import link, page

router = APIRouter()
Word = TypeVar("Word", bound=StrEnum)
PER_PAGE = 24
FACETS = {
    "task": "Task",
    "modality": "Modality",
    "stage": "Stage",
    "status": "Status",
    "licence": "Licence",
    "owner": "Owner",
    "origin": "Origin",
    "tag": "Tags",
}
"""Fields that are shown as facets, in this order; each is also the name of its query parameter."""
SORTS = {"updated": "Recently changed", "created": "Newest", "name": "Name", "metrics.accuracy": "Best accuracy"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a facet: how many models have it, and where choosing (or dropping) it leads."""

    value: str
    count: int
    chosen: bool
    address: str


@dataclass(frozen=True, slots=True)
class FacetBox:
    """One facet with its values, the most frequent first."""

    title: str
    choices: tuple[Choice, ...]
    capped: bool = False
    """True if more models match than were counted."""


@dataclass(frozen=True, slots=True)
class CatalogPage:
    """Models that match, and every way to narrow or widen the search."""

    models: Sequence[ModelSummary]
    boxes: tuple[FacetBox, ...]
    dropped: tuple[Choice, ...]
    """Conditions that hold now; each address drops one."""
    text: str
    sort: str
    sorts: Mapping[str, str]
    kept: tuple[tuple[str, str], ...]
    """Conditions as form fields, for the search box and the sort choice."""
    metric: str
    next_page: str
    first_page: str
    unknown: str = ""
    """What was searched for; no model matches it, and `text` is shown instead."""


@router.get("/")
def catalog(
    request: Request,
    registry: AsActor,
    text: Annotated[str, Query(max_length=512)] = "",
    task: str = "",
    modality: str = "",
    stage: str = "",
    status: str = "",
    licence: str = "",
    owner: str = "",
    origin: str = "",
    tag: str = "",
    metric: str = "",
    sort: str = "updated",
    cursor: str | None = None,
) -> HTMLResponse:
    """The catalog page, with the filters of the query."""
    filters = {
        "text": text,
        "task": task,
        "modality": modality,
        "stage": stage,
        "status": status,
        "licence": licence,
        "owner": owner,
        "origin": origin,
        "tag": tag,
        "metric": metric,
        "sort": "" if sort == "updated" else sort,
    }
    query = _query(filters, sort, cursor)
    found = registry.catalog.search(query)
    meant = "" if found.items or not text else registry.catalog.spelling(query).text
    if meant:
        filters["text"] = meant
        query = replace(query, text=meant)
        found = registry.catalog.search(query)
    facets = registry.catalog.facets(replace(query, page=PageRequest(PER_PAGE)))
    context = _shown(filters, found, facets, sort=sort, metric=query.sort_metric or "accuracy", first=cursor is None)
    context = replace(context, unknown=text if meant else "")
    return page(request, "catalog.html", context, section="models", api=link("/api/v1/models", filters))


def _shown(
    filters: Mapping[str, str],
    found: Page[ModelSummary],
    facets: Sequence[Facet],
    *,
    sort: str,
    metric: str,
    first: bool,
) -> CatalogPage:
    counts = {facet.field: facet.counts for facet in facets}
    capped = {facet.field for facet in facets if facet.capped}
    conditions = [(field, value) for field, value in filters.items() if value and field not in {"text", "sort"}]
    return CatalogPage(
        models=found.items,
        boxes=tuple(
            FacetBox(title, _choices(field, _counts(counts, field), filters), capped=field in capped)
            for field, title in FACETS.items()
            if _counts(counts, field)
        ),
        dropped=tuple(Choice(value, 0, True, link("/", filters, **{field: None})) for field, value in conditions),
        text=filters["text"],
        sort=sort,
        sorts=SORTS,
        kept=tuple(conditions),
        metric=metric,
        next_page=link("/", filters, cursor=found.next_cursor) if found.next_cursor else "",
        first_page="" if first else link("/", filters),
    )


def _query(filters: Mapping[str, str], sort: str, cursor: str | None) -> SearchQuery:
    key, sort_metric = read_sort(sort)
    return SearchQuery(
        text=filters["text"],
        task=filters["task"] or None,
        modality=_one_of(Modality, filters["modality"]),
        tags=(filters["tag"],) if filters["tag"] else (),
        stage=filters["stage"] or None,
        status=_one_of(Status, filters["status"]),
        licence=filters["licence"] or None,
        origin=filters["origin"] or None,
        owner=filters["owner"] or None,
        metrics=(MetricComparison.parse(filters["metric"]),) if filters["metric"] else (),
        sort=key,
        sort_metric=sort_metric,
        descending=key is not SortKey.NAME,
        page=PageRequest(PER_PAGE, cursor),
    )


def _one_of(kind: type[Word], text: str) -> Word | None:
    if text and text not in set(kind):
        raise BadFilterError(f"{text[:80]!r} is not one of {', '.join(kind)}")
    return kind(text) if text else None


def _counts(facets: Mapping[str, Sequence[tuple[str, int]]], field: str) -> Sequence[tuple[str, int]]:
    return facets.get(field) or facets.get(f"{field}s") or ()


def _choices(field: str, counts: Sequence[tuple[str, int]], filters: Mapping[str, str]) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            value,
            count,
            filters[field] == value,
            link("/", filters, **{field: None if filters[field] == value else value}),
        )
        for value, count in sorted(counts, key=lambda pair: (-pair[1], pair[0]))
    )
