"""The marks of versions, as rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from sqlalchemy import Connection, bindparam, case, delete, func, insert, select, update

from lineage import NodeId
from registry.domain.catalog.marks import SetMark, marks_record
from registry.domain.names import VersionRef
from registry.services.storage.lineage import MARKS
from registry.storage.catalog.assets import require_version
from registry.storage.catalog.versions import refs_of
from registry.storage.sql.among import among
from registry.storage.tables import data_rows, node, node_mark
from registry.storage.tables.rows import ALL

_MARKS = select(node_mark).where(among(node_mark.c.node_id)).order_by(node_mark.c.node_id, node_mark.c.mark)
_REMOVE = delete(node_mark).where(node_mark.c.node_id == bindparam("key"), node_mark.c.mark == bindparam("name"))

_CHANGED = (
    update(data_rows)
    .where(data_rows.c.node_id == bindparam("key"))
    .values(
        marked=select(func.coalesce(func.max(data_rows.alias("others").c.marked), 0) + 1).scalar_subquery(),
        due=case((data_rows.c.whole, data_rows.c.due), else_=ALL),
    )
)


def add(connection: Connection, value: SetMark) -> None:
    """Write it. Raises: NotFoundError."""
    row = require_version(connection, value.ref)
    values = {"mark": value.mark, "reason": value.reason, "set_by": value.by, "set_at": value.at}
    connection.execute(insert(node_mark).values(node_id=row.node_id, **values))
    _changed(connection, row.node_id)


def remove(connection: Connection, ref: VersionRef, mark: str) -> None:
    """Delete it; the audit log keeps it. Raises: NotFoundError."""
    key = require_version(connection, ref).node_id
    connection.execute(_REMOVE, {"key": key, "name": mark})
    _changed(connection, key)


def _changed(connection: Connection, key: NodeId) -> None:
    """Record that marks of a version changed, if it is one of data: all of its rows are to be kept from then on."""
    connection.execute(_CHANGED, {"key": key})


def marks(connection: Connection, keys: Collection[NodeId]) -> dict[NodeId, list[SetMark]]:
    """By node, the marks that were set on it, by name."""
    rows = connection.execute(_MARKS, {"keys": keys}).all()
    refs = refs_of(connection, {row.node_id for row in rows})
    found: dict[NodeId, list[SetMark]] = defaultdict(list)
    for row in rows:
        found[row.node_id].append(SetMark(refs[row.node_id], row.mark, row.reason, row.set_by, row.set_at))
    return found


def state(connection: Connection) -> Iterator[tuple[str, str]]:
    """What the rows say, to be held against the log."""
    by_label: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(select(node_mark.c.mark, node.c.label).join(node, node.c.id == node_mark.c.node_id)):
        by_label[row.label].append(row.mark)
    for label, some in by_label.items():
        yield MARKS + label, marks_record(some)
