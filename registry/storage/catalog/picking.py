"""Lists of models and of versions by comparisons: one statement finds a page, and a fixed number reads what it shows.

A comparison with a name, or with the beginning of one, enters the index of names; one for equality of a tag that of
tags. The others are tested on the rows in the order of the page, until it is full.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, String, and_, case, cast, false, func, literal, or_, select

from registry.domain.catalog.models import AliasValue
from registry.domain.catalog.picking import SPELLING, Comparison, ListedModel, ListedVersion, Of, Picked, Sort
from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.errors import BadNameError
from registry.storage.catalog.assets import find_asset
from registry.storage.catalog.hidden import is_hidden
from registry.storage.catalog.tags import is_value, value_of
from registry.storage.catalog.versions import (
    alias_names,
    headline_metrics,
    is_live,
    model_summaries,
    summary_columns,
    summary_of,
)
from registry.storage.sql.among import among
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.tables import (
    alias,
    asset,
    asset_tag,
    card_revision,
    listing,
    model_version,
    node,
    step,
    version,
    version_tag,
)
from registry.storage.tables.graph import NodeColumns

_ORDERED: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_AFTER_NAMES = "~"
"""Sorts behind every character of a name."""


def list_models(connection: Connection, picked: Picked, hidden: Collection[str] = ()) -> Page[ListedModel]:
    """One page of registered models, by name where no order is given. Raises: BadCursorError."""
    if (name := _only_name(picked)) is not None and not hidden:
        found = find_asset(connection, AssetKind.MODELS, name)
        return Page(_models(connection, [] if found is None else [found]), None)
    dialect = connection.dialect.name
    statement = select(asset).where(asset.c.kind == AssetKind.MODELS, asset.c.deleted_at.is_(None), *_in_team(picked))
    if hidden:
        statement = statement.where(~is_hidden(hidden, dialect))
    for one in picked.comparisons:
        statement = statement.where(*_of_model(one, dialect))
    columns: Mapping[Sort, tuple[ColumnElement[Any], type]] = {
        Sort.NAME: (asset.c.name, str),
        Sort.CREATED: (asset.c.created_at, datetime),
        Sort.UPDATED: (asset.c.updated_at, datetime),
    }
    last = () if any(key is Sort.NAME for key, _ in picked.order) else ((Sort.NAME, False),)
    order = [SortBy(*columns[key], descends) for key, descends in (*picked.order, *last)]
    rows, cursor = page_rows(connection, statement, order, picked.page, scope=f"models {_scope(picked)}")
    return Page(_models(connection, rows), cursor)


def _only_name(picked: Picked) -> Name | None:
    """The name that a single model can have; None where more than a name is asked for."""
    if len(picked.comparisons) != 1 or picked.page.cursor is not None or picked.team:
        return None
    one = picked.comparisons[0]
    if one.of is not Of.NAME or one.operator != "=":
        return None
    try:
        return Name.parse(str(one.value))
    except BadNameError:
        return None


def _models(connection: Connection, rows: Sequence[Row[Any]]) -> list[ListedModel]:
    keys = [row.id for row in rows]
    names, newest_of = _aliases(connection, keys), connection.execute(_newest_of(), {"keys": keys}).all()
    versions = _listed(connection, [key for key, _ in newest_of], _by_version(names))
    newest: dict[int, list[int]] = {}
    for key, model in newest_of:
        newest.setdefault(model, []).append(key)
    last = {model: mine[0] for model, mine in newest.items()}
    summaries = model_summaries(connection, rows, last, {key: one.summary for key, one in versions.items()})
    return [
        ListedModel(
            one,
            tuple(value for _, value in names.get(key, ())),
            tuple(versions[version] for version in newest.get(key, ())),
        )
        for key, one in zip(keys, summaries, strict=True)
    ]


def list_versions(connection: Connection, picked: Picked, hidden: Collection[str] = ()) -> Page[ListedVersion]:
    """One page of live versions of models, newest first where no order is given. Raises: BadCursorError."""
    dialect = connection.dialect.name
    statement = (
        select(version.c.node_id)
        .join(asset, asset.c.id == version.c.asset_id)
        .join(model_version, model_version.c.node_id == version.c.node_id)
        .where(asset.c.deleted_at.is_(None), is_live(), *_in_team(picked))
    )
    if _begins_with_names(picked):  # that it is a model is known: this is for the index of names
        statement = statement.where(asset.c.kind == AssetKind.MODELS)
    if hidden:
        statement = statement.where(~is_hidden(hidden, dialect))
    for one in picked.comparisons:
        statement = statement.where(*_of_version(one, picked.addresses, dialect))
    columns: Mapping[Sort, tuple[ColumnElement[Any], type]] = {
        Sort.NAME: (asset.c.name, str),
        Sort.NUMBER: (version.c.number, int),
        Sort.CREATED: (version.c.node_id, int),
        Sort.UPDATED: (model_version.c.updated_at, datetime),
    }
    wanted: Sequence[tuple[Sort, bool]] = picked.order or ((Sort.CREATED, True),)
    named = {key for key, _ in wanted}
    last = () if Sort.CREATED in named else ((Sort.NAME, False), (Sort.NUMBER, True))
    order = [
        SortBy(*columns[key], descends) for key, descends in (*wanted, *(one for one in last if one[0] not in named))
    ]
    rows, cursor = page_rows(connection, statement, order, picked.page, scope=f"versions {_scope(picked)}")
    keys = [row.node_id for row in rows]
    found = _listed(connection, keys, alias_names(connection, keys))
    return Page([found[key] for key in keys], cursor)


def _begins_with_names(picked: Picked) -> bool:
    """Whether versions are found by the names of their models; else they are read in the order of the page.

    Without statistics SQLite takes any index of equal values before the one of the order, and sorts every version.
    """
    if picked.team or (picked.order and picked.order[0][0] is Sort.NAME):
        return True
    named = (one for one in picked.comparisons if one.of is Of.NAME)
    return any(one.operator in {"=", "IN"} or (one.operator == "LIKE" and _beginning(one)) for one in named)


def _scope(picked: Picked) -> str:
    return repr(replace(picked, page=PageRequest()))


def _of_model(one: Comparison, dialect: str) -> list[ColumnElement[bool]]:
    if one.of is Of.TAG:
        return [_tagged(one, asset_tag, asset_tag.c.asset_id, asset.c.id, dialect)]
    return _named(one, dialect) if one.of in {Of.NAME, Of.CALLED} else [false()]


def _of_version(one: Comparison, addresses: str, dialect: str) -> list[ColumnElement[bool]]:
    if one.of is Of.TAG:
        return [_tagged(one, version_tag, version_tag.c.node_id, version.c.node_id, dialect)]
    if one.of is Of.NUMBER:
        return [_ORDERED[one.operator](version.c.number, one.value)]
    if one.of is Of.ADDRESS:
        dotted = func.replace(asset.c.name, "/", ".")
        address = literal(f"{addresses}/") + dotted + literal("/") + cast(version.c.number, String)
        return [_compared(one, address, dialect)]
    return _named(one, dialect)


def _in_team(picked: Picked) -> list[ColumnElement[bool]]:
    return [asset.c.name.between(f"{picked.team}/", f"{picked.team}/{_AFTER_NAMES}")] if picked.team else []


def _named(one: Comparison, dialect: str) -> list[ColumnElement[bool]]:
    """The comparison, and for a pattern the part of the index that its beginning leaves."""
    if one.of is Of.CALLED:
        after = func.substr(asset.c.name, _slash(dialect) + 1)
        return [_compared(one, func.coalesce(_spelling(), after), dialect)]
    found = [_compared(one, asset.c.name, dialect)]
    if one.operator == "LIKE" and (begins := _beginning(one)):
        found += [asset.c.name >= begins, asset.c.name <= begins + _AFTER_NAMES]
    return found


def _beginning(one: Comparison) -> str:
    """The characters that all names begin with which a pattern holds for."""
    return str(one.value).split("%")[0].split("_")[0]


def _slash(dialect: str) -> ColumnElement[int]:
    """Where the name of the team ends."""
    if dialect == "postgresql":
        return func.strpos(asset.c.name, "/")
    return func.instr(asset.c.name, "/")


def _spelling() -> ColumnElement[Any]:
    mine = select(asset_tag.c.value).where(asset_tag.c.asset_id == asset.c.id, asset_tag.c.key == SPELLING)
    return mine.correlate(asset).scalar_subquery()


def _tagged(one: Comparison, tags: Any, owner: Any, key: Any, dialect: str) -> ColumnElement[bool]:
    mine = tags.c.key == one.key
    if one.operator == "=" and not one.holds_without:
        same: ColumnElement[bool] = key.in_(select(owner).where(mine, is_value(tags, one.value)))
        return same
    has = select(owner).where(owner == key, mine, _compared(one, tags.c.value.concat(tags.c.rest), dialect))
    there = has.correlate(asset, version).exists()
    if not one.holds_without:
        return there
    return or_(there, ~select(owner).where(owner == key, mine).correlate(asset, version).exists())


def _compared(one: Comparison, column: ColumnElement[Any], dialect: str) -> ColumnElement[bool]:
    value = one.value
    if isinstance(value, tuple):
        return column.not_in(value) if one.operator == "NOT IN" else column.in_(value)
    if one.operator not in {"LIKE", "ILIKE"}:
        return and_(_ORDERED[one.operator](column, value))
    pattern, minds_capitals = str(value), one.operator == "LIKE"
    if dialect == "postgresql":
        return column.like(pattern, escape="") if minds_capitals else column.ilike(pattern, escape="")
    return column.bool_op("GLOB")(_glob(pattern)) if minds_capitals else column.like(pattern)


def _glob(pattern: str) -> str:
    """The pattern as SQLite's GLOB has it, which minds capitals."""
    return "".join({"%": "*", "_": "?"}.get(char, f"[{char}]" if char in "*?[" else char) for char in pattern)


