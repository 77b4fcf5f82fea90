"""The edges of whole ancestries, each by one statement, with what is known of them without another."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from functools import cache
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, and_, bindparam, literal_column, select

from lineage import Assurance, Edge, NodeId
from lineage.above import depths_above
from registry.storage.lineage.fans import at_time, in_force
from registry.storage.sql.among import among
from registry.storage.sql.prebuilt import Prebuilt
from registry.storage.tables import edge, node

FEW = 2000
"""Edges of an ancestry that are read at once."""
EDGE = (edge.c.from_node, edge.c.to_node, edge.c.role, edge.c.assurance, edge.c.split)
_ASSURANCES = {one.value: one for one in Assurance}


def edges_of(rows: Iterable[Any]) -> list[Edge]:
    """Of rows of `EDGE`."""
    return [Edge(source, target, role, _ASSURANCES[word], split) for source, target, role, word, split in rows]


def edges_above(connection: Connection, keys: Collection[NodeId], as_of: datetime | None) -> list[Edge]:
    """Every edge of the ancestries of these nodes, oldest first."""
    return edges_of(_above(past=as_of is not None).rows(connection, {"keys": keys, **at_time(as_of)}))


def whole_ancestry(connection: Connection, label: str, limit: int) -> tuple[NodeId, list[NodeId], list[Edge]] | None:
    """The node with this label, the nodes of its ancestry nearest first (then oldest), and their edges, oldest first.

    None where no node has this label, and for an ancestry of more nodes than `limit` or more edges than `FEW`.
    """
    rows = _WHOLE.rows(connection, {"label": label, "most": FEW + 1})
    if not rows or len(rows) > FEW:
        return None
    edges = edges_of(row[:5] for row in sorted((row for row in rows if row[0] is not None), key=itemgetter(5)))
    last = {row[6] for row in rows} - {edge.source for edge in edges}
    if len(last) != 1:
        return None  # a cycle, which nothing writes: else one node alone went into nothing of its own ancestry
    (focus,) = last
    depths = depths_above(focus, edges)
    if len(depths) > limit:
        return None
    return focus, sorted(depths, key=lambda key: (depths[key], key)), edges


def _whole() -> Any:
    """A row for each edge of an ancestry, and for each node that no edge leads to one without an edge."""
    walk = select(node.c.id).where(node.c.label == bindparam("label")).cte("walk", recursive=True)
    walk = walk.union(select(edge.c.from_node).join(walk, edge.c.to_node == walk.c.id).where(in_force(past=False)))
    into = and_(edge.c.to_node == walk.c.id, in_force(past=False))
    return select(*EDGE, edge.c.id, walk.c.id).select_from(walk).outerjoin(edge, into).limit(bindparam("most"))


_WHOLE = Prebuilt(_whole)


@cache
def _above(*, past: bool) -> Prebuilt:
    return Prebuilt(lambda: _every_edge_above(past=past))


def _every_edge_above(*, past: bool) -> Any:
    """Every edge of the ancestry of some nodes, oldest first."""
    walk = select(node.c.id).where(among(node.c.id)).cte("walk", recursive=True)
    walk = walk.union(select(edge.c.from_node).join(walk, edge.c.to_node == walk.c.id).where(in_force(past)))
    # By a sum, for which SQLite makes no index: it would read every edge and look into the ancestry, else.
    above = select(*EDGE).join(walk, edge.c.to_node == walk.c.id + literal_column("0")).where(in_force(past))
    return above.order_by(edge.c.id)
