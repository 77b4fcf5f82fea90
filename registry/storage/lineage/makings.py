"""How versions were made and how they stand now, for many at once."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select

from lineage import NodeId
from registry.domain.catalog.models import Status
from registry.domain.names import AssetKind, Name, VersionRef
from registry.services.storage.lineage import Making
from registry.storage.catalog.nodes import OUTPUT_ROLE
from registry.storage.catalog.versions import alias_names
from registry.storage.sql.among import among
from registry.storage.sql.types import Key
from registry.storage.tables import asset, dataset_version, edge, model_version, step, version
from registry.storage.tables.catalog import VersionColumns


def read_makings(connection: Connection, keys: Collection[NodeId]) -> dict[NodeId, Making]:
    """See `GraphRepository.makings`."""
    names = alias_names(connection, keys)
    rows = connection.execute(_makings(), {"keys": keys}, execution_options={"yield_per": 100})  # manifests are long
    return {row.node_id: _making(row, names.get(row.node_id, ())) for row in rows}


def read_parent_before(connection: Connection, ref: VersionRef) -> VersionRef | None:
    """See `GraphRepository.parent_before`."""
    given = {"kind": ref.kind, "name": str(ref.name), "folded": ref.name.folded, "before": ref.number}
    number = connection.execute(_parent_before(), given).scalar_one_or_none()
    return None if number is None else VersionRef(ref.kind, ref.name, number)


def _making(row: Row[Any], aliases: Collection[str]) -> Making:
    return Making(
        ref=VersionRef(AssetKind(row.kind), Name.parse(row.name), row.number),
        deleted=row.deleted_at is not None,
        newest=bool(row.newest),
        owner=row.owner,
        stage=row.stage or "",
        status=Status(row.status),
        aliases=tuple(aliases),
        recipe=row.recipe,
        seconds=_seconds(row),
    )


def _seconds(row: Row[Any]) -> float | None:
    """Those of one device as the manifest has them; else from the beginning of the step to its end."""
    manifest: Mapping[str, Any] = {} if row.manifest is None else json.loads(row.manifest)
    recorded = manifest.get("device_seconds")
    if isinstance(recorded, int | float) and recorded > 0:
        return float(recorded)
    return None if row.started_at is None or row.ended_at is None else (row.ended_at - row.started_at).total_seconds()


@cache
def _makings() -> Any:
    other = version.alias("newer").with_cols(VersionColumns)
    newer = select(other.c.node_id).where(
        other.c.asset_id == version.c.asset_id, other.c.number > version.c.number, other.c.deleted_at.is_(None)
    )
    return (
        select(
            version.c.node_id,
            version.c.number,
            version.c.deleted_at,
            (~newer.exists()).label("newest"),
            asset.c.kind,
            asset.c.name,
            asset.c.owner,
            model_version.c.stage,
            func.coalesce(model_version.c.status, dataset_version.c.status).label("status"),
            step.c.recipe,
            step.c.started_at,
            step.c.ended_at,
            step.c.manifest,
        )
        .join(asset, asset.c.id == version.c.asset_id)
        .join(step, step.c.node_id == version.c.step_id)
        .outerjoin(model_version, model_version.c.node_id == version.c.node_id)
        .outerjoin(dataset_version, dataset_version.c.node_id == version.c.node_id)
        .where(among(version.c.node_id))
    )


@cache
def _parent_before() -> Any:
    given, made = edge.alias("given"), edge.alias("made")
    child = (
        select(made.c.id)
        .join(given, given.c.to_node == made.c.from_node)
        .where(given.c.from_node == version.c.node_id, given.c.superseded_by.is_(None))
        .where(made.c.role == OUTPUT_ROLE, made.c.superseded_by.is_(None))
    )
    return (
        select(version.c.number)
        .join(asset, asset.c.id == version.c.asset_id)
        .where(asset.c.kind == bindparam("kind"), asset.c.folded == bindparam("folded"))
        .where(asset.c.name == bindparam("name"), version.c.number < bindparam("before", type_=Key), child.exists())
        .order_by(version.c.number.desc())
        .limit(1)
    )
