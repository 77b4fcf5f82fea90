"""The index of weights: which versions hold a tensor, and which have layers of the same shapes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from lineage import Digest, NodeId, WeightIndex
from registry.domain.names import VersionRef
from registry.storage.catalog.hidden import of_hidden
from registry.storage.catalog.versions import refs_of
from registry.storage.tables import model_version, node, tensor, version, weight_index

HOLDERS = 1000
"""Versions that are counted of one tensor at most: of a tensor that a whole library shares, the oldest."""


class SqlWeights:
    """Implements `WeightRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, ref: VersionRef, index: WeightIndex) -> None:
        key = self._connection.execute(_KEY, {"label": str(ref)}).scalar_one()
        self._connection.execute(insert(weight_index).values(node_id=key, layers=index.layers))
        if index.tensors:
            rows = [{"digest": digest, "node_id": key, "size": size} for digest, size in index.tensors.items()]
            self._connection.execute(insert(tensor), rows)

    def missing(self, *, limit: int) -> Sequence[VersionRef]:
        return self._refs(self._connection.execute(_MISSING, {"limit": limit}).scalars())

    def lacks(self, ref: VersionRef) -> bool:
        return self._connection.execute(_LACKS, {"label": str(ref)}).first() is not None

    def sharing(
        self, tensors: Collection[Digest], *, limit: int, hidden: Collection[str] = ()
    ) -> Mapping[VersionRef, int]:
        held: Counter[NodeId] = Counter()
        holding = self._without(_HOLDING, hidden)
        for digest in tensors:
            for key, size in self._connection.execute(holding, {"digest": digest, "limit": HOLDERS}):
                held[key] += size
        most = sorted(held, key=lambda key: (-held[key], key))[:limit]
        return dict(zip(self._refs(most), (held[key] for key in most), strict=True))

    def alike(self, layers: Digest, *, limit: int, hidden: Collection[str] = ()) -> Sequence[VersionRef]:
        statement = self._without(_ALIKE, hidden)
        return self._refs(self._connection.execute(statement, {"layers": layers, "limit": limit}).scalars())

    def _without(self, statement: Any, hidden: Collection[str]) -> Any:
        if not hidden:
            return statement
        return statement.where(~of_hidden(version, hidden, self._connection.dialect.name))

    def _refs(self, found: Iterable[NodeId]) -> list[VersionRef]:
        keys = list(found)
        refs = refs_of(self._connection, keys)
        return [refs[key] for key in keys]


_KEY = select(node.c.id).where(node.c.label == bindparam("label"))
_WITHOUT = (
    select(version.c.node_id)
    .join(model_version, model_version.c.node_id == version.c.node_id)
    .outerjoin(weight_index, weight_index.c.node_id == version.c.node_id)
    .where(weight_index.c.node_id.is_(None), version.c.deleted_at.is_(None))
)
_MISSING = _WITHOUT.order_by(version.c.node_id).limit(bindparam("limit"))
_LACKS = _WITHOUT.join(node, node.c.id == version.c.node_id).where(node.c.label == bindparam("label"))
_HOLDING = (
    select(tensor.c.node_id, tensor.c.size)
    .join(version, version.c.node_id == tensor.c.node_id)
    .where(tensor.c.digest == bindparam("digest"), version.c.deleted_at.is_(None))
    .order_by(tensor.c.node_id)
    .limit(bindparam("limit"))
)
_ALIKE = (
    select(version.c.node_id)
    .join(weight_index, weight_index.c.node_id == version.c.node_id)
    .where(weight_index.c.layers == bindparam("layers"), version.c.deleted_at.is_(None))
    .order_by(version.c.node_id)
    .limit(bindparam("limit"))
)
