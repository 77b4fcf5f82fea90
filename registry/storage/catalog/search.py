"""The search over registered models: pages read from `listing`, with all conditions true of one live version.

No statement reads a whole table. If one condition is rare, its rows are gathered by its index and sorted; else matches
are frequent, and models are walked in the order of the page until it is full.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, literal, select

from registry.domain.catalog.models import ModelSummary, SearchQuery, SortKey
from registry.domain.names import AssetKind
from registry.domain.paging import Page, PageRequest
from registry.storage.catalog.conditions import Condition, conditions_of
from registry.storage.catalog.versions import model_summaries
from registry.storage.sql.paging import SortBy, cursor_after, page_rows, sort_keys
from registry.storage.tables import asset, headline, listing
from registry.storage.tables.listing import ListingColumns

FEW = 3000
"""Rows of one condition that are gathered and sorted."""
_AT = listing.alias("at").with_cols(ListingColumns)


def search_models(connection: Connection, query: SearchQuery, hidden: Collection[str] = ()) -> Page[ModelSummary]:
    """One page of models that match, none of a `hidden` team, each with its newest matching version.

    Raises: BadCursorError.
    """
    scope = f"models {replace(query, page=PageRequest())!r}"
    conditions = conditions_of(query, connection.dialect.name, hidden=hidden)
    rare = rarest(connection, conditions)
    if rare is not None:
        rows, cursor = page_rows(connection, _gathered(query, conditions, rare), _order(query), query.page, scope=scope)
    elif query.sort is SortKey.METRIC:
        rows, cursor = _by_metric(connection, query, conditions, scope)
    else:
        rows, cursor = page_rows(connection, _walked(conditions), _order(query), query.page, scope=scope)
    keys = {row.id: row.listing_id for row in rows if row.listing_id > 0}
    return Page(model_summaries(connection, rows, keys), cursor)


def rarest(connection: Connection, conditions: Sequence[Condition]) -> Select[Any] | None:
    """The ids of the rows for which the rarest condition holds, if there are few. Each count reads a narrow index."""
    fewest, found = FEW + 1, None
    for condition in conditions:
        if condition.candidates is not None:
            some = condition.candidates.limit(FEW + 1).subquery()
            count = connection.execute(select(func.count()).select_from(some)).scalar_one()
            if count < fewest:
                fewest, found = count, condition.candidates
    return found


def _gathered(query: SearchQuery, conditions: Sequence[Condition], rare: Select[Any]) -> Select[*tuple[Any, ...]]:
    newest = (
        select(listing.c.asset_id, func.max(listing.c.number).label("number"))
        .where(listing.c.id.in_(rare), *(one.holds(listing) for one in conditions))
        .group_by(listing.c.asset_id)
        .subquery()
    )
    statement = (
        select(asset, _AT.c.id.label("listing_id"))
        .select_from(asset)
        .join(newest, newest.c.asset_id == asset.c.id)
        .join(_AT, and_(_AT.c.asset_id == newest.c.asset_id, _AT.c.number == newest.c.number))
    )
    if query.sort is SortKey.METRIC:
        mine = and_(headline.c.listing_id == _AT.c.id, headline.c.name == query.sort_metric)
        statement = statement.outerjoin(headline, mine)
    return statement


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
