"""Nodes of the graph with the short facts that people read beside them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, cast, func, or_, select, type_coerce

from lineage import Node, NodeId, NodeKind
from registry.domain.governance.recalls import Effect
from registry.storage.catalog.versions import headline_metrics
from registry.storage.sql.among import among
from registry.storage.sql.prebuilt import Prebuilt
from registry.storage.sql.types import UtcText
from registry.storage.tables import asset, dataset_version, model_version, node, recall, recall_mark, step, version

_OF_MODEL = ("created_at", "task", "modality", "licence", "origin", "stage", "status", "taint", "method")
_OF_DATA = (*_OF_MODEL, "format", "rows")
_OF_STEP: tuple[str, ...] = ("created_at", "method", "state", "adapter")
_KINDS = {kind.value: kind for kind in NodeKind}
_DATASET = NodeKind.DATASET.value


def nodes_by_id(connection: Connection, keys: Collection[NodeId]) -> dict[NodeId, Node]:
    """The nodes with these keys, by two statements, however many there are."""
    rows = _NODES.rows(connection, {"keys": keys})
    measured = headline_metrics(connection, {row[4] for row in rows if row[4] is not None and row[1] != _DATASET})
    found = {}
    for key, word, label, digest, step_id, deleted, *values in rows:
        kind = _KINDS[word]
        if kind is NodeKind.STEP:
            shown = label
            names, given = _OF_STEP, values[:4]
        else:
            shown = label.partition(":/")[2]
            names, given = (_OF_DATA, values[4:]) if kind is NodeKind.DATASET else (_OF_MODEL, values[4:13])
        facts = {name: value for name, value in zip(names, given, strict=True) if value is not None}
        if deleted:
            facts["deleted"] = "yes"
        if step_id in measured and kind is not NodeKind.DATASET:
            for name, value in measured[step_id].items():
                facts[name] = f"{value:.4g}"
        found[key] = Node(key, kind, shown, digest, facts)
    return found


def public_label(kind: NodeKind, label: str) -> str:
    """What people call a node: `team/name/3` for a version, whose stored label is its URI; the id of a step."""
    return label if kind is NodeKind.STEP else label.partition(":/")[2]


def _nodes() -> Any:
    """Nodes with their facts: of a version its asset and the step that made it, of a step the step.

    The columns stand in the order of `_OF_STEP` and then of `_OF_DATA`.
    """
    created_at = type_coerce(node.c.created_at, UtcText())
    return (
        select(
            node.c.id,
            node.c.kind,
            node.c.label,
            node.c.digest,
            step.c.node_id,
            version.c.deleted_at.is_not(None),
            created_at,
            step.c.method,
            step.c.state,
            step.c.adapter,
            created_at,
            asset.c.task,
            asset.c.modality,
            version.c.licence,
            asset.c.origin,
            model_version.c.stage,
            func.coalesce(model_version.c.status, dataset_version.c.status),
            _taint(),
            step.c.method,
            dataset_version.c.format,
            cast(dataset_version.c.rows, Text),
        )
        .outerjoin(version, version.c.node_id == node.c.id)
        .outerjoin(asset, asset.c.id == version.c.asset_id)
        .outerjoin(model_version, model_version.c.node_id == node.c.id)
        .outerjoin(dataset_version, dataset_version.c.node_id == node.c.id)
        .outerjoin(step, step.c.node_id == func.coalesce(version.c.step_id, node.c.id))
        .where(among(node.c.id))
    )


def _taint() -> ColumnElement[str]:
    """The strongest effect of a recall that withholds this version because of what it was made from."""
    mark = recall_mark.c
    live = (
        select(func.min(mark.effect))  # `tainted` is before `weakly-tainted`
        .join(recall, recall.c.id == mark.recall_id)
        .where(mark.node_id == node.c.id, mark.status.is_not(None), recall.c.reversed_at.is_(None))
        .where(or_(mark.effect == Effect.TAINTED.value, mark.effect == Effect.WEAKLY_TAINTED.value))
    )
    return live.correlate(node).scalar_subquery().label("taint")


_NODES = Prebuilt(_nodes)
