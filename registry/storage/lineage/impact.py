"""Questions about the whole graph: the compiled arrays of it, and the facts of many versions by one statement."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, func, select

from lineage import NodeId, NodeKind
from registry.domain.catalog.models import Status
from registry.domain.names import AssetKind, Name, VersionRef
from registry.services.storage.impact import CompiledState, Standings, VersionFacts
from registry.storage.lineage.node_facts import public_label
from registry.storage.lineage.repository import nested_loops
from registry.storage.sql.among import among
from registry.storage.tables import asset, dataset_version, edge, model_version, node, version

if TYPE_CHECKING:
    from lineage.compiled import CurrentGraph
    from registry.storage.lineage.generations import Generations

WORTH_KEEPING = 20_000
"""Edges from which a server compiles the graph ahead of questions. NumPy is imported for that, and for questions."""


class SqlImpact:
    """Implements `ImpactRepository`."""

    def __init__(self, connection: Connection, generations: Callable[[], Generations]) -> None:
        self._connection = connection
        self._generations = generations

    def graph(self) -> CurrentGraph:
        return self._generations().current(self._connection)

    def graph_below(self, key: NodeId, as_of: datetime) -> CurrentGraph:
        with nested_loops(self._connection):
            return self._generations().below(self._connection, key, as_of)

    def refresh(self) -> None:
        if (self._connection.execute(_LAST).scalar() or 0) >= WORTH_KEEPING:
            self._generations().current(self._connection)

    def state(self) -> CompiledState | None:
        return self._generations().state(self._connection)

    def remove(self) -> None:
        self._generations().remove()

    def standings(self, keys: Collection[NodeId]) -> Standings:
        rows = self._connection.execute(_STANDINGS, {"keys": keys}).all()
        return Standings(*zip(*rows, strict=True)) if rows else Standings((), (), (), ())

    def facts(self, keys: Collection[NodeId]) -> Mapping[NodeId, VersionFacts]:
        return {
            key: VersionFacts(
                VersionRef(AssetKind(kind), Name(*name.split("/")), number),
                stage or "",
                Status(status),
                owner,
                deleted_at is not None,
            )
            for key, kind, name, number, stage, status, owner, deleted_at in self._connection.execute(
                _FACTS, {"keys": keys}
            )
        }

    def labels(self, keys: Collection[NodeId]) -> Mapping[NodeId, str]:
        return {
            key: public_label(NodeKind(kind), label)
            for key, kind, label in self._connection.execute(_LABELS, {"keys": keys})
        }


def _of_versions(*columns: Any) -> Any:
    return (
        select(*columns)
        .select_from(version)
        .join(asset, asset.c.id == version.c.asset_id)
        .outerjoin(model_version, model_version.c.node_id == version.c.node_id)
        .where(among(version.c.node_id))
    )


_STANDINGS = _of_versions(
    asset.c.name, asset.c.owner, model_version.c.stage, version.c.deleted_at.is_not(None).label("deleted")
)
_FACTS = _of_versions(
    version.c.node_id,
    asset.c.kind,
    asset.c.name,
    version.c.number,
    model_version.c.stage,
    func.coalesce(model_version.c.status, dataset_version.c.status),
    asset.c.owner,
    version.c.deleted_at,
).outerjoin(dataset_version, dataset_version.c.node_id == version.c.node_id)
_LAST = select(func.max(edge.c.id))
_LABELS = select(node.c.id, node.c.kind, node.c.label).where(among(node.c.id))
