"""What of a family a filter lets through, with a shortest way from each to the thing that the family is of."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from lineage import Edge, Node, NodeId
from registry.domain.names import AssetKind, Reference
from registry.domain.people.teams import Sight
from registry.domain.verbs.lineage import Matches, Neighbourhood, Only, Reach
from registry.services.unit_of_work import UnitOfWork

MOST_SEARCHED = 20_000
"""Nodes of a family, on each side, that a filter is put to: the nearest."""


def search(
    uow: UnitOfWork, focus: Node, reach: Reach, only: Only, as_of: datetime | None, sight: Sight
) -> Neighbourhood:
    """See `LineageVerbs.near`."""
    above = uow.graph.reached(focus, reach.up, upwards=True, limit=MOST_SEARCHED, as_of=as_of)
    below = uow.graph.reached(focus, reach.down, upwards=False, limit=MOST_SEARCHED, as_of=as_of)
    depths: dict[NodeId, int] = {}
    for key, depth in (*above, *below):
        depths.setdefault(key, depth)
    matching = set(uow.graph.matching(list(depths), only, as_of)) - {focus.id}
    edges = uow.graph.edges_among(list(depths), as_of) if matching else ()
    if sight.hidden:  # a filter would tell what a hidden thing is; the ways to others still lead through it
        matching -= _hidden(uow, matching, sight)
    ways = (_ways(focus.id, edges, upwards=True), _ways(focus.id, edges, upwards=False))
    kept = {focus.id: None}
    drawn = []
    for key in sorted(matching, key=lambda key: (depths[key], key)):
        way = dict.fromkeys(_way(key, next(one for one in ways if key in one)))
        if len(kept | way) > reach.limit:
            break
        kept |= way
        drawn.append(key)
    keys = list(kept)
    nodes = uow.graph.nodes(keys)
    return Neighbourhood(
        focus.id,
        tuple(nodes[key] for key in keys),
        tuple(uow.graph.edges_among(keys, as_of)),
        matches=Matches(tuple(drawn), len(matching), max(len(above), len(below)) <= MOST_SEARCHED),
    )


def _hidden(uow: UnitOfWork, versions: Collection[NodeId], sight: Sight) -> set[NodeId]:
    """Those of the versions that are in a team which the person does not see."""
    nodes = uow.graph.nodes(list(versions))
    return {key for key in versions if sight.hides(Reference.parse(nodes[key].label, kind=AssetKind.MODELS).name.team)}


def _ways(start: NodeId, edges: Sequence[Edge], *, upwards: bool) -> Mapping[NodeId, NodeId]:
    """For each node that is reached from `start`, the one before it on a shortest way; `start` itself for `start`."""
    beside: dict[NodeId, list[NodeId]] = {}
    for edge in edges:
        here, there = (edge.target, edge.source) if upwards else (edge.source, edge.target)
        beside.setdefault(here, []).append(there)
    before = {start: start}
    waiting = deque([start])
    while waiting:
        here = waiting.popleft()
        for there in beside.get(here, ()):
            if there not in before:
                before[there] = here
                waiting.append(there)
    return before


def _way(key: NodeId, before: Mapping[NodeId, NodeId]) -> Iterator[NodeId]:
    while True:
        yield key
        if before[key] == key:
            return
        key = before[key]
