"""How the models that match are spread over the fields that can be filtered.

Without a filter the counts are kept (`tables.listing`). With one, at most 100,000 matches are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, desc, func, select

from registry.domain.catalog.models import Facet, SearchQuery
from registry.storage.catalog.conditions import conditions_of
from registry.storage.catalog.listing_sql import FIELDS
from registry.storage.catalog.search import rarest
from registry.storage.tables import asset_tag, facet, headline, listing, version_tag

MOST = 50
"""Values that one facet shows, the most frequent first."""
COUNTED = 100_000
"""Matches that are counted."""


def count_facets(connection: Connection, query: SearchQuery) -> Sequence[Facet]:
    """For each field, how many models match with each of its values.

    The field's own filter is left out, so that the counts say what choosing another value would give.
    """
    known: dict[SearchQuery, Matches] = {}
    facets = []
    for field in (*FIELDS, "tag"):
        asked = _without(query, field) if field in FIELDS else query
        if not _is_narrowed(asked):
            facets.append(_kept(connection, field))
            continue
        matches = Matches(connection, asked, archived=field == "status") if field == "status" else known.get(asked)
        if matches is None:
            matches = known[asked] = Matches(connection, asked)
        facets.append(matches.tags() if field == "tag" else matches.facet(field))
    return facets


def known_values(connection: Connection, field: str) -> Sequence[str]:
    """Every value of `field` (a facet) among live models, or with `metric` every name measured on test data."""
    column = "name" if field == "metric" else field
    found: list[str] = []
    while (value := connection.execute(_next(column), {"after": found[-1] if found else ""}).scalar_one()) is not None:
        found.append(value)
    return sorted(found)


class Matches:
    """The versions that match a query, up to `COUNTED` and one more."""

    def __init__(self, connection: Connection, query: SearchQuery, *, archived: bool = False) -> None:
        self._connection = connection
        conditions = conditions_of(query, connection.dialect.name, archived=archived)
        rare = rarest(connection, conditions)
        rows = select(listing).where(*(one.holds(listing) for one in conditions)).limit(COUNTED + 1)
        self._rows = rows if rare is None else rows.where(listing.c.id.in_(rare))
        columns = self._rows.with_only_columns(listing.c.asset_id, *(listing.c[field] for field in FIELDS))
        self._found = connection.execute(columns).all()
        times = Counter(row[0] for row in self._found)
        self._single = [row for row in self._found if times[row[0]] == 1]
        self._several = [row for row in self._found if times[row[0]] > 1]
        self.capped = len(self._found) > COUNTED

    def facet(self, field: str) -> Facet:
        """The models with each value of `field`."""
        at = FIELDS.index(field) + 1
        counts = Counter(row[at] for row in self._single)
        counts.update(value for _, value in {(row[0], row[at]) for row in self._several})
        del counts[None]
        most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST]
        return Facet(field, tuple(most), self.capped)

    def tags(self) -> Facet:
        """The models with each key of a tag, of their own or on a matching version."""
        rows = self._rows.subquery()
        own = select(rows.c.asset_id, asset_tag.c.key).join(asset_tag, asset_tag.c.asset_id == rows.c.asset_id)
        on_version = select(rows.c.asset_id, version_tag.c.key).join(version_tag, version_tag.c.node_id == rows.c.id)
        keys = own.union(on_version).subquery()
        counts = select(keys.c.key, func.count().label("models")).group_by(keys.c.key)
        most = self._connection.execute(counts.order_by(desc("models"), keys.c.key).limit(MOST)).all()
        return Facet("tag", tuple((row.key, row.models) for row in most), self.capped)


def _without(query: SearchQuery, field: str) -> SearchQuery:
    changes: dict[str, Any] = {field: None}
    return replace(query, **changes)


def _is_narrowed(query: SearchQuery) -> bool:
    return bool(query.text.split() or query.tags or query.metrics) or any(
        getattr(query, field) is not None for field in FIELDS
    )


def _kept(connection: Connection, field: str) -> Facet:
    rows = connection.execute(_kept_counts(), {"of": field}).all()
    return Facet(field, tuple((row.value, row.models) for row in rows))


@cache
def _kept_counts() -> Any:
    mine = select(facet).where(facet.c.field == bindparam("of"), facet.c.models > 0)
    return mine.order_by(facet.c.models.desc(), facet.c.value).limit(MOST)


@cache
def _next(column: str) -> Any:
    """The value after another: so each value costs one look into the index, however many rows have it."""
    values = headline.c.name if column == "name" else listing.c[column]
    return select(func.min(values)).where(values > bindparam("after"))
