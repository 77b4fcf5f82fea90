"""How the models that match are spread over the fields that can be filtered.

Without a filter the counts are kept (`tables.listing`). With one, at most 100,000 matches are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from typing import Any

from sqlalchemy import Connection, bindparam, desc, func, select

from registry.domain.catalog.models import Facet, SearchQuery, Status
from registry.storage.catalog.conditions import conditions_of
from registry.storage.catalog.hidden import hidden_models, of_hidden, with_hidden
from registry.storage.catalog.listing_sql import FIELDS
from registry.storage.catalog.listing_sql import facets as listing_facets
from registry.storage.catalog.search import rarest
from registry.storage.sql.among import among
from registry.storage.tables import asset_tag, facet, headline, listing, version_tag

MOST = 50
"""Values that one facet shows, the most frequent first."""
COUNTED = 100_000
"""Matches that are counted."""
OF_MODELS = frozenset({"task", "modality", "origin", "owner"})
"""Fields in which all versions of a model have the same value."""


def count_facets(connection: Connection, query: SearchQuery, hidden: Collection[str] = ()) -> Sequence[Facet]:
    """For each field, how many models match with each of its values, without those of `hidden` teams.

    The field's own filter is left out, so that the counts say what choosing another value would give.
    """
    known: dict[SearchQuery, Matches] = {}
    less = _hidden_counts(connection, hidden) if hidden else None
    facets = []
    for field in (*FIELDS, "tag"):
        asked = _without(query, field) if field in FIELDS else query
        if not _is_narrowed(asked):
            facets.append(_kept(connection, field) if less is None else _kept_but(connection, field, less))
            continue
        matches = known.get(asked)
        if matches is None:
            matches = known[asked] = Matches(connection, asked, hidden)
        facets.append(matches.tags() if field == "tag" else matches.facet(field))
    return facets


def known_values(connection: Connection, field: str, hidden: Collection[str] = ()) -> Sequence[str]:
    """Every value of `field` (a facet) among live models, or with `metric` every name measured on test data.

    Those that only models of `hidden` teams have are left out.
    """
    query = _next("name" if field == "metric" else field)
    if hidden:
        query = query.where(~of_hidden(headline if field == "metric" else listing, hidden, connection.dialect.name))
    found: list[str] = []
    while (value := connection.execute(query, {"after": found[-1] if found else ""}).scalar_one()) is not None:
        found.append(value)
    return sorted(found)


class Matches:
    """The versions that match a query, up to `COUNTED` and one more; with archived ones for the facet `status`."""

    def __init__(self, connection: Connection, query: SearchQuery, hidden: Collection[str]) -> None:
        self._connection = connection
        self._found = Counts(_matching(connection, query, hidden, archived=True))
        self._used = self._found
        if query.status is None:
            at = FIELDS.index("status") + 2
            used = [row for row in self._found.rows if row[at] != Status.ARCHIVED]
            # Among as many rows as are counted, archived ones took the place of others.
            self._used = Counts(_matching(connection, query, hidden, archived=False) if self._found.capped else used)

    def facet(self, field: str) -> Facet:
        """The models with each value of `field`."""
        return (self._found if field == "status" else self._used).facet(field)

    def tags(self) -> Facet:
        """The models with each key of a tag, of their own or on a matching version."""
        given = {"models": {row[1] for row in self._used.rows}, "keys": [row[0] for row in self._used.rows]}
        most = self._connection.execute(_tag_counts(), given).all()
        return Facet("tag", tuple((row.key, row.models) for row in most), self._used.capped)


class Counts:
    """Rows of `listing` (id, model, and the fields) as they are counted: each model once for each value."""

    def __init__(self, rows: Sequence[Sequence[Any]]) -> None:
        self.rows = rows
        self.capped = len(rows) > COUNTED

    def facet(self, field: str) -> Facet:
        """The models with each value of `field`."""
        at = FIELDS.index(field) + 2
        if field in OF_MODELS:
            counts = Counter([row[at] for row in self._models])
        else:
            counts = Counter([row[at] for row in self._single])
            counts.update(value for _, value in {(row[1], row[at]) for row in self._several})
        del counts[None]
        most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST]
        return Facet(field, tuple(most), self.capped)

    @cached_property
    def _models(self) -> Collection[Sequence[Any]]:
        """A row of each model."""
        return {row[1]: row for row in self.rows}.values()

    @cached_property
    def _single(self) -> Sequence[Sequence[Any]]:
        """The rows of models that have one."""
        if len(self._models) == len(self.rows):
            return self.rows
        times = Counter([row[1] for row in self.rows])
        return [row for row in self.rows if times[row[1]] == 1]

    @cached_property
    def _several(self) -> Sequence[Sequence[Any]]:
        """The other rows."""
        single = {row[0] for row in self._single} if len(self._single) < len(self.rows) else None
        return [] if single is None else [row for row in self.rows if row[0] not in single]


def _matching(
    connection: Connection, query: SearchQuery, hidden: Collection[str], *, archived: bool
) -> Sequence[Sequence[Any]]:
    """Of each version that matches its key, its model and its fields."""
    conditions = conditions_of(query, connection.dialect.name, archived=archived, hidden=hidden)
    rare = rarest(connection, conditions)
    columns = (listing.c.id, listing.c.asset_id, *(listing.c[field] for field in FIELDS))
    rows = select(*columns).where(*(one.holds(listing) for one in conditions)).limit(COUNTED + 1)
    return connection.execute(rows if rare is None else rows.where(listing.c.id.in_(rare))).all()


@cache
def _tag_counts() -> Any:
    own = select(asset_tag.c.asset_id, asset_tag.c.key).where(among(asset_tag.c.asset_id, "models"))
    of_version = select(listing.c.asset_id, version_tag.c.key).join(listing, listing.c.id == version_tag.c.node_id)
    keys = own.union(of_version.where(among(version_tag.c.node_id))).subquery()
    counts = select(keys.c.key, func.count().label("models")).group_by(keys.c.key)
    return counts.order_by(desc("models"), keys.c.key).limit(MOST)


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


def _kept_but(connection: Connection, field: str, less: Mapping[tuple[str, str], int]) -> Facet:
    """The kept counts less those of hidden models."""
    rows = connection.execute(select(facet.c.value, facet.c.models).where(facet.c.field == field)).all()
    counts = ((row.value, row.models - less.get((field, row.value), 0)) for row in rows)
    most = sorted(((value, count) for value, count in counts if count > 0), key=lambda one: (-one[1], one[0]))
    return Facet(field, tuple(most[:MOST]))


def _hidden_counts(connection: Connection, hidden: Collection[str]) -> Mapping[tuple[str, str], int]:
    """The share of hidden models in the kept counts, by field and value."""
    statement = listing_facets(among=hidden_models(connection.dialect.name))
    rows = connection.execute(with_hidden(statement, hidden))
    return {(row.field, row.value): row.models for row in rows}


@cache
def _kept_counts() -> Any:
    mine = select(facet).where(facet.c.field == bindparam("of"), facet.c.models > 0)
    return mine.order_by(facet.c.models.desc(), facet.c.value).limit(MOST)


@cache
def _next(column: str) -> Any:
    """The value after another: so each value costs one look into the index, however many rows have it."""
    values = headline.c.name if column == "name" else listing.c[column]
    return select(func.min(values)).where(values > bindparam("after"))