@cache
def _newest_of() -> Any:
    """The newest version of each stage and status of each model, the highest number first."""
    newest = (
        select(listing.c.asset_id, func.max(listing.c.number).label("number"))
        .where(among(listing.c.asset_id), listing.c.number > 0)
        .group_by(listing.c.asset_id, listing.c.stage, listing.c.status)
        .subquery()
    )
    same = and_(listing.c.asset_id == newest.c.asset_id, listing.c.number == newest.c.number)
    return select(listing.c.id, listing.c.asset_id).join(newest, same).order_by(listing.c.number.desc())


def _listed(
    connection: Connection, keys: Sequence[int], aliases: Mapping[int, Sequence[str]]
) -> dict[int, ListedVersion]:
    rows = connection.execute(_rows_of(), {"keys": keys}).all()
    metrics = headline_metrics(connection, {row.step_id for row in rows})
    tags: dict[int, dict[str, str]] = {}
    for key, tag, value in connection.execute(_tags_of(), {"keys": keys}).all():
        tags.setdefault(key, {})[tag] = value
    return {
        row.node_id: ListedVersion(
            summary_of(row, tuple(aliases.get(row.node_id, ())), metrics.get(row.step_id, {})),
            tags.get(row.node_id, {}),
            row.card or "",
            row.made_by,
            row.status_reason,
            row.updated_at,
            row.spelling or "",
        )
        for row in rows
    }


