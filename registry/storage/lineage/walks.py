"""The statements that walk the graph: a whole side of a node at once, one level after another, and its siblings."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import and_, bindparam, literal, select

from registry.storage.lineage.fans import in_force
from registry.storage.sql.among import among
from registry.storage.sql.types import Key
from registry.storage.tables import edge, node


@cache
def walk(upwards: bool, *, past: bool) -> Any:
    """Nodes on one side with their distance in edges."""
    here, there = (edge.c.to_node, edge.c.from_node) if upwards else (edge.c.from_node, edge.c.to_node)
    reached = select(bindparam("start", type_=Key).label("id"), literal(0).label("depth")).cte("walk", recursive=True)
    reached = reached.union(
        select(there, reached.c.depth + 1)
        .join(reached, here == reached.c.id)
        .where(reached.c.depth < bindparam("hops", type_=Key), in_force(past))
    )
    return select(reached.c.id, reached.c.depth)


@cache
def next_below(*, past: bool) -> Any:
    """The other ends of the edges from any of the nodes `keys`; a node with several of them comes several times."""
    return select(edge.c.to_node).where(among(edge.c.from_node), in_force(past))


@cache
def siblings(*, past: bool) -> Any:
    """Own step, its inputs of the own kind, the other steps that took those, and what they made."""
    own, inputs, uses, made = (edge.alias(name) for name in ("own", "inputs", "uses", "made"))
    me, parent, child = node.alias("me"), node.alias("parent"), node.alias("child")
    return (
        select(made.c.to_node)
        .select_from(own)
        .join(me, me.c.id == own.c.to_node)
        .join(inputs, inputs.c.to_node == own.c.from_node)
        .join(parent, and_(parent.c.id == inputs.c.from_node, parent.c.kind == me.c.kind))
        .join(uses, uses.c.from_node == parent.c.id)
        .join(made, made.c.from_node == uses.c.to_node)
        .join(child, and_(child.c.id == made.c.to_node, child.c.kind == me.c.kind))
        .where(own.c.to_node == bindparam("key", type_=Key), made.c.to_node != own.c.to_node)
        .where(*(in_force(past, one) for one in (own, inputs, uses, made)))
        .distinct()
        .order_by(made.c.to_node)
        .limit(bindparam("limit"))
    )
