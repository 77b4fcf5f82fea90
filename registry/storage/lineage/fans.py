"""What hangs on nodes on one side, by groups: counted, and the first of each group, for many nodes at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from heapq import nsmallest
from typing import Any

from sqlalchemy import Connection, String, and_, bindparam, case, func, select

from lineage import NodeId
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.lineage import UNFINISHED
from registry.services.storage.lineage import Fan, FanWish
from registry.storage.sql.among import among
from registry.storage.sql.prebuilt import Prebuilt
from registry.storage.sql.types import Key
from registry.storage.tables import edge, node, step


def read_fans(connection: Connection, keys: Collection[NodeId], wish: FanWish) -> tuple[Sequence[Fan], bool]:
    """See `GraphRepository.fans`."""
    found, cut = _read(connection, keys, wish)
    if not cut or len(keys) < 2:
        return found, cut
    together: list[NodeId] = []
    room, answers = wish.most, []
    for key, count in _degrees(connection, keys, wish):
        if count > wish.most:
            answers.append(_read(connection, [key], wish))
            continue
        if count > room:
            answers.append(_read(connection, together, wish))
            together, room = [], wish.most
        together.append(key)
        room -= count
    answers.append(_read(connection, together, wish))
    return [fan for fans, _ in answers for fan in fans], any(cut for _, cut in answers)


def _read(connection: Connection, keys: Collection[NodeId], wish: FanWish) -> tuple[list[Fan], bool]:
    """The fans of these nodes as far as the first `most` edges go, and whether there are more."""
    if not keys:
        return [], False
    query = _edges(wish.upwards, past=wish.as_of is not None, grouped=wish.group is not None)
    rows = query.rows(connection, _given(keys, wish) | ({} if wish.group is None else {"group": wish.group}))
    found: dict[tuple[NodeId, str], set[NodeId]] = {}
    for here, there, group in rows[: wish.most]:
        found.setdefault((here, group), set()).add(there)  # one may be joined by several edges
    fans = [Fan(*of, len(beside), tuple(nsmallest(wish.each, beside))) for of, beside in sorted(found.items())]
    return fans, len(rows) > wish.most


def _degrees(connection: Connection, keys: Collection[NodeId], wish: FanWish) -> Sequence[tuple[NodeId, int]]:
    """How many edges are at each of these nodes, counted up to one more than `most`."""
    return _counts(wish.upwards, past=wish.as_of is not None).rows(connection, _given(keys, wish))


def _given(keys: Collection[NodeId], wish: FanWish) -> dict[str, object]:
    after = -1 if wish.after is None else wish.after
    return {"keys": keys, "after": after, "most": wish.most + 1, **at_time(wish.as_of)}


@cache
def _edges(upwards: bool, *, past: bool, grouped: bool) -> Prebuilt:
    """The first edges with the group of their other end, the oldest of those first."""
    here, there = (edge.c.to_node, edge.c.from_node) if upwards else (edge.c.from_node, edge.c.to_node)
    made = step.c.state == StepState.SUCCEEDED.value
    kind = select(node.c.kind).where(node.c.id == there).scalar_subquery()  # is read for no step
    group = case((made, step.c.method), (step.c.state.is_not(None), UNFINISHED), else_=kind)
    return Prebuilt(
        lambda: (
            select(here, there, group)
            .select_from(edge)
            .outerjoin(step, step.c.node_id == there)
            .where(among(here), there > bindparam("after", type_=Key), in_force(past))
            .where(*([group == bindparam("group", type_=String())] if grouped else []))
            .order_by(here, there)
            .limit(bindparam("most", type_=Key))
        )
    )


@cache
def _counts(upwards: bool, *, past: bool) -> Prebuilt:
    here, there = (edge.c.to_node, edge.c.from_node) if upwards else (edge.c.from_node, edge.c.to_node)
    some = (
        select(edge.c.id)
        .where(here == node.c.id, there > bindparam("after", type_=Key), in_force(past))
        .correlate(node)
        .limit(bindparam("most", type_=Key))
        .subquery()
    )
    count = select(func.count()).select_from(some).scalar_subquery()
    return Prebuilt(lambda: select(node.c.id, count).where(among(node.c.id)))


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
