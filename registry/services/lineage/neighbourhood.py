"""The part of the graph that a picture shows: a bounded number of nodes near one, and counts of what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from lineage import Node, NodeId, NodeKind, hops_of
from lineage.outline import Direction
from registry.domain.people.teams import EVERYTHING, Sight
from registry.domain.verbs.lineage import GROUPS, MAX_GENERATIONS, MOST_COUNTED, Neighbourhood, Only, Reach, Rest
from registry.errors import UsageError
from registry.services.lineage.searching import search
from registry.services.storage.lineage import Fan, FanWish
from registry.services.unit_of_work import UnitOfWork

SOME_COUNTED = 100
"""So many neighbours of each node are counted in any case, if no fewer were asked for."""
MAX_EACH = 200
MAX_DRAWN = 1000
"""Nodes of one picture."""


def near(
    uow: UnitOfWork, focus: Node, reach: Reach, only: Only, as_of: datetime | None, sight: Sight = EVERYTHING
) -> Neighbourhood:
    """See `LineageVerbs.near`. Raises: UsageError for a reach out of range."""
    if only and reach.group is not None:
        raise UsageError("A filter goes through all groups", remedy="Give a group or a filter, not both")
    _check(reach)
    if only:
        return search(uow, focus, reach, only, as_of, sight)
    drawing = _Drawing(uow, reach, as_of, {focus.id: None})
    half = max(1, reach.limit // 2) if reach.down else reach.limit  # ancestors leave room for what came after
    drawing.grow(focus, Direction.UP, reach.up, room=half)
    drawing.grow(focus, Direction.DOWN, reach.down, room=reach.limit)
    keys = list(drawing.drawn)
    nodes = uow.graph.nodes(keys)
    edges = uow.graph.edges_among(keys, as_of)
    return Neighbourhood(
        focus.id, tuple(nodes[key] for key in keys), tuple(edges), tuple(drawing.rest), drawing.counted
    )


@dataclass
class _Drawing:
    uow: UnitOfWork
    reach: Reach
    as_of: datetime | None
    drawn: dict[NodeId, None]
    rest: list[Rest] = field(default_factory=list)
    counted: bool = True

    def grow(self, focus: Node, towards: Direction, generations: int, *, room: int) -> None:
        """Draw level by level, nearest first, until `room` nodes are drawn; then count what comes next."""
        if generations == 0 and self.reach.group is not None:
            return
        hops = hops_of(generations, focus.kind)
        level, of_steps = [focus.id], focus.kind is not NodeKind.STEP
        for hop in range(hops + 1):
            each = self.reach.each if hop < hops else 0
            fans = self._fans(level, towards, each, first=hop == 0)
            level = []
            for fan in fans:
                kept = len(level) if of_steps else 0  # each step that was drawn has a place for what it made
                level += self._take(fan, room - kept, of_steps=of_steps, towards=towards)
            of_steps = not of_steps
            if not level:
                return

    def _fans(self, level: Sequence[NodeId], towards: Direction, each: int, *, first: bool) -> Sequence[Fan]:
        group, after = (self.reach.group, self.reach.after) if first else (None, None)
        most = self.reach.most if first else min(self.reach.most, max(SOME_COUNTED, self.reach.most // 10))
        wish = FanWish(towards is Direction.UP, each, group, after, self.as_of, most)
        fans, cut = self.uow.graph.fans(level, wish)
        self.counted = self.counted and not cut
        return fans

    def _take(self, fan: Fan, room: int, *, towards: Direction, of_steps: bool) -> Sequence[NodeId]:
        """Draw the first neighbours while there is room (a step needs a second place for what it made)."""
        taken: list[NodeId] = []
        passed, last = 0, None
        for key in fan.neighbours:
            if key not in self.drawn:
                if room - len(self.drawn) - (len(taken) if of_steps else 0) < (2 if of_steps else 1):
                    break
                self.drawn[key] = None
                taken.append(key)
            passed, last = passed + 1, key
        if fan.count > passed:
            self.rest.append(Rest(fan.node, towards, fan.group, fan.count - passed, last))
        return taken


def _check(reach: Reach) -> None:
    for name, value, least, most in (
        ("up", reach.up, 0, MAX_GENERATIONS),
        ("down", reach.down, 0, MAX_GENERATIONS),
        ("each", reach.each, 1, MAX_EACH),
        ("limit", reach.limit, 1, MAX_DRAWN),
        ("most", reach.most, 1, MOST_COUNTED),
    ):
        if not least <= value <= most:
            raise UsageError(f"{name!r} cannot be {value}", remedy=f"Give {least} to {most}")
    if reach.group is None and reach.after is None:
        return
    if reach.group not in GROUPS:
        raise UsageError(
            f"There is no group {str(reach.group)[:40]!r}", remedy=f"Give one of {', '.join(sorted(GROUPS))}"
        )
    if {reach.up, reach.down} != {0, 1}:
        raise UsageError(
            "Neighbours of one group are in one direction", remedy="Give up=1 and down=0, or the other way"
        )
