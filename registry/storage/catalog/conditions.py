"""The conditions of a search: each tests one row of `listing`, and where an index finds its rows, their models."""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Table, bindparam, false, or_, select

from registry.domain.catalog.models import MetricComparison, SearchQuery, Status
from registry.storage.catalog.documents import documents_hold, phrase_of
from registry.storage.catalog.hidden import of_hidden
from registry.storage.catalog.listing_sql import FIELDS
from registry.storage.catalog.tags import is_value
from registry.storage.catalog.wording import models_with
from registry.storage.sql.prebuilt import Prebuilt
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
    """`holds(table)` is true of the rows of `table` (listing, or an alias) that match.

    `models` gives so many keys of their models, of one more than once and with others among them; where it is `costly`,
    the first of them is as dear as all.
    """

    holds: Callable[[Table[Any]], ColumnElement[bool]]
    models: Callable[[Connection, int], Sequence[int]] | None = None
    costly: bool = False


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
    phrases = [phrase for word in words if (phrase := phrase_of(word))]
    if phrases:
        found.append(_has_words(phrases))
    elif words:
        found.append(Condition(lambda _: false()))
    if query.status is None and not archived:
        found.append(Condition(lambda rows: rows.c.status.is_distinct_from(Status.ARCHIVED)))
    if hidden:
        found.append(Condition(lambda rows: ~of_hidden(rows, hidden, dialect)))
    return found


def _has_value(field: str, value: object) -> Condition:
    def models(connection: Connection, most: int) -> Sequence[int]:
        return [key for (key,) in _with_value(field).rows(connection, {"value": value, "most": most})]

    return Condition(lambda rows: rows.c[field] == value, models)


@cache
def _with_value(field: str) -> Prebuilt:
    mine = select(listing.c.asset_id).where(listing.c[field] == bindparam("value"))
    return Prebuilt(lambda: mine.limit(bindparam("most")))


def _first(models: Select[Any]) -> Callable[[Connection, int], Sequence[int]]:
    return lambda connection, most: connection.scalars(models.limit(most)).all()


def _has_tag(tag: str) -> Condition:
    key, equals, value = tag.partition("=")
    own, of_version = [asset_tag.c.key == key], [version_tag.c.key == key]
    if equals:
        own.append(is_value(asset_tag, value))
        of_version.append(is_value(version_tag, value))

    def holds(rows: Table[Any]) -> ColumnElement[bool]:
        of_model = select(asset_tag.c.key).where(asset_tag.c.asset_id == rows.c.asset_id, *own)
        of_one = select(version_tag.c.key).where(version_tag.c.node_id == rows.c.id, *of_version)
        return or_(of_model.correlate(rows).exists(), of_one.correlate(rows).exists())

    models = select(asset_tag.c.asset_id).where(*own)
    of_versions = select(listing.c.asset_id).join(version_tag, version_tag.c.node_id == listing.c.id).where(*of_version)
    both = models.union_all(of_versions).subquery()
    return Condition(holds, _first(select(both.c.asset_id)))


def _has_metric(comparison: MetricComparison) -> Condition:
    """The producing step's metric on its test role; measured on several data, the first counts."""
    compare = _COMPARE[comparison.operator]
    matches = (headline.c.name == comparison.metric, compare(headline.c.value, comparison.value))

    def holds(rows: Table[Any]) -> ColumnElement[bool]:
        own = headline.alias("measured")
        mine = (own.c.listing_id == rows.c.id, own.c.name == comparison.metric)
        return select(own.c.name).where(*mine, compare(own.c.value, comparison.value)).correlate(rows).exists()

    return Condition(holds, _first(select(headline.c.asset_id).where(*matches)))


def _has_words(phrases: Sequence[str]) -> Condition:
    return Condition(
        lambda rows: documents_hold(rows, phrases),
        lambda connection, most: models_with(connection, phrases, most),
        costly=True,
    )
