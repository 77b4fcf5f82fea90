"""Keys of the rows of data, and which data have them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TypeVar

from sqlalchemy import Connection, bindparam, case, func, insert, select, text, update

from lineage import Digest, NodeId
from registry.domain.data.row_keys import sampled
from registry.domain.names import VersionRef
from registry.services.storage.data_rows import KnownData, Unread
from registry.storage.catalog.assets import require_version
from registry.storage.catalog.versions import refs_of
from registry.storage.sql.among import among, many_keys
from registry.storage.sql.types import Key
from registry.storage.tables import data_row, data_rows, dataset_version, extent, file, node_mark, version
from registry.storage.tables.rows import ALL, NOTHING, SAMPLE

T = TypeVar("T")
_AT_ONCE = 20_000


class SqlDataRows:
    """Implements `DataRowRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def unread(self, *, whole: bool, limit: int, after: NodeId = -1) -> Sequence[tuple[NodeId, Unread]]:
        given = {"least": ALL if whole else SAMPLE, "after": after, "limit": limit}
        rows = self._connection.execute(_UNREAD, given).all()
        refs = refs_of(self._connection, [row.node_id for row in rows])
        return [(row.node_id, Unread(refs[row.node_id], row.row_index, row.due == ALL)) for row in rows]

    def keep(self, ref: VersionRef, keys: Collection[int], *, whole: bool) -> None:
        node_id = require_version(self._connection, ref).node_id
        statement = _KEEP[self._connection.dialect.name]
        for some in _parts(sorted(keys) if whole else sampled(keys)):
            self._connection.execute(statement, {"whole": whole, "keys": some, "node": node_id})

    def was_read(self, ref: VersionRef, different: int, *, whole: bool) -> None:
        key = require_version(self._connection, ref).node_id
        self._connection.execute(_READ_WHOLE if whole else _READ_SAMPLE, {"key": key, "different": different})

    def with_rows(self, keys: Collection[int], *, whole: bool) -> Mapping[NodeId, int]:
        found = Counter[NodeId]()
        for some in _parts(sorted(keys)):
            for node_id, count in self._connection.execute(_WITH_ROWS, {"keys": some, "whole": whole}):
                found[node_id] += count
        return found

    def with_files(self, digests: Collection[Digest]) -> Collection[NodeId]:
        found = set[NodeId]()
        for some in _parts(sorted(digests)):
            rows = self._connection.execute(_WITH_FILES, {"digests": some})
            found.update(row.node_id for row in rows if row.sha256 in digests)
        return found

    def known(self, keys: Collection[NodeId]) -> Mapping[NodeId, KnownData]:
        if not keys:
            return {}
        refs = refs_of(self._connection, keys)
        files: dict[NodeId, dict[Digest, int]] = defaultdict(dict)
        for key, digest, size in self._connection.execute(_FILES, {"keys": keys}):
            files[key][digest] = size
        marks: dict[NodeId, list[str]] = defaultdict(list)
        for key, mark in self._connection.execute(_MARKS, {"keys": keys}):
            marks[key].append(mark)
        return {
            row.node_id: KnownData(
                refs[row.node_id],
                tuple(marks[row.node_id]),
                row.row_index,
                files[row.node_id],
                row.different,
                row.created_by,
            )
            for row in self._connection.execute(_KNOWN, {"keys": keys})
        }

    def state(self) -> tuple[int, int]:
        marked, newest = self._connection.execute(_STATE).one()
        return marked or 0, newest or 0


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))


_UNREAD = (
    select(data_rows.c.node_id, data_rows.c.due, dataset_version.c.row_index)
    .join(dataset_version, dataset_version.c.node_id == data_rows.c.node_id)
    .where(
        text("due > 0"),
        data_rows.c.due >= bindparam("least"),
        data_rows.c.node_id > bindparam("after", type_=Key),
    )
    .order_by(data_rows.c.node_id)
    .limit(bindparam("limit"))
)
_WAS_READ = update(data_rows).where(data_rows.c.node_id == bindparam("key")).values(different=bindparam("different"))
_READ_WHOLE = _WAS_READ.values(due=NOTHING, whole=True)
_READ_SAMPLE = _WAS_READ.values(due=case((data_rows.c.due == ALL, ALL), else_=NOTHING))
_INSERT = "INSERT INTO data_row (whole, row_key, node_id) SELECT :whole, one.value, :node FROM "
_KEEP = {
    "sqlite": text(f"{_INSERT} json_each(:keys) AS one WHERE true ON CONFLICT DO NOTHING"),
    "postgresql": text(f"{_INSERT} unnest(CAST(:keys AS BIGINT[])) AS one (value) ON CONFLICT DO NOTHING"),
}
_KEEP = {name: one.bindparams(many_keys("keys")) for name, one in _KEEP.items()}
_WITH_ROWS = (
    select(data_row.c.node_id, func.count())
    .where(data_row.c.whole == bindparam("whole"), among(data_row.c.row_key))
    .group_by(data_row.c.node_id)
)
_WITH_FILES = (
    select(file.c.node_id, file.c.sha256)
    .join(extent, extent.c.file_id == file.c.id)
    .join(data_rows, data_rows.c.node_id == file.c.node_id)
    .where(extent.c.blob.in_(bindparam("digests", expanding=True)))
)
_FILES = select(file.c.node_id, file.c.sha256, file.c.size).where(among(file.c.node_id))
_MARKS = select(node_mark.c.node_id, node_mark.c.mark).where(among(node_mark.c.node_id)).order_by(node_mark.c.mark)
_KNOWN = (
    select(
        data_rows.c.node_id,
        data_rows.c.different,
        dataset_version.c.row_index,
        version.c.created_by,
    )
    .join(dataset_version, dataset_version.c.node_id == data_rows.c.node_id)
    .join(version, version.c.node_id == data_rows.c.node_id)
    .where(among(data_rows.c.node_id))
)
_NEWEST = select(func.max(data_rows.c.marked)).scalar_subquery()
_STATE = select(_NEWEST, select(func.max(data_rows.c.node_id)).scalar_subquery())
new_data = insert(data_rows)
"""With the key of new data, of whose rows a sample is due."""
