"""The conditions of a search: each tests one row of `listing`, and where an index finds its rows, gives their ids."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, func, or_, select

from registry.domain.catalog.models import MetricComparison, SearchQuery, Status
from registry.storage.catalog.assets import fold
from registry.storage.catalog.listings import FIELDS
from registry.storage.tables import (
    asset,
    asset_tag,
    card_revision,
    headline,
    listing,
    model_version,
    version,
    version_tag,
)
from registry.storage.tables.catalog import CardRevisionColumns

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """`holds(table)` is true of the rows of `table` (listing, or an alias) that match; `candidates` are their ids."""

    holds: Callable[[Table[Any]], ColumnElement[bool]]
    candidates: Select[Any] | None = None


def conditions_of(query: SearchQuery, *, archived: bool = False) -> list[Condition]:
    """What must hold. An archived version is found only by a search for that status, or with `archived`."""
    found = [_has_value(field, getattr(query, field)) for field in FIELDS if getattr(query, field) is not None]
    found += [_has_tag(tag) for tag in query.tags]
    found += [_has_metric(comparison) for comparison in query.metrics]
    found += [_has_word(word) for word in fold(query.text).split()]
    if query.status is None and not archived:
        found.append(Condition(lambda rows: rows.c.status.is_distinct_from(Status.ARCHIVED)))
    return found


def _has_value(field: str, value: object) -> Condition:
    return Condition(lambda rows: rows.c[field] == value, select(listing.c.id).where(listing.c[field] == value))


def _has_tag(tag: str) -> Condition:
    key, equals, value = tag.partition("=")
    own, of_version = [asset_tag.c.key == key], [version_tag.c.key == key]
    if equals:
        own.append(asset_tag.c.value == value)
        of_version.append(version_tag.c.value == value)

    def holds(rows: Table[Any]) -> ColumnElement[bool]:
        of_model = select(asset_tag.c.key).where(asset_tag.c.asset_id == rows.c.asset_id, *own)
        of_one = select(version_tag.c.key).where(version_tag.c.node_id == rows.c.id, *of_version)
        return or_(of_model.correlate(rows).exists(), of_one.correlate(rows).exists())

    models = select(listing.c.id).join(asset_tag, asset_tag.c.asset_id == listing.c.asset_id).where(*own)
    both = models.union_all(select(version_tag.c.node_id).where(*of_version)).subquery()
    return Condition(holds, select(both.c.id))


def _has_metric(comparison: MetricComparison) -> Condition:
    """The producing step's metric on its test role; measured on several data, the first counts."""
    compare = _COMPARE[comparison.operator]
    matches = (headline.c.name == comparison.metric, compare(headline.c.value, comparison.value))

    def holds(rows: Table[Any]) -> ColumnElement[bool]:
        own = headline.alias("measured")
        mine = (own.c.listing_id == rows.c.id, own.c.name == comparison.metric)
        return select(own.c.name).where(*mine, compare(own.c.value, comparison.value)).correlate(rows).exists()

    return Condition(holds, select(headline.c.listing_id.label("id")).where(*matches))


def _has_word(word: str) -> Condition:
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
    somewhere = or_(
        asset.c.words.contains(word, autoescape=True),
        version.c.words.contains(word, autoescape=True),
        func.lower(asset.c.task).contains(word, autoescape=True),
        func.lower(model_version.c.architecture).contains(word, autoescape=True),
        card.correlate(version).exists(),
    )

    def holds(rows: Table[Any]) -> ColumnElement[bool]:
        words = (
            select(asset.c.id)
            .select_from(asset)
            .outerjoin(version, version.c.node_id == rows.c.id)
            .outerjoin(model_version, model_version.c.node_id == rows.c.id)
        )
        return words.where(asset.c.id == rows.c.asset_id, somewhere).correlate(rows).exists()

    return Condition(holds)
