"""Aliases: what each names now, and every version that it ever named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from registry.domain.catalog.models import AliasMove, AliasValue
from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.storage.catalog.assets import asset_id, is_named, require_version, touch
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.sql.prebuilt import Prebuilt, inserting
from registry.storage.tables import alias, alias_move, asset, version


class Place(NamedTuple):
    """The keys of a live version."""

    node_id: int
    asset_id: int


def set_alias(
    connection: Connection,
    name: str,
    ref: VersionRef,
    place: Place | None = None,
    *,
    protected: bool,
    by: str,
    at: datetime,
) -> None:
    """Make the alias name `ref`, which is at `place` if that is known, and remember the move. Raises: NotFoundError."""
    row = place or require_version(connection, ref)
    values = {"node_id": row.node_id, "protected": protected, "moved_at": at, "moved_by": by}
    if _MOVE.run(connection, {"of": row.asset_id, "named": name, **values}) == 0:
        _ADD.run(connection, {"asset_id": row.asset_id, "alias": name, **values})
    _ADD_MOVE.run(connection, {"asset_id": row.asset_id, "alias": name, **values})
    touch(connection, row.asset_id, at)


_NAMES = ("node_id", "protected", "moved_at", "moved_by")
_MOVE = Prebuilt(
    lambda: update(alias).where(alias.c.asset_id == bindparam("of"), alias.c.alias == bindparam("named")), _NAMES
)
_ADD = inserting(alias, "asset_id", "alias", *_NAMES)
_ADD_MOVE = inserting(alias_move, "asset_id", "alias", *_NAMES)


def drop_alias(connection: Connection, model: Name, name: str, *, by: str, at: datetime) -> None:
    """Remove the alias and remember that. Nothing happens when there is none. Raises: NotFoundError."""
    owner = asset_id(connection, AssetKind.MODELS, model)
    dropped = connection.execute(
        delete(alias).where(alias.c.asset_id == owner, alias.c.alias == name).returning(alias.c.protected)
    ).scalar_one_or_none()
    if dropped is not None:
        connection.execute(
            insert(alias_move).values(asset_id=owner, alias=name, protected=dropped, moved_at=at, moved_by=by)
        )
        touch(connection, owner, at)


def aliases_of(connection: Connection, key: int, name: Name) -> tuple[AliasValue, ...]:
    """The aliases of one model, by name of alias."""
    return tuple(
        AliasValue(r.alias, VersionRef(AssetKind.MODELS, name, r.number), r.protected, r.moved_at, r.moved_by)
        for r in connection.execute(_aliases_of(), {"key": key})
    )


@cache
def _aliases_of() -> Any:
    return (
        select(alias, version.c.number)
        .join(version, version.c.node_id == alias.c.node_id)
        .where(alias.c.asset_id == bindparam("key"))
        .order_by(alias.c.alias)
    )


def one_alias(connection: Connection, name: Name, alias_name: str) -> AliasValue | None:
    """What an alias of a live model names now."""
    given = {"kind": AssetKind.MODELS, "name": str(name), "folded": name.folded, "alias": alias_name}
    row = connection.execute(_one_alias(), given).one_or_none()
    if row is None:
        return None
    return AliasValue(
        row.alias, VersionRef(AssetKind.MODELS, name, row.number), row.protected, row.moved_at, row.moved_by
    )


@cache
def _one_alias() -> Any:
    return (
        select(alias, version.c.number)
        .join(asset, asset.c.id == alias.c.asset_id)
        .join(version, version.c.node_id == alias.c.node_id)
        .where(is_named(), asset.c.deleted_at.is_(None), alias.c.alias == bindparam("alias"))
    )


def named_then(
    connection: Connection, name: str, at: datetime, page: PageRequest
) -> Page[tuple[VersionRef, AliasMove]]:
    """Every version that had this alias just before `at`, by model, with the move that gave it."""
    newest = (
        select(func.max(alias_move.c.id).label("id"))
        .where(alias_move.c.alias == name, alias_move.c.moved_at < at)
        .group_by(alias_move.c.asset_id)
        .subquery()
    )
    query = (
        select(alias_move, asset.c.name, version.c.number)
        .join(newest, newest.c.id == alias_move.c.id)
        .join(version, version.c.node_id == alias_move.c.node_id)
        .join(asset, asset.c.id == alias_move.c.asset_id)
    )
    order, scope = [SortBy(alias_move.c.asset_id, int)], f"named {name} {at.isoformat()}"
    rows, cursor = page_rows(connection, query, order, page, scope=scope)
    found = []
    for row in rows:
        ref = VersionRef(AssetKind.MODELS, Name.parse(row.name), row.number)
        found.append((ref, AliasMove(row.alias, ref, row.protected, row.moved_at, row.moved_by)))
    return Page(found, cursor)


def named_by(connection: Connection, names: Iterable[str]) -> Sequence[AliasValue]:
    """Every one of these aliases that names a live version now, by model."""
    query = (
        select(alias, asset.c.name, version.c.number)
        .join(version, version.c.node_id == alias.c.node_id)
        .join(asset, asset.c.id == alias.c.asset_id)
        .where(alias.c.alias.in_(list(names)), version.c.deleted_at.is_(None))
        .order_by(asset.c.name, alias.c.alias)
    )
    return [
        AliasValue(
            r.alias, VersionRef(AssetKind.MODELS, Name.parse(r.name), r.number), r.protected, r.moved_at, r.moved_by
        )
        for r in connection.execute(query)
    ]


def alias_history(connection: Connection, model: Name, name: str) -> Sequence[AliasMove]:
    """Every move of the alias, oldest first; None where it was taken away."""
    query = (
        select(alias_move, version.c.number)
        .outerjoin(version, version.c.node_id == alias_move.c.node_id)
        .join(asset, asset.c.id == alias_move.c.asset_id)
        .where(is_named(), alias_move.c.alias == name)
        .params(kind=AssetKind.MODELS, name=str(model), folded=model.folded)
        .order_by(alias_move.c.id)
    )
    return [
        AliasMove(
            r.alias,
            None if r.number is None else VersionRef(AssetKind.MODELS, model, r.number),
            r.protected,
            r.moved_at,
            r.moved_by,
        )
        for r in connection.execute(query)
    ]
