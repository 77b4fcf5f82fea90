"""How the models that match are spread over the fields that can be filtered.

Without a filter the counts are kept (`tables.listing`). With one that most models pass, what does not pass is counted
and taken from them; with any other, at most 25,000 matches are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, union_all

from registry.domain.catalog.models import Facet, SearchQuery, Status
from registry.storage.catalog.conditions import conditions_of
from registry.storage.catalog.hidden import hidden_models, of_hidden, with_hidden
from registry.storage.catalog.listing_sql import FIELDS
from registry.storage.catalog.listing_sql import facets as listing_facets
from registry.storage.catalog.search import few_models
from registry.storage.sql.among import among
from registry.storage.tables import asset_tag, facet, headline, listing, version_tag

MOST = 50
"""Values that one facet shows, the most frequent first."""
COUNTED = 25_000
"""Matches that are counted."""
WORDED = 10_000
"""Models with the words of a search of which the matches are counted."""
FEW_OUTSIDE = 12_000
"""Versions without a value up to which those are counted, and not the matches."""
OF_MODELS = frozenset({"task", "modality", "origin", "owner"})
"""Fields in which all versions of a model have the same value."""


def count_facets(connection: Connection, query: SearchQuery, hidden: Collection[str] = ()) -> Sequence[Facet]:
    """For each field, how many models match with each of its values, without those of `hidden` teams.

    The field's own filter is left out, so that the counts say what choosing another value would give.
    """
    known: dict[SearchQuery, Matches | AllBut] = {}
    less = _hidden_counts(connection, hidden) if hidden else None
    facets = []
    for field in (*FIELDS, "tag"):
        asked = _without(query, field) if field in FIELDS else query
        if not _is_narrowed(asked):
            facets.append(_kept(connection, field) if less is None else _kept_but(connection, field, less))
            continue
        matches = known.get(asked)
        if matches is None:
            matches = known[asked] = _counted(connection, asked, hidden)
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


def _counted(connection: Connection, query: SearchQuery, hidden: Collection[str]) -> Matches | AllBut:
    """Kept counts have the models of hidden teams in them: where there is such a team, only matches are counted."""
    conditions = conditions_of(query, connection.dialect.name, hidden=hidden)
    few = few_models(connection, conditions)
    outside = None if few is not None or hidden else _outside(connection, query)
    if outside is not None:
        return AllBut(connection, query, outside)
    worded = next((one.models for one in conditions if one.costly), None)
    if few is None and worded is not None:
        some = connection.scalars(worded(connection).limit(WORDED + 1)).all()
        return Matches(connection, query, hidden, some[:WORDED], more=len(some) > WORDED)
    return Matches(connection, query, hidden, few)


class Matches:
    """The versions that match a query, up to `COUNTED` and one more; with archived ones for the facet `status`."""

    def __init__(
        self,
        connection: Connection,
        query: SearchQuery,
        hidden: Collection[str],
        among_models: Collection[int] | None,
        *,
        more: bool = False,
    ) -> None:
        self._connection = connection
        self._found = Counts(_matching(connection, query, hidden, among_models, archived=True), more=more)
        self._used = self._found
        if query.status is None:
            used = _used(self._found.rows)
            # Among as many rows as are counted, archived ones took the place of others.
            capped = self._found.capped
            again = capped and not more
            rows = _matching(connection, query, hidden, among_models, archived=False) if again else used
            self._used = Counts(rows, more=more)

    def facet(self, field: str) -> Facet:
        """The models with each value of `field`."""
        return (self._found if field == "status" else self._used).facet(field)

    def tags(self) -> Facet:
        """The models with each key of a tag, of their own or on a matching version."""
        return Facet("tag", _most(_tags(self._connection, self._used.rows)), self._used.capped)


class AllBut:
    """The versions that match a query which most pass: all that are kept counts of, but for those of some models.

    `outside` are the models with a version that does not match. What they count for is taken from the kept counts,
    and what their matching versions count for is added: no match of another model is read.
    """

    def __init__(self, connection: Connection, query: SearchQuery, outside: Collection[int]) -> None:
        self._connection = connection
        rows = connection.execute(_of_models(), {"models": outside}).all()
        wanted = [
            (at + 2, getattr(query, field)) for at, field in enumerate(FIELDS) if getattr(query, field) is not None
        ]
        matching = [row for row in rows if all(row[at] == value for at, value in wanted)]
        self._every, self._matching = Counts(rows), Counts(matching)
        self._used, self._used_matching = Counts(_used(rows)), Counts(_used(matching))

    def facet(self, field: str) -> Facet:
        """The models with each value of `field`."""
        status = field == "status"
        before, after = (self._every, self._matching) if status else (self._used, self._used_matching)
        return self._less(field, before.values(field) - after.values(field))

    def tags(self) -> Facet:
        """The models with each key of a tag, of their own or on a matching version."""
        before, after = (_tags(self._connection, one.rows) for one in (self._used, self._used_matching))
        return self._less("tag", before - after)

    def _less(self, field: str, fewer: Counter[str]) -> Facet:
        # Of the values that are counted most as they are kept, all but the `fewer` stay in front of those not read.
        kept = self._connection.execute(_kept_counts(), {"of": field, "most": MOST + len(fewer)}).all()
        return Facet(field, _most(Counter({row.value: row.models - fewer[row.value] for row in kept})))


def _used(rows: Sequence[Sequence[Any]]) -> Sequence[Sequence[Any]]:
    """Those of versions that are not archived: such a version counts for nothing but its status."""
    at = FIELDS.index("status") + 2
    return [row for row in rows if row[at] != Status.ARCHIVED]


def _most(counts: Counter[str]) -> tuple[tuple[str, int], ...]:
    """The most frequent values with their counts."""
    some = ((value, count) for value, count in counts.items() if count > 0)
    return tuple(sorted(some, key=lambda pair: (-pair[1], pair[0]))[:MOST])


class Counts:
    """Rows of `listing` (id, model, and the fields) as they are counted: each model once for each value."""

    def __init__(self, rows: Sequence[Sequence[Any]], *, more: bool = False) -> None:
        self.rows = rows
        self.capped = more or len(rows) > COUNTED

    def facet(self, field: str) -> Facet:
        """The models with each value of `field`."""
        return Facet(field, _most(self.values(field)), self.capped)

    def values(self, field: str) -> Counter[str]:
        """As `facet`, with every value."""
        at = FIELDS.index(field) + 2
        if field in OF_MODELS:
            counts = Counter([row[at] for row in self._models])
        else:
            counts = Counter([row[at] for row in self._single])
            counts.update(value for _, value in {(row[1], row[at]) for row in self._several})
        del counts[None]
        return counts

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


_ROW = (listing.c.id, listing.c.asset_id, *(listing.c[field] for field in FIELDS))
"""The key of a version, its model and its fields."""


def _matching(
    connection: Connection,
    query: SearchQuery,
    hidden: Collection[str],
    among_models: Collection[int] | None,
    *,
    archived: bool,
) -> Sequence[Sequence[Any]]:
    """`_ROW` of each version that matches; with `among_models`, of these models only."""
    conditions = conditions_of(query, connection.dialect.name, archived=archived, hidden=hidden)
    rows = select(*_ROW).where(*(one.holds(listing) for one in conditions)).limit(COUNTED + 1)
    if among_models is None:
        return connection.execute(rows).all()
    return connection.execute(rows.where(among(listing.c.asset_id, "models")), {"models": among_models}).all()


def _outside(connection: Connection, query: SearchQuery) -> Collection[int] | None:
    """The models with a version that does not match; None where those are many, or not found by their fields alone."""
    if query.text or query.tags or query.metrics or query.status is Status.ARCHIVED:
        return None  # kept counts leave archived versions out
    wanted = {field: str(getattr(query, field)) for field in FIELDS if getattr(query, field) is not None}
    found = connection.execute(_without_values(tuple(wanted)), {**wanted, "most": FEW_OUTSIDE + 1}).scalars().all()
    return None if len(found) > FEW_OUTSIDE else set(found)


@cache
def _without_values(fields: tuple[str, ...]) -> Any:
    """The model of each version that has another value of one of these fields, or none: read from narrow indexes."""
    parts = []
    for field in fields:
        column: ColumnElement[Any] = listing.c[field]
        value: ColumnElement[Any] = bindparam(field)
        parts += [select(listing.c.asset_id).where(holds) for holds in (column < value, column > value)]
        if listing.c[field].nullable:
            parts.append(select(listing.c.asset_id).where(column.is_(None)))
    others = union_all(*parts).subquery()
    return select(others.c.asset_id).limit(bindparam("most"))


@cache
def _of_models() -> Any:
    return select(*_ROW).where(among(listing.c.asset_id, "models"))


def _tags(connection: Connection, rows: Sequence[Sequence[Any]]) -> Counter[str]:
    """How many models have each key of a tag, of their own or on one of the versions `rows`."""
    given = {"models": {row[1] for row in rows}, "keys": [row[0] for row in rows]}
    return Counter({row.key: row.models for row in connection.execute(_tag_counts(), given)})


@cache
def _tag_counts() -> Any:
    own = select(asset_tag.c.asset_id, asset_tag.c.key).where(among(asset_tag.c.asset_id, "models"))
    of_version = select(listing.c.asset_id, version_tag.c.key).join(listing, listing.c.id == version_tag.c.node_id)
    keys = own.union(of_version.where(among(version_tag.c.node_id))).subquery()
    return select(keys.c.key, func.count().label("models")).group_by(keys.c.key)


def _without(query: SearchQuery, field: str) -> SearchQuery:
    changes: dict[str, Any] = {field: None}
    return replace(query, **changes)


def _is_narrowed(query: SearchQuery) -> bool:
    return bool(query.text.split() or query.tags or query.metrics) or any(
        getattr(query, field) is not None for field in FIELDS
    )


def _kept(connection: Connection, field: str) -> Facet:
    rows = connection.execute(_kept_counts(), {"of": field, "most": MOST}).all()
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
    return mine.order_by(facet.c.models.desc(), facet.c.value).limit(bindparam("most"))


@cache
def _next(column: str) -> Any:
    """The value after another: so each value costs one look into the index, however many rows have it."""
    values = headline.c.name if column == "name" else listing.c[column]
    return select(func.min(values)).where(values > bindparam("after"))
