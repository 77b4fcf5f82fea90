"""The search over registered models: every filter in SQL, all of them holding for one live version."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, desc, func, or_, select

from registry.domain.catalog.models import Facet, MetricComparison, ModelSummary, SearchQuery, SortKey, Status
from registry.domain.names import AssetKind
from registry.domain.paging import Page, PageRequest
from registry.storage.catalog.assets import fold
from registry.storage.catalog.versions import TEST_ROLE, is_live, model_summaries
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.tables import asset, asset_tag, card_revision, metric, model_version, version, version_tag
from registry.storage.tables.catalog import CardRevisionColumns
from registry.storage.tables.steps import MetricColumns

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
_FACETS: dict[str, ColumnElement[Any]] = {
    "task": asset.c.task,
    "modality": asset.c.modality,
    "stage": model_version.c.stage,
    "status": model_version.c.status,
    "licence": version.c.licence,
    "origin": asset.c.origin,
    "owner": asset.c.owner,
}
_MODELS = func.count(asset.c.id.distinct()).label("models")
_MOST = 50
"""Values that one facet shows, the most frequent first."""


def search_models(connection: Connection, query: SearchQuery) -> Page[ModelSummary]:
    """One page of models that match, each with its newest matching version."""
    newest = (
        _joined(select(asset.c.id.label("asset_id"), func.max(version.c.number).label("number")))
        .where(*_conditions(query))
        .group_by(asset.c.id)
        .subquery()
    )
    statement = (
        select(asset, version.c.node_id)
        .join(newest, newest.c.asset_id == asset.c.id)
        .outerjoin(version, and_(version.c.asset_id == asset.c.id, version.c.number == newest.c.number))
    )
    order = _order(query)
    scope = f"models {replace(query, page=PageRequest())!r}"
    rows, cursor = page_rows(connection, statement, order, query.page, scope=scope)
    keys = {row.id: row.node_id for row in rows if row.node_id is not None}
    return Page(model_summaries(connection, rows, keys), cursor)


def count_facets(connection: Connection, query: SearchQuery) -> Sequence[Facet]:
    """For each field, how many models match with each of its values.

    The field's own filter is left out, so that the counts say what choosing another value would give.
    """
    facets = []
    for field, column in _FACETS.items():
        conditions = _conditions(_without(query, field), archived=field == "status")
        counts = _joined(select(column.label("value"), _MODELS)).where(*conditions, column.is_not(None))
        facets.append(_counted(connection, field, counts))
    return [*facets, _counted(connection, "tag", _tag_counts(query))]


def known_values(connection: Connection, field: str) -> Sequence[str]:
    """Every value of `field` (a facet) among live models, or with `metric` every name measured on test data."""
    if field == "metric":
        names = select(metric.c.name).where(metric.c.role == TEST_ROLE).distinct().order_by(metric.c.name)
        return list(connection.scalars(names))
    column = _FACETS[field]
    return list(connection.scalars(_joined(select(column)).where(column.is_not(None)).distinct().order_by(column)))


def _tag_counts(query: SearchQuery) -> Select[*tuple[Any, ...]]:
    """How many matching models have each key of a tag, of their own or on a matching version."""
    matching = _joined(select(asset.c.id, version.c.node_id)).where(*_conditions(query)).subquery()
    own = select(matching.c.id, asset_tag.c.key).join(asset_tag, asset_tag.c.asset_id == matching.c.id)
    on_version = select(matching.c.id, version_tag.c.key).join(version_tag, version_tag.c.node_id == matching.c.node_id)
    keys = own.union(on_version).subquery()
    return select(keys.c.key.label("value"), func.count().label("models"))


def _without(query: SearchQuery, field: str) -> SearchQuery:
    changes: dict[str, Any] = {field: None}
    return replace(query, **changes)


def _counted(connection: Connection, field: str, counts: Select[*tuple[Any, ...]]) -> Facet:
    statement = counts.group_by("value").order_by(desc("models"), "value").limit(_MOST)
    return Facet(field, tuple((row.value, row.models) for row in connection.execute(statement)))


def _joined(statement: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """Live models, each with its live versions; a model without a version is there once."""
    return (
        statement.select_from(asset)
        .outerjoin(version, and_(version.c.asset_id == asset.c.id, is_live()))
        .outerjoin(model_version, model_version.c.node_id == version.c.node_id)
        .where(asset.c.kind == AssetKind.MODELS, asset.c.deleted_at.is_(None))
    )


def _conditions(query: SearchQuery, *, archived: bool = False) -> list[ColumnElement[bool]]:
    """What must hold. An archived version is found only by a search for that status."""
    exact: list[tuple[ColumnElement[Any], object]] = [
        (_FACETS[field], getattr(query, field)) for field in _FACETS if getattr(query, field) is not None
    ]
    conditions: list[ColumnElement[bool]] = [column == value for column, value in exact]
    if query.status is None and not archived:
        conditions.append(model_version.c.status.is_distinct_from(Status.ARCHIVED))
    conditions += [_has_word(word) for word in fold(query.text).split()]
    conditions += [_has_tag(tag) for tag in query.tags]
    conditions += [_has_metric(comparison) for comparison in query.metrics]
    return conditions


def _has_word(word: str) -> ColumnElement[bool]:
    """`word` in name, description, tags, task, architecture or newest card. Folded words first: they are the shortest.

    Task, architecture and card are compared by the database's own lower case: on SQLite that of ASCII letters.
    """
    newest = card_revision.alias("newer").with_cols(CardRevisionColumns)
    last = select(func.max(newest.c.number)).where(newest.c.node_id == card_revision.c.node_id).scalar_subquery()
    card = select(card_revision.c.number).where(
        card_revision.c.node_id == version.c.node_id,
        card_revision.c.number == last,
        func.lower(card_revision.c.text).contains(word, autoescape=True),
    )
    return or_(
        asset.c.words.contains(word, autoescape=True),
        version.c.words.contains(word, autoescape=True),
        func.lower(asset.c.task).contains(word, autoescape=True),
        func.lower(model_version.c.architecture).contains(word, autoescape=True),
        card.correlate(version).exists(),
    )


def _has_tag(tag: str) -> ColumnElement[bool]:
    key, equals, value = tag.partition("=")
    of_model = select(asset_tag.c.key).where(asset_tag.c.asset_id == asset.c.id, asset_tag.c.key == key)
    of_version = select(version_tag.c.key).where(version_tag.c.node_id == version.c.node_id, version_tag.c.key == key)
    if equals:
        of_model = of_model.where(asset_tag.c.value == value)
        of_version = of_version.where(version_tag.c.value == value)
    return or_(of_model.correlate(asset).exists(), of_version.correlate(version).exists())


def _headline(name: str) -> Select[Any]:
    """The value of the producing step's metric on its test role; measured on several data, the first counts."""
    first = metric.alias("first_metric").with_cols(MetricColumns)
    earliest = (
        select(func.min(first.c.id))
        .where(first.c.step_id == version.c.step_id, first.c.name == name, first.c.role == TEST_ROLE)
        .correlate(version)
        .scalar_subquery()
    )
    return select(metric.c.value).where(metric.c.id == earliest).correlate(version)


def _has_metric(comparison: MetricComparison) -> ColumnElement[bool]:
    compare = _COMPARE[comparison.operator]
    return _headline(comparison.metric).where(compare(metric.c.value, comparison.value)).exists()


def _order(query: SearchQuery) -> list[SortBy]:
    last = SortBy(asset.c.id, int, query.descending)
    if query.sort is SortKey.NAME:
        return [SortBy(asset.c.name, str, query.descending), last]
    if query.sort is SortKey.CREATED:
        return [SortBy(asset.c.created_at, datetime, query.descending), last]
    if query.sort is SortKey.METRIC:
        # Models without the metric come last either way.
        missing = float("-inf") if query.descending else float("inf")
        value = func.coalesce(_headline(query.sort_metric or "").scalar_subquery(), missing)
        return [SortBy(value, float, query.descending), last]
    return [SortBy(asset.c.updated_at, datetime, query.descending), last]
