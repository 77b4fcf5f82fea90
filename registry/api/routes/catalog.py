"""Registered models: search, facets, describing, tags, aliases, deletion and history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from registry.api.bodies import AliasTarget, ModelWords, TagValues
from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import AsActor, ItemName, Paging, WhyDeleted, answer, body_of, fields_of, nothing, speaks
from registry.domain.catalog.models import (
    AliasMove,
    AliasValue,
    Describing,
    Facet,
    HistoryEntry,
    MetricComparison,
    Modality,
    ModelDetail,
    ModelSummary,
    SearchQuery,
    SortKey,
    Spelling,
    Status,
    VersionSummary,
    read_sort,
)
from registry.domain.names import AssetKind, Name, Reference, check_alias
from registry.domain.paging import Page
from registry.domain.verbs.catalog import NewModel
from registry.domain.verbs.registry import Registry

router = APIRouter(prefix="/models", tags=["models"], route_class=Route)
MAX_REPEATS = 16
"""Conditions of one kind in a search: each is a walk through an index."""


def _model(registry: Registry, path: Mapping[str, str]) -> ModelDetail:
    return registry.catalog.model(Name(path["team"], path["name"]))


def _alias(registry: Registry, path: Mapping[str, str]) -> Sequence[AliasMove]:
    return registry.catalog.alias_history(Name(path["team"], path["name"]), check_alias(path["alias"]))


ModelUnchanged = Annotated[Registry, changes(_model, "/models/{team}/{name}")]
AliasUnchanged = Annotated[Registry, changes(_alias, "/models/{team}/{name}/aliases/{alias}")]


async def _query(
    page: Paging,
    text: Annotated[
        str, Query(max_length=512, description="Words in name, description, tags, task, architecture and card")
    ] = "",
    task: str | None = None,
    modality: Modality | None = None,
    tag: Annotated[
        list[str] | None, Query(max_length=MAX_REPEATS, description="`key` or `key=value`; repeatable")
    ] = None,
    stage: str | None = None,
    status: Status | None = None,
    licence: str | None = None,
    origin: str | None = None,
    owner: str | None = None,
    metric: Annotated[
        list[str] | None, Query(max_length=MAX_REPEATS, description="`metrics.accuracy > 0.9`; repeatable")
    ] = None,
    sort: Annotated[str, Query(description="updated, created, name or metrics.NAME")] = SortKey.UPDATED.value,
    descending: bool = True,
) -> SearchQuery:
    key, sort_metric = read_sort(sort)
    return SearchQuery(
        text=text,
        task=task,
        modality=modality,
        tags=tuple(tag or ()),
        stage=stage,
        status=status,
        licence=licence,
        origin=origin,
        owner=owner,
        metrics=tuple(MetricComparison.parse(one) for one in metric or ()),
        sort=key,
        sort_metric=sort_metric,
        descending=descending,
        page=page,
    )


Query_ = Annotated[SearchQuery, Depends(_query)]


@router.get("", **speaks(Page[ModelSummary]))
def search(registry: AsActor, query: Query_) -> Response:
    """Registered models that match every condition, one page at a time."""
    return answer(registry.catalog.search(query))


@router.get("/spelling", **speaks(Spelling))
def spelling(registry: AsActor, query: Query_) -> Response:
    """What was perhaps meant by the words of a search that finds nothing."""
    return answer(registry.catalog.spelling(query))


@router.get("/facets", **speaks(Sequence[Facet]))
def facets(registry: AsActor, query: Query_) -> Response:
    """How many of the matching models have each value of each field."""
    return answer(registry.catalog.facets(query))


@router.get("/{team}/{name}", **speaks(ModelDetail))
def show(registry: AsActor, name: ItemName) -> Response:
    """One registered model with its aliases."""
    return answer(registry.catalog.model(name))


@router.post("/{team}/{name}", **speaks(ModelDetail, takes=ModelWords, status=201))
def create(
    registry: ModelUnchanged, name: ItemName, body: Annotated[ModelWords, Depends(body_of(ModelWords))]
) -> Response:
    """Take a name for a registered model whose first version comes later."""
    return answer(registry.catalog.create(NewModel(name, **fields_of(body))), 201)


@router.put("/{team}/{name}", **speaks(ModelDetail, takes=Describing))
def describe(
    registry: ModelUnchanged, name: ItemName, describing: Annotated[Describing, Depends(body_of(Describing))]
) -> Response:
    """Replace what people say of the model: task, modality, licence, origin, description, tags."""
    return answer(registry.catalog.describe(name, describing))


@router.delete("/{team}/{name}", **speaks(status=204))
def delete(registry: ModelUnchanged, name: ItemName, reason: WhyDeleted = "") -> Response:
    """Delete the registered model and every version of it. Names and numbers are never used again.

    Refused while a version made from it is promoted; the audit log keeps the reason.
    """
    registry.catalog.delete(Reference(AssetKind.MODELS, name), reason=reason)
    return nothing()


@router.patch("/{team}/{name}/tags", **speaks(takes=TagValues, status=204))
def tag(registry: ModelUnchanged, name: ItemName, body: Annotated[TagValues, Depends(body_of(TagValues))]) -> Response:
    """Set tags of the registered model; null removes one."""
    registry.catalog.tag(Reference(AssetKind.MODELS, name), body.tags)
    return nothing()


@router.get("/{team}/{name}/versions", **speaks(Page[VersionSummary]))
def versions(registry: AsActor, name: ItemName, page: Paging) -> Response:
    """The versions, newest first."""
    return answer(registry.catalog.versions(name, page))


@router.get("/{team}/{name}/aliases/{alias}", **speaks(Sequence[AliasMove]))
def alias_history(registry: AsActor, name: ItemName, alias: str) -> Response:
    """Every version that the alias ever named, oldest first."""
    return answer(registry.catalog.alias_history(name, check_alias(alias)))


@router.put("/{team}/{name}/aliases/{alias}", **speaks(AliasValue, takes=AliasTarget))
def set_alias(
    registry: AliasUnchanged, name: ItemName, alias: str, body: Annotated[AliasTarget, Depends(body_of(AliasTarget))]
) -> Response:
    """Make the alias name a version. Nobody moves a protected alias by hand."""
    target = Reference.parse(f"models:/{name}/{body.version}")
    return answer(registry.catalog.set_alias(target, check_alias(alias)))


@router.delete("/{team}/{name}/aliases/{alias}", **speaks(status=204))
def drop_alias(registry: AliasUnchanged, name: ItemName, alias: str) -> Response:
    """Remove the alias; its history stays."""
    registry.catalog.drop_alias(name, check_alias(alias))
    return nothing()


@router.get("/{team}/{name}/history", **speaks(Page[HistoryEntry]))
def history(registry: AsActor, name: ItemName, page: Paging) -> Response:
    """What happened to the model and its versions, newest first."""
    return answer(registry.catalog.history(name, page))
