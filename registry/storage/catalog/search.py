"""The search over registered models: pages read from `listing`, with all conditions true of one live version.

No statement reads a whole table. If one condition is rare, its models are gathered by its index and sorted; else
matches are frequent, and models are walked in the order of the page until it is full. Words that are frequent each for
itself can be seldom together: where a short walk does not fill the page, the full-text index says which have all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from itertools import chain, repeat
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, bindparam, func, literal, select

from registry.domain.catalog.models import ModelSummary, SearchQuery, SortKey
from registry.domain.names import AssetKind
from registry.domain.paging import Page, PageRequest
from registry.storage.catalog.conditions import Condition, conditions_of
from registry.storage.catalog.versions import model_summaries
from registry.storage.sql.among import among
from registry.storage.sql.paging import (
    SortBy,
    cursor_after,
    ordered,
    page_rows,
    sort_keys,
    sort_values,
    with_keys,
)
from registry.storage.sql.prebuilt import Prebuilt
from registry.storage.tables import asset, headline, listing
from registry.storage.tables.listing import ListingColumns

FEW = 3000
"""Models for which one condition holds, up to which they are gathered and sorted."""
STAGES = ((60, 10_000), (6000, 10_000_000))
"""So many models are walked before up to so many with all words are looked up, and others passed over unread."""
PASSED_OVER = 5000
"""Models that are read together where those without the words are passed over by their ids."""
FEWER, MOST_PASSES = 2200, 3
"""Of more models than these with all words, the first of a page are looked for by passing over others, a few times."""
_AT_ONCE = (60, 240, 1000)
"""Models that are looked at together: more of them the longer it takes to fill the page."""
_AT = listing.alias("at").with_cols(ListingColumns)


def search_models(connection: Connection, query: SearchQuery, hidden: Collection[str] = ()) -> Page[ModelSummary]:
    """One page of models that match, none of a `hidden` team, each with its newest matching version.

    Raises: BadCursorError.
    """
    scope = f"models {replace(query, page=PageRequest())!r}"
    conditions = conditions_of(query, connection.dialect.name, hidden=hidden)
    if query.sort is SortKey.METRIC:
        rows, cursor = _by_value(connection, query, conditions, scope)
    else:
        keys = few_models(connection, [one for one in conditions if not one.costly])
        worded = next((one.models for one in conditions if one.costly), None)
        if keys is None and worded is None:
            rows, cursor = page_rows(connection, _walked(conditions), _order(query), query.page, scope=scope)
        else:
            rows, cursor = _picked(connection, query, conditions, _Candidates(connection, query, keys, worded), scope)
    return Page(
        model_summaries(connection, rows, {row.id: row.listing_id for row in rows if row.listing_id > 0}), cursor
    )


def few_models(connection: Connection, conditions: Sequence[Condition]) -> Collection[int] | None:
    """The models for which the rarest of the conditions holds, if they are few. Each is looked up in a narrow index."""
    fewest: Sequence[int] | None = None
    for condition in conditions:
        if condition.models is not None:
            found = condition.models(connection, FEW + 1)
            if len(found) <= FEW and (fewest is None or len(found) < len(fewest)):
                fewest = found
    return None if fewest is None else set(fewest)


Worded = Callable[[Connection, int], Sequence[int]]


class _Candidates:
    """The ids of models that may match, in the order of the page.

    `keys` are the models for which a rare condition holds; without one, `worded` gives the models with all words.
    """

    def __init__(
        self, connection: Connection, query: SearchQuery, keys: Collection[int] | None, worded: Worded | None
    ) -> None:
        self._connection = connection
        self._sort = query.sort, query.descending
        self._keys = keys
        self._worded = worded

    def after(self, last: Sequence[Any] | None) -> Iterator[Sequence[int]]:
        """Those after the one with the keys `last`, some at a time."""
        if self._keys is not None:
            yield from self._sorted(self._keys, last)
            return
        walked, with_words, stages = 0, None, iter(STAGES)
        stage = next(stages, None)
        for size in _sizes():
            many = size if with_words is None else PASSED_OVER
            ids = self._ids(last, many)
            yield ids if with_words is None else [key for key in ids if key in with_words]
            if len(ids) < many:
                return
            last = self._keys_of(ids[-1])
            walked += many
            if with_words is None and stage is not None and walked >= stage[0]:
                found = self._with_words(stage[1])
                if found is not None and len(found) <= FEW:
                    yield from self._of_few(found, last)
                    return
                with_words, stage = found, next(stages, None)

    def _of_few(self, keys: Collection[int], last: Sequence[Any]) -> Iterator[Sequence[int]]:
        """Of many among the few, the first in order are found sooner by passing over others than by sorting them."""
        for _ in range(MOST_PASSES if len(keys) > FEWER else 0):
            ids = self._ids(last, PASSED_OVER)
            yield [key for key in ids if key in keys]
            if len(ids) < PASSED_OVER:
                return
            last = self._keys_of(ids[-1])
        yield from self._sorted(keys, last)

    def _with_words(self, most: int) -> Collection[int] | None:
        found = () if self._worded is None else self._worded(self._connection, most + 1)
        return set(found) if len(found) <= most else None

    def _sorted(self, keys: Collection[int], last: Sequence[Any] | None) -> Iterator[Sequence[int]]:
        ids, at = self._ids(last, len(keys), keys), 0
        for many in _sizes():
            if at >= len(ids):
                return
            yield ids[at : at + many]
            at += many

    def _ids(self, last: Sequence[Any] | None, many: int, keys: Collection[int] | None = None) -> Sequence[int]:
        """So many after the one with the keys `last`: of `keys`, or of all."""
        given = {"keys": keys, "many": many} | {_last(i): value for i, value in enumerate(last or ())}
        rows = _next_ids(*self._sort, after=last is not None, some=keys is not None).rows(self._connection, given)
        return [key for (key,) in rows]

    def _keys_of(self, key: int) -> Sequence[Any]:
        (found,) = _sort_keys(*self._sort).rows(self._connection, {"key": key})
        return tuple(found)


def _sizes() -> Iterator[int]:
    return chain(_AT_ONCE, repeat(_AT_ONCE[-1]))


def _last(i: int) -> str:
    return f"last_{i}"


@cache
def _next_ids(sort: SortKey, descending: bool, *, after: bool, some: bool) -> Prebuilt:
    """The ids of models in order, `after` one of them or from the first.

    Of `some` by keys alone: with a kind beside them, SQLite reads every asset of that kind. Of all with deleted ones,
    so that an index is enough: they have no row in `listing`.
    """
    order = _order(SearchQuery(sort=sort, descending=descending))
    last = [bindparam(_last(i), type_=key.column.type) for i, key in enumerate(order)] if after else None
    mine = among(asset.c.id) if some else asset.c.kind == AssetKind.MODELS
    return Prebuilt(lambda: ordered(select(asset.c.id).where(mine), order, last).limit(bindparam("many")))


@cache
def _sort_keys(sort: SortKey, descending: bool) -> Prebuilt:
    """What models are sorted by, of one."""
    order = _order(SearchQuery(sort=sort, descending=descending))
    return Prebuilt(lambda: select(*(key.column for key in order)).where(asset.c.id == bindparam("key")))


def _picked(
    connection: Connection, query: SearchQuery, conditions: Sequence[Condition], candidates: _Candidates, scope: str
) -> tuple[Sequence[Row[Any]], str | None]:
    """A page of those candidates that match."""
    page, order = query.page, _order(query)
    match = _match(select(asset.c.id, _AT.c.id), conditions)
    picked: list[tuple[int, int]] = []
    for keys in candidates.after(None if page.cursor is None else sort_keys(page.cursor, order, scope=scope)):
        found: dict[int, int] = dict(connection.execute(match, {"keys": keys}).all()) if keys else {}
        picked += [(key, found[key]) for key in keys if key in found]
        if len(picked) > page.limit:
            break
    shown = with_keys(ordered(_listed(), order), order)
    rows = connection.execute(shown, {"keys": [listed for _, listed in picked[: page.limit]]}).all()
    return rows, cursor_after(sort_values(rows[-1], order), scope=scope) if len(picked) > page.limit else None


@cache
def _listed() -> Select[*tuple[Any, ...]]:
    """Models beside some rows of `listing`, by the keys of these."""
    rows = select(asset, _AT.c.id.label("listing_id")).select_from(_AT).join(asset, asset.c.id == _AT.c.asset_id)
    return rows.where(among(_AT.c.id))


def _match(columns: Select[*tuple[Any, ...]], conditions: Sequence[Condition]) -> Select[*tuple[Any, ...]]:
    """Of the models with some `keys` those that match, with their newest matching versions."""
    newest = and_(_AT.c.asset_id == asset.c.id, _AT.c.number == _newest(asset.c.id, conditions))
    return columns.select_from(asset).join(_AT, newest).where(among(asset.c.id))


def _by_value(
    connection: Connection, query: SearchQuery, conditions: Sequence[Condition], scope: str
) -> tuple[Sequence[Row[Any]], str | None]:
    keys = few_models(connection, conditions)
    if keys is None:
        return _by_metric(connection, query, conditions, scope)
    mine = and_(headline.c.listing_id == _AT.c.id, headline.c.name == query.sort_metric)
    matching = _match(select(asset, _AT.c.id.label("listing_id")), conditions)
    gathered = matching.outerjoin(headline, mine).params(keys=keys)
    return page_rows(connection, gathered, _order(query), query.page, scope=scope)


def _walked(conditions: Sequence[Condition]) -> Select[*tuple[Any, ...]]:
    return (
        select(asset, _AT.c.id.label("listing_id"))
        .select_from(asset)
        .join(_AT, and_(_AT.c.asset_id == asset.c.id, _AT.c.number == _newest(asset.c.id, conditions)))
        .where(asset.c.kind == AssetKind.MODELS, asset.c.deleted_at.is_(None))
    )


def _newest(key: Any, conditions: Sequence[Condition]) -> Any:
    """The number of the newest version of the model `key` for which everything holds."""
    matching = select(func.max(listing.c.number)).where(
        listing.c.asset_id == key, *(one.holds(listing) for one in conditions)
    )
    return matching.correlate(asset, headline).scalar_subquery()


def _by_metric(
    connection: Connection, query: SearchQuery, conditions: Sequence[Condition], scope: str
) -> tuple[Sequence[Row[Any]], str | None]:
    """A page of the models with the metric by its value, then of those without it by their key."""
    missing, last = _missing(query), SortBy(asset.c.id, int, query.descending)
    rest = [SortBy(literal(missing), float, query.descending), last]
    without = _walked(conditions).where(
        ~select(headline.c.name)
        .where(headline.c.listing_id == _AT.c.id, headline.c.name == query.sort_metric)
        .correlate(_AT)
        .exists()
    )
    page = query.page
    rows: Sequence[Row[Any]] = ()
    if page.cursor is None or sort_keys(page.cursor, rest, scope=scope)[0] != missing:
        order = [SortBy(headline.c.value, float, query.descending), SortBy(headline.c.asset_id, int, query.descending)]
        measured = (
            select(asset, headline.c.listing_id)
            .select_from(headline)
            .join(_AT, _AT.c.id == headline.c.listing_id)
            .join(asset, asset.c.id == headline.c.asset_id)
            .where(headline.c.name == query.sort_metric, _AT.c.number == _newest(headline.c.asset_id, conditions))
        )
        rows, cursor = page_rows(connection, measured, order, page, scope=scope)
        if cursor is not None:
            return rows, cursor
        page = PageRequest(page.limit)
    left = page.limit - len(rows)
    more, cursor = page_rows(connection, without, rest, PageRequest(max(left, 1), page.cursor), scope=scope)
    if left == 0:
        before_all = 2**62 if query.descending else 0
        return rows, cursor_after([missing, before_all], scope=scope) if more else None
    return [*rows, *more], cursor


def _missing(query: SearchQuery) -> float:
    """What sorts models without the metric last, in either direction."""
    return float("-inf") if query.descending else float("inf")


def _order(query: SearchQuery) -> list[SortBy]:
    last = SortBy(asset.c.id, int, query.descending)
    if query.sort is SortKey.NAME:
        return [SortBy(asset.c.name, str, query.descending), last]
    if query.sort is SortKey.CREATED:
        return [SortBy(asset.c.created_at, datetime, query.descending), last]
    if query.sort is SortKey.METRIC:
        return [SortBy(func.coalesce(headline.c.value, _missing(query)), float, query.descending), last]
    return [SortBy(asset.c.updated_at, datetime, query.descending), last]
