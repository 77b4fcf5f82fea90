"""What hangs on nodes on one side, by groups: counted, and the first of each group, for many nodes by one statement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, func, select

from lineage import NodeId
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.lineage import UNFINISHED
from registry.services.storage.lineage import Fan, FanWish
from registry.storage.sql.among import among
from registry.storage.sql.types import Key
from registry.storage.tables import edge, node, step


def read_fans(connection: Connection, keys: Collection[NodeId], wish: FanWish) -> tuple[Sequence[Fan], bool]:
    """See `GraphRepository.fans`."""
    given = {"keys": keys, "after": -1 if wish.after is None else wish.after, "each": wish.each, "most": wish.most + 1}
    more = {} if wish.group is None else {"group": wish.group}
    query = _fans(wish.upwards, past=wish.as_of is not None, grouped=wish.group is not None)
    found: dict[tuple[NodeId, str], tuple[int, list[NodeId]]] = {}
    total = 0
    for here, group, count, there, place in connection.execute(query, given | more | at_time(wish.as_of)):
        total += count if place == 1 else 0
        _, neighbours = found.setdefault((here, group), (count, []))
        if place <= wish.each:
            neighbours.append(there)
    if total > wish.most and len(keys) > 1:  # some of these nodes were not read to the end, or not at all
        half = len(keys) // 2
        first, second = (read_fans(connection, part, wish) for part in (list(keys)[:half], list(keys)[half:]))
        return [*first[0], *second[0]], first[1] or second[1]
    fans = [Fan(here, group, count, tuple(beside)) for (here, group), (count, beside) in found.items()]
    return fans, total > wish.most


@cache
def _fans(upwards: bool, *, past: bool, grouped: bool) -> Any:
    """A row for each neighbour that is wanted, and one at least for each group, so that all groups are counted."""
    here, there = (edge.c.to_node, edge.c.from_node) if upwards else (edge.c.from_node, edge.c.to_node)
    made = step.c.state == StepState.SUCCEEDED.value
    group = case((made, step.c.method), (step.c.state.is_not(None), UNFINISHED), else_=node.c.kind)
    near = (
        select(here.label("here"), there.label("there"), group.label("of"))
        .join(node, node.c.id == there)
        .outerjoin(step, step.c.node_id == there)
        .where(among(here), there > bindparam("after", type_=Key), in_force(past))
        .where(*([group == bindparam("group")] if grouped else []))
        .distinct()
        .limit(bindparam("most", type_=Key))
        .subquery("near")
    )
    each = (near.c.here, near.c.of)
    ranked = select(
        near.c.here,
        near.c.of,
        func.count().over(partition_by=each).label("count"),
        near.c.there,
        func.row_number().over(order_by=near.c.there, partition_by=each).label("place"),
    ).subquery("ranked")
    wanted = (ranked.c.place <= bindparam("each", type_=Key)) | (ranked.c.place == 1)
    return select(ranked).where(wanted).order_by(ranked.c.here, ranked.c.of, ranked.c.place)


def at_time(as_of: datetime | None) -> dict[str, datetime]:
    """The parameter of `in_force`."""
    return {} if as_of is None else {"as_of": as_of}


def in_force(past: bool, one: Any = edge) -> Any:
    """True of an edge that nothing superseded; with `past`, that was there at `as_of` and not yet superseded."""
    if not past:
        return one.c.superseded_by.is_(None)
    at = bindparam("as_of", type_=edge.c.created_at.type)
    newer = edge.alias()
    replaced = select(newer.c.id).where(newer.c.id == one.c.superseded_by, newer.c.created_at <= at)
    return and_(one.c.created_at <= at, ~replaced.correlate(one).exists())
