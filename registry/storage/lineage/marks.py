"""The marks of versions, as rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from sqlalchemy import Connection, bindparam, delete, insert, select

from lineage import Digest, NodeId
from registry.domain.catalog.marks import SetMark, marks_record
from registry.domain.names import VersionRef
from registry.services.storage.lineage import MARKS, MarkedData
from registry.storage.catalog.assets import require_version
from registry.storage.catalog.versions import refs_of
from registry.storage.sql.among import among
from registry.storage.tables import dataset_version, file, node, node_mark

_MARKS = select(node_mark).where(among(node_mark.c.node_id)).order_by(node_mark.c.node_id, node_mark.c.mark)
_DATA = (
    select(node_mark.c.node_id, dataset_version.c.row_index)
    .join(dataset_version, dataset_version.c.node_id == node_mark.c.node_id)
    .distinct()
    .order_by(node_mark.c.node_id)
)
_FILES = select(file.c.node_id, file.c.sha256, file.c.size).where(among(file.c.node_id))
_REMOVE = delete(node_mark).where(node_mark.c.node_id == bindparam("key"), node_mark.c.mark == bindparam("name"))


def add(connection: Connection, value: SetMark) -> None:
    """Write it. Raises: NotFoundError."""
    row = require_version(connection, value.ref)
    values = {"mark": value.mark, "reason": value.reason, "set_by": value.by, "set_at": value.at}
    connection.execute(insert(node_mark).values(node_id=row.node_id, **values))


def remove(connection: Connection, ref: VersionRef, mark: str) -> None:
    """Delete it; the audit log keeps it. Raises: NotFoundError."""
    connection.execute(_REMOVE, {"key": require_version(connection, ref).node_id, "name": mark})


def marks(connection: Connection, keys: Collection[NodeId]) -> dict[NodeId, list[SetMark]]:
    """By node, the marks that were set on it, by name."""
    rows = connection.execute(_MARKS, {"keys": keys}).all()
    refs = refs_of(connection, {row.node_id for row in rows})
    found: dict[NodeId, list[SetMark]] = defaultdict(list)
    for row in rows:
        found[row.node_id].append(SetMark(refs[row.node_id], row.mark, row.reason, row.set_by, row.set_at))
    return found


def marked_data(connection: Connection) -> list[MarkedData]:
    """Data with marks of their own, by key."""
    indexes: dict[NodeId, Digest] = {row.node_id: row.row_index for row in connection.execute(_DATA)}
    if not indexes:
        return []
    sizes: dict[NodeId, dict[Digest, int]] = defaultdict(dict)
    for key, digest, size in connection.execute(_FILES, {"keys": indexes}):
        sizes[key][digest] = size
    found = marks(connection, indexes)
    return [
        MarkedData(found[key][0].ref, tuple(one.mark for one in found[key]), index, sizes[key])
        for key, index in indexes.items()
    ]


def state(connection: Connection) -> Iterator[tuple[str, str]]:
    """What the rows say, to be held against the log."""
    by_label: dict[str, list[str]] = defaultdict(list)
    for row in connection.execute(select(node_mark.c.mark, node.c.label).join(node, node.c.id == node_mark.c.node_id)):
        by_label[row.label].append(row.mark)
    for label, some in by_label.items():
        yield MARKS + label, marks_record(some)
