"""Nodes of the graph with the short facts that people read beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from lineage import Node, NodeId, NodeKind
from registry.storage.catalog.versions import headline_metrics
from registry.storage.tables import asset, dataset_version, model_version, node, step, version

_CHUNK = 500


def nodes_by_id(connection: Connection, keys: Sequence[NodeId]) -> dict[NodeId, Node]:
    """The nodes with these keys: a few queries for each 500 of them."""
    found: dict[NodeId, Node] = {}
    for i in range(0, len(keys), _CHUNK):
        found |= _some_nodes(connection, keys[i : i + _CHUNK])
    return found


def _some_nodes(connection: Connection, keys: Sequence[NodeId]) -> dict[NodeId, Node]:
    facts = _version_facts(connection, keys) | _step_facts(connection, keys)
    found = {}
    for row in connection.execute(_nodes(), {"keys": keys}):
        kind = NodeKind(row.kind)
        shown = {"created_at": row.created_at.isoformat(), **facts.get(row.id, {})}
        found[row.id] = Node(row.id, kind, public_label(kind, row.label), row.digest, shown)
    return found


def public_label(kind: NodeKind, label: str) -> str:
    """What people call a node: `team/name/3` for a version, whose stored label is its URI; the id of a step."""
    return label if kind is NodeKind.STEP else label.partition(":/")[2]


def _version_facts(connection: Connection, keys: Sequence[NodeId]) -> dict[NodeId, dict[str, str]]:
    rows = connection.execute(_versions(), {"keys": keys}).all()
    metrics = headline_metrics(connection, {row.step_id for row in rows if row.stage is not None})
    facts = {}
    for row in rows:
        shown = {
            name: str(row._mapping[name])
            for name in ("task", "modality", "licence", "origin", "stage", "status", "method", "format", "rows")
            if row._mapping[name] is not None
        }
        if row.deleted_at is not None:
            shown["deleted"] = "yes"
        facts[row.node_id] = shown | (_written(metrics.get(row.step_id, {})) if row.stage is not None else {})
    return facts


@cache
def _nodes() -> Any:
    return select(node).where(node.c.id.in_(bindparam("keys", expanding=True)))


@cache
def _steps() -> Any:
    among = step.c.node_id.in_(bindparam("keys", expanding=True))
    return select(step.c.node_id, step.c.method, step.c.state, step.c.adapter).where(among)


@cache
def _versions() -> Any:
    return (
        select(
            version.c.node_id,
            version.c.step_id,
            version.c.licence,
            version.c.deleted_at,
            asset.c.task,
            asset.c.modality,
            asset.c.origin,
            model_version.c.stage,
            func.coalesce(model_version.c.status, dataset_version.c.status).label("status"),
            dataset_version.c.format,
            dataset_version.c.rows,
            step.c.method,
        )
        .join(asset, asset.c.id == version.c.asset_id)
        .join(step, step.c.node_id == version.c.step_id)
        .outerjoin(model_version, model_version.c.node_id == version.c.node_id)
        .outerjoin(dataset_version, dataset_version.c.node_id == version.c.node_id)
        .where(version.c.node_id.in_(bindparam("keys", expanding=True)))
    )


def _step_facts(connection: Connection, keys: Sequence[NodeId]) -> dict[NodeId, dict[str, str]]:
    rows = connection.execute(_steps(), {"keys": keys}).all()
    metrics = headline_metrics(connection, [row.node_id for row in rows])
    return {
        row.node_id: {"method": row.method, "state": row.state, "adapter": row.adapter}
        | _written(metrics.get(row.node_id, {}))
        for row in rows
    }


def _written(metrics: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{value:.4g}" for name, value in metrics.items()}
