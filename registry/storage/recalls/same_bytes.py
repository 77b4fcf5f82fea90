"""Which of the bytes of a new version are those of a version that is suspended or recalled, deleted ones included."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from lineage import Digest
from registry.domain.catalog.models import Status
from registry.domain.catalog.statuses import STOPPED
from registry.domain.governance.recalls import Level
from registry.domain.names import AssetKind
from registry.services.storage.recalls import SameBytes
from registry.storage.catalog.versions import refs_of
from registry.storage.tables import dataset_version, extent, file, model_version, node, recall

_MOST_AT_ONCE = 10_000
"""Digests that one statement names."""
_TABLES: dict[AssetKind, Any] = {AssetKind.MODELS: model_version, AssetKind.DATASETS: dataset_version}


def whole(connection: Connection, kind: AssetKind, digest: Digest) -> Iterator[SameBytes]:
    """The withheld versions with this digest, oldest first."""
    table = _TABLES[kind]
    query = (
        select(node.c.id, table.c.status)
        .join(table, table.c.node_id == node.c.id)
        .where(node.c.digest == digest, table.c.status.in_(list(STOPPED)))
        .order_by(node.c.id)
    )
    rows = connection.execute(query).all()
    refs = refs_of(connection, {row.id for row in rows})
    for row in rows:
        yield SameBytes(refs[row.id], Status(row.status), "")


def weights(connection: Connection, digests: Collection[Digest]) -> Iterator[SameBytes]:
    """The withheld models with a file of weights that has one of these digests, oldest first, once for each file."""
    rows = [row for row in _sharing(connection, AssetKind.MODELS, digests) if row.path.endswith(".safetensors")]
    refs = refs_of(connection, {row.node_id for row in rows})
    for row in rows:
        yield SameBytes(refs[row.node_id], Status(row.status), row.path)


def all_data(connection: Connection, digests: Collection[Digest]) -> Iterator[SameBytes]:
    """The withheld datasets of which every file is among these: one without some of its files is another."""
    shared: dict[int, set[Digest]] = defaultdict(set)
    statuses: dict[int, str] = {}
    for row in _sharing(connection, AssetKind.DATASETS, digests):
        shared[row.node_id].add(row.sha256)
        statuses[row.node_id] = row.status
    for key, held in sorted(shared.items()):
        count = select(func.count(file.c.sha256.distinct())).where(file.c.node_id == key)
        if connection.execute(count).scalar_one() == len(held):
            yield SameBytes(refs_of(connection, [key])[key], Status(statuses[key]), "")


def named(connection: Connection, digests: Collection[Digest]) -> tuple[str, Digest] | None:
    """A recall that stands and whose own target is one of these digests, with it."""
    query = select(recall.c.public_id, recall.c.target).where(
        recall.c.reversed_at.is_(None), recall.c.level != Level.ADVISORY
    )
    by_hex = {digest.hex: digest for digest in digests}
    for row in connection.execute(query.order_by(recall.c.id)):
        if (found := by_hex.get(row.target.removeprefix("sha256:"))) is not None:
            return row.public_id, found
    return None


def _sharing(connection: Connection, kind: AssetKind, digests: Collection[Digest]) -> list[Any]:
    """Files of withheld versions whose bytes are those of one of these blobs."""
    table, wanted = _TABLES[kind], list(digests)
    found: list[Any] = []
    for i in range(0, len(wanted), _MOST_AT_ONCE):
        query = (
            select(file.c.node_id, file.c.path, file.c.sha256, table.c.status)
            .join(extent, extent.c.file_id == file.c.id)
            .join(table, table.c.node_id == file.c.node_id)
            .where(extent.c.blob.in_(bindparam("digests", expanding=True)), table.c.status.in_(list(STOPPED)))
            .order_by(file.c.node_id, file.c.path)
        )
        found += connection.execute(query, {"digests": wanted[i : i + _MOST_AT_ONCE]}).all()
    known = set(wanted)
    return [row for row in found if row.sha256 in known]
