"""The conditions of a search: each tests one row of `listing`, and where an index finds its rows, gives their ids."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, false, or_, select

from registry.domain.catalog.models import MetricComparison, SearchQuery, Status
from registry.storage.catalog.documents import document_holds, listings_with, phrase_of
from registry.storage.catalog.hidden import of_hidden
from registry.storage.catalog.listing_sql import FIELDS
from registry.storage.tables import asset_tag, headline, listing, version_tag

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


def conditions_of(
    query: SearchQuery, dialect: str, *, archived: bool = False, hidden: Collection[str] = ()
) -> list[Condition]:
    """What must hold, on a database of the kind `dialect`. Punctuation separates words.

    An archived version is found only by a search for that status, or with `archived`; those of `hidden` teams never.
    """
    found = [_has_value(field, getattr(query, field)) for field in FIELDS if getattr(query, field) is not None]
    found += [_has_tag(tag) for tag in query.tags]
    found += [_has_metric(comparison) for comparison in query.metrics]
    words = query.text.split()
    found += [_has_words(word, dialect) for word in words if phrase_of(word)]
    if words and not phrase_of(query.text):
        found.append(Condition(lambda _: false()))
    if query.status is None and not archived:
        found.append(Condition(lambda rows: rows.c.status.is_distinct_from(Status.ARCHIVED)))
    if hidden:
        found.append(Condition(lambda rows: ~of_hidden(rows, hidden, dialect)))
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


def _has_words(text: str, dialect: str) -> Condition:
    phrase = phrase_of(text)
    return Condition(lambda rows: document_holds(rows, phrase), listings_with(phrase, dialect))
