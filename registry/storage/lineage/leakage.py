"""Counts of test rows that were seen in training, as rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import Connection, insert, select

from lineage import NodeId
from registry.domain.data.leakage import LeakageCount, leakage_record
from registry.services.storage.lineage import LEAKAGE
from registry.storage.catalog.assets import require_version
from registry.storage.catalog.versions import refs_of
from registry.storage.sql.among import among
from registry.storage.tables import leakage_count, node

_COUNTS = select(leakage_count).where(among(leakage_count.c.node_id)).order_by(leakage_count.c.id)


def add(connection: Connection, value: LeakageCount) -> None:
    """Append it. Raises: NotFoundError."""
    connection.execute(
        insert(leakage_count).values(
            node_id=require_version(connection, value.ref).node_id,
            basis=value.basis,
            test_rows=value.test_rows,
            seen=value.seen,
            known=value.known,
            near=value.near,
            counted_by=value.by,
            counted_at=value.at,
        )
    )


def newest(connection: Connection, keys: Collection[NodeId]) -> dict[NodeId, LeakageCount]:
    """By node, the newest count."""
    rows = {row.node_id: row for row in connection.execute(_COUNTS, {"keys": keys})}
    refs = refs_of(connection, rows)
    return {
        key: LeakageCount(
            refs[key],
            row.basis,
            row.test_rows,
            row.seen,
            row.known,
            row.near,
            row.counted_by,
            row.counted_at,
        )
        for key, row in rows.items()
    }


def state(connection: Connection) -> Iterator[tuple[str, str]]:
    """What the rows say, to be held against the log: the newest of each version."""
    query = select(leakage_count, node.c.label).join(node, node.c.id == leakage_count.c.node_id)
    for row in connection.execute(query.order_by(leakage_count.c.id)):
        yield LEAKAGE + row.label, leakage_record(row.test_rows, row.seen, row.near, known=row.known)