@cache
def _rows_of() -> Any:
    """What a version of a list is made of, but for its aliases, metrics and tags."""
    maker = node.alias("maker").with_cols(NodeColumns)
    card = (
        select(case((card_revision.c.generated, ""), else_=card_revision.c.text))
        .where(card_revision.c.node_id == version.c.node_id)
        .order_by(card_revision.c.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    made_by, text = maker.c.label.label("made_by"), card.label("card")
    said = (model_version.c.status_reason, model_version.c.updated_at)
    return (
        select(*summary_columns(), made_by, *said, text, _spelling().label("spelling"))
        .select_from(version)
        .join(model_version, model_version.c.node_id == version.c.node_id)
        .join(node, node.c.id == version.c.node_id)
        .join(asset, asset.c.id == version.c.asset_id)
        .join(step, step.c.node_id == version.c.step_id)
        .join(maker, maker.c.id == version.c.step_id)
        .where(among(version.c.node_id))
    )


@cache
def _tags_of() -> Any:
    columns = (version_tag.c.node_id, version_tag.c.key, value_of(version_tag))
    return select(*columns).where(among(version_tag.c.node_id)).order_by(version_tag.c.key)


def _aliases(connection: Connection, keys: Sequence[int]) -> dict[int, list[tuple[int, AliasValue]]]:
    """The aliases of each model, in order, each with the key of its version."""
    found: dict[int, list[tuple[int, AliasValue]]] = {}
    for row in connection.execute(_aliases_of(), {"keys": keys}).all():
        ref = VersionRef(AssetKind.MODELS, Name.parse(row.name), row.number)
        value = AliasValue(row.alias, ref, row.protected, row.moved_at, row.moved_by)
        found.setdefault(row.asset_id, []).append((row.node_id, value))
    return found


def _by_version(aliases: Mapping[int, Sequence[tuple[int, AliasValue]]]) -> dict[int, list[str]]:
    names: dict[int, list[str]] = {}
    for mine in aliases.values():
        for key, value in mine:
            names.setdefault(key, []).append(value.alias)
    return names


@cache
def _aliases_of() -> Any:
    return (
        select(alias, asset.c.name, version.c.number)
        .join(asset, asset.c.id == alias.c.asset_id)
        .join(version, version.c.node_id == alias.c.node_id)
        .where(among(alias.c.asset_id))
        .order_by(alias.c.alias)
    )
