"""Aliases: what each names now, and every version that it ever named."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from registry.domain.catalog.models import AliasMove, AliasValue
from registry.domain.names import AssetKind, Name, VersionRef
from registry.storage.catalog.assets import asset_id, require_version, touch
from registry.storage.tables import alias, alias_move, asset, version


def set_alias(connection: Connection, name: str, ref: VersionRef, *, protected: bool, by: str, at: datetime) -> None:
    """Make the alias name `ref`, and remember the move. Raises: NotFoundError."""
    row = require_version(connection, ref)
    values = {"node_id": row.node_id, "protected": protected, "moved_at": at, "moved_by": by}
    place = (alias.c.asset_id == row.asset_id) & (alias.c.alias == name)
    if connection.execute(update(alias).where(place).values(values)).rowcount == 0:
        connection.execute(insert(alias).values(asset_id=row.asset_id, alias=name, **values))
    connection.execute(insert(alias_move).values(asset_id=row.asset_id, alias=name, **values))
    touch(connection, row.asset_id, at)


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
    query = (
        select(alias, version.c.number)
        .join(version, version.c.node_id == alias.c.node_id)
        .where(alias.c.asset_id == key)
        .order_by(alias.c.alias)
    )
    return tuple(
        AliasValue(r.alias, VersionRef(AssetKind.MODELS, name, r.number), r.protected, r.moved_at, r.moved_by)
        for r in connection.execute(query)
    )


def alias_history(connection: Connection, model: Name, name: str) -> Sequence[AliasMove]:
    """Every move of the alias, oldest first; None where it was taken away."""
    query = (
        select(alias_move, version.c.number)
        .outerjoin(version, version.c.node_id == alias_move.c.node_id)
        .join(asset, asset.c.id == alias_move.c.asset_id)
        .where(asset.c.kind == AssetKind.MODELS, asset.c.name == str(model), alias_move.c.alias == name)
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
