"""How the models that match are spread over the fields that can be filtered.

Without a filter the counts are kept (`tables.listing`). Else the matches are counted: where they are few, from their
own rows; or from all rows as arrays (`blocks`), in which a filter by fields is one comparison. What is found by words,
tags or metrics is first asked for, up to 100,000 matches: above that, each count is one of at least that many.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from typing import Any

import numpy as np
from sqlalchemy import Connection, bindparam, func, select

from registry.domain.catalog.models import Facet, SearchQuery, Status
from registry.storage.catalog import blocks
from registry.storage.catalog.columns import Columns, Flags, Int32s, Int64s, Values, read
from registry.storage.catalog.conditions import Condition, conditions_of
from registry.storage.catalog.hidden import hidden_models, of_hidden, with_hidden
from registry.storage.catalog.listing_sql import FIELDS
from registry.storage.catalog.listing_sql import facets as listing_facets
from registry.storage.catalog.search import few_models
from registry.storage.sql.among import among
from registry.storage.tables import facet, headline, listing

MOST = 50
"""Values that one facet shows, the most frequent first."""
COUNTED = 100_000
"""Matches of a search by more than fields that are counted."""
WORDED = 10_000
"""Models with the words of a search of which the matches are counted."""
OF_MODELS = frozenset({"task", "modality", "origin", "owner"})
"""Fields in which all versions of a model have the same value."""


def count_facets(connection: Connection, query: SearchQuery, hidden: Collection[str] = ()) -> Sequence[Facet]:
    """For each field, how many models match with each of its values, without those of `hidden` teams.

    The field's own filter is left out, so that the counts say what choosing another value would give.
    """
    matching = _Matching(connection, hidden)
    known: dict[SearchQuery, _Matches] = {}
    less = _hidden_counts(connection, hidden) if hidden else None
    facets = []
    for field in (*FIELDS, "tag"):
        asked = _without(query, field) if field in FIELDS else query
        if not _is_narrowed(asked):
            facets.append(_kept(connection, field) if less is None else _kept_but(connection, field, less))
            continue
        if asked not in known:
            known[asked] = matching(asked)
        facets.append(known[asked].facet(field))
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


class _Matching:
    """Finds what matches a query, in rows that are read once for all facets."""

    def __init__(self, connection: Connection, hidden: Collection[str]) -> None:
        self._connection, self._hidden = connection, hidden
        self._archived = Status.ARCHIVED.value

    def __call__(self, query: SearchQuery) -> _Matches:
        # With archived ones, which count for the facet `status`.
        conditions = conditions_of(query, self._connection.dialect.name, archived=True, hidden=self._hidden)
        few = few_models(self._connection, conditions)
        if few is not None:
            values = Values()
            columns = read(self._connection, few, values)
            ids = self._connection.scalars(_ids(conditions, models=True), {"models": few}).all()
            return self._matches(query, columns, values, np.isin(columns.ids, np.array(ids, np.int64)))
        columns, values = self._whole
        mask, capped = np.ones(len(columns.ids), bool), False
        for at, field in enumerate(FIELDS):
            if (value := getattr(query, field)) is not None:
                mask &= columns.fields[at] == values.number(field, str(value))
        if query.text.split() or query.tags or query.metrics:
            ids, capped = self._found(conditions)
            mask &= np.isin(columns.ids, np.array(ids, np.int64))
        elif self._hidden:
            mask &= np.isin(columns.models, self._hidden_models, invert=True)
        return self._matches(query, columns, values, mask, capped=capped)

    def _matches(
        self, query: SearchQuery, columns: Columns, values: Values, mask: Flags, *, capped: bool = False
    ) -> _Matches:
        used = mask
        if query.status is None:
            used = mask & (columns.fields[FIELDS.index("status")] != values.number("status", self._archived))
        return _Matches(columns, values, mask, used, capped)

    def _found(self, conditions: Sequence[Condition]) -> tuple[Sequence[int], bool]:
        """The versions for which all conditions hold, and whether there are more."""
        worded = next((one.models for one in conditions if one.costly), None)
        if worded is None:
            ids = self._connection.scalars(_ids(conditions).limit(COUNTED + 1)).all()
            return ids, len(ids) > COUNTED
        some = worded(self._connection, WORDED + 1)
        ids = self._connection.scalars(_ids(conditions, models=True), {"models": some[:WORDED]}).all()
        return ids, len(some) > WORDED

    @cached_property
    def _whole(self) -> tuple[Columns, Values]:
        return blocks.whole(self._connection)

    @cached_property
    def _hidden_models(self) -> Int64s:
        keys = self._connection.scalars(with_hidden(hidden_models(self._connection.dialect.name), self._hidden))
        return np.array(keys.all(), np.int64)


class _Matches:
    """The rows that match: those marked in `found`, and without archived versions in `used`.

    An archived version counts for nothing but its status. Each model counts once for each value.
    """

    def __init__(self, columns: Columns, values: Values, found: Flags, used: Flags, capped: bool) -> None:
        self._columns, self._values, self._capped = columns, values, capped
        self._found, self._used = found, used

    def facet(self, field: str) -> Facet:
        """The models with each value of a field; `tag`: with each key of a tag, their own or one of a match."""
        if field == "tag":
            numbers = self._tags()
        else:
            column = self._columns.fields[FIELDS.index(field)]
            numbers = self._statuses(column) if field == "status" else self._of(field, column)
        counts = np.bincount(numbers, minlength=1)
        counts[0] = 0  # stands for no value
        some = ((self._values.value(number), int(counts[number])) for number in np.flatnonzero(counts).tolist())
        return Facet(field, tuple(sorted(some, key=lambda one: (-one[1], one[0]))[:MOST]), self._capped)

    def _statuses(self, column: Int32s) -> Int32s:
        return self._distinct(np.flatnonzero(self._found), column)

    def _of(self, field: str, column: Int32s) -> Int32s:
        if field not in OF_MODELS:
            return self._distinct(self._at, column)
        of_models: Int32s = column[self._at[self._first(self._at)]]
        return of_models

    @cached_property
    def _at(self) -> Int64s:
        return np.flatnonzero(self._used)

    def _first(self, at: Int64s) -> Flags:
        """Of rows in order, which is the first of its model."""
        runs = self._columns.runs[at]
        return np.concatenate([np.ones(min(1, len(at)), bool), runs[1:] != runs[:-1]])

    def _distinct(self, at: Int64s, column: Int32s) -> Int32s:
        """The values of each model in the rows `at`, each once."""
        first = self._first(at)
        alone = first & np.concatenate([first[1:], np.ones(min(1, len(at)), bool)])
        several = at[~alone]
        return np.concatenate([column[at[alone]], _once(self._columns.runs[several], column[several])])

    def _tags(self) -> Int32s:
        columns = self._columns
        models = np.zeros(len(columns.ids), bool)
        models[columns.runs[self._at]] = True
        own, others = columns.own_tags, columns.version_tags
        own = own[models[columns.runs[own[:, 0]]]]
        others = others[self._used[others[:, 0]]]
        # Keys that either only models or only versions have cannot be counted twice.
        both = _numbers(own[:, 1]) & _numbers(others[:, 1])
        twice, more = np.isin(own[:, 1], list(both)), np.isin(others[:, 1], list(both))
        rows = np.concatenate([own[twice], others[more]])
        alone = own[~twice][:, 1], _once(columns.runs[others[~more][:, 0]], others[~more][:, 1])
        return np.concatenate([*alone, _once(columns.runs[rows[:, 0]], rows[:, 1])])


def _numbers(column: Int32s) -> set[int]:
    return set(np.flatnonzero(np.bincount(column)).tolist())


def _once(runs: Int64s, numbers: Int32s) -> Int32s:
    """The numbers, each as often as there are models with it."""
    many = int(numbers.max(initial=0)) + 1
    pairs = np.sort(runs * many + numbers)  # several times as fast as `np.unique`, which hashes
    first = np.concatenate([np.ones(min(1, len(pairs)), bool), pairs[1:] != pairs[:-1]])
    once: Int32s = (pairs[first] % many).astype(np.int32)
    return once


def _ids(conditions: Sequence[Condition], *, models: bool = False) -> Any:
    """The versions for which all conditions hold; with `models`, of these models only."""
    rows = select(listing.c.id).where(*(one.holds(listing) for one in conditions))
    return rows.where(among(listing.c.asset_id, "models")) if models else rows


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
