"""Nodes of the graph with the short facts that people read beside them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, func, select

from lineage import Node, NodeId, NodeKind
from registry.domain.governance.recalls import Effect
from registry.storage.catalog.versions import headline_metrics
from registry.storage.sql.among import among
from registry.storage.tables import asset, dataset_version, model_version, node, recall, recall_mark, step, version

_SHOWN = ("task", "modality", "licence", "origin", "stage", "status", "taint", "method", "format", "rows")
"""Facts of a version."""
_OF_STEP = ("method", "state", "adapter")


def nodes_by_id(connection: Connection, keys: Collection[NodeId]) -> dict[NodeId, Node]:
    """The nodes with these keys, by two statements, however many there are."""
    rows = connection.execute(_nodes(), {"keys": keys}).all()
    measured = headline_metrics(connection, {row.step_id for row in rows if row.kind != NodeKind.DATASET})
    found = {}
    for row in rows:
        kind = NodeKind(row.kind)
        found[row.id] = Node(row.id, kind, public_label(kind, row.label), row.digest, _facts(row, kind, measured))
    return found


def public_label(kind: NodeKind, label: str) -> str:
    """What people call a node: `team/name/3` for a version, whose stored label is its URI; the id of a step."""
    return label if kind is NodeKind.STEP else label.partition(":/")[2]


def _facts(row: Row[Any], kind: NodeKind, measured: Mapping[int, Mapping[str, float]]) -> dict[str, str]:
    values = row._mapping
    facts = {"created_at": row.created_at.isoformat()}
    for name in _OF_STEP if kind is NodeKind.STEP else _SHOWN:
        if (value := values[name]) is not None:
            facts[name] = str(value)
    if row.deleted_at is not None:
        facts["deleted"] = "yes"
    if kind is not NodeKind.DATASET:
        facts |= {name: f"{value:.4g}" for name, value in measured.get(row.step_id, {}).items()}
    return facts


@cache
def _nodes() -> Any:
    """Nodes with their facts: of a version its asset and the step that made it, of a step the step."""
    return (
        select(
            node,
            version.c.licence,
            version.c.deleted_at,
            asset.c.task,
            asset.c.modality,
            asset.c.origin,
            model_version.c.stage,
            func.coalesce(model_version.c.status, dataset_version.c.status).label("status"),
            _taint(),
            dataset_version.c.format,
            dataset_version.c.rows,
            step.c.node_id.label("step_id"),
            step.c.method,
            step.c.state,
            step.c.adapter,
        )
        .outerjoin(version, version.c.node_id == node.c.id)
        .outerjoin(asset, asset.c.id == version.c.asset_id)
        .outerjoin(model_version, model_version.c.node_id == node.c.id)
        .outerjoin(dataset_version, dataset_version.c.node_id == node.c.id)
        .outerjoin(step, step.c.node_id == func.coalesce(version.c.step_id, node.c.id))
        .where(among(node.c.id))
    )


def _taint() -> Any:
    """The strongest effect of a recall that withholds this version because of what it was made from."""
    mark = recall_mark.c
    live = (
        select(func.min(mark.effect))  # `tainted` is before `weakly-tainted`
        .join(recall, recall.c.id == mark.recall_id)
        .where(mark.node_id == node.c.id, mark.status.is_not(None), recall.c.reversed_at.is_(None))
        .where(mark.effect.in_([Effect.TAINTED.value, Effect.WEAKLY_TAINTED.value]))
    )
    return live.correlate(node).scalar_subquery().label("taint")
