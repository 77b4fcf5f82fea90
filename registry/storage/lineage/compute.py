"""The compute of steps and of versions, as rows."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Connection, insert, select

from lineage import NodeId
from registry.domain.catalog.compute import DeclaredCompute, compute_record
from registry.services.storage.lineage import COMPUTE
from registry.storage.catalog.assets import require_version
from registry.storage.catalog.versions import refs_of
from registry.storage.sql.among import among
from registry.storage.tables import node, step, training_compute

_MANIFESTS = select(step.c.node_id, step.c.manifest).where(among(step.c.node_id), step.c.manifest.is_not(None))
_DECLARED = select(training_compute).where(among(training_compute.c.node_id)).order_by(training_compute.c.id)


def declare(connection: Connection, value: DeclaredCompute) -> None:
    """Append it. Raises: NotFoundError."""
    row = require_version(connection, value.ref)
    connection.execute(
        insert(training_compute).values(
            node_id=row.node_id,
            flop=value.flop,
            gpai=value.gpai,
            source=value.source,
            declared_by=value.by,
            declared_at=value.at,
        )
    )


def declared(connection: Connection, keys: Collection[NodeId]) -> dict[NodeId, DeclaredCompute]:
    """By node, the newest declaration."""
    rows = {row.node_id: row for row in connection.execute(_DECLARED, {"keys": keys})}
    refs = refs_of(connection, rows)
    return {
        key: DeclaredCompute(refs[key], row.source, row.flop, row.gpai, row.declared_by, row.declared_at)
        for key, row in rows.items()
    }


def measured(connection: Connection, keys: Collection[NodeId]) -> dict[NodeId, float]:
    """By step, the FLOP that its manifest names; where it does not say how they were counted, nothing is known."""
    found = {}
    for row in connection.execute(_MANIFESTS, {"keys": keys}):
        part: Any = json.loads(row.manifest).get("flops")
        estimate = part.get("estimate") if isinstance(part, dict) else None
        if isinstance(estimate, int | float) and (estimate > 0 or (estimate == 0 and part.get("method") != "none")):
            found[row.node_id] = float(estimate)
    return found


def state(connection: Connection) -> Iterator[tuple[str, str]]:
    """What the rows say, to be held against the log: the newest of each version."""
    query = select(training_compute, node.c.label).join(node, node.c.id == training_compute.c.node_id)
    for row in connection.execute(query.order_by(training_compute.c.id)):
        yield COMPUTE + row.label, compute_record({"flop": row.flop, "gpai": row.gpai}, row.declared_by)
