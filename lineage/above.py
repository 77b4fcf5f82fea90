"""Questions about ancestries that need their edges alone, and nothing about the nodes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from lineage.nodes import Edge, NodeId


def shortest_path(above: Iterable[Edge], source: NodeId, target: NodeId) -> tuple[Edge, ...] | None:
    """The edges of one shortest way from `source` down to `target`; empty when they are one node, None without one.

    `above` are the edges of the ancestry of `target`; of several ways of one length that of the first edges is taken.
    """
    into: dict[NodeId, list[Edge]] = {}
    for edge in above:
        into.setdefault(edge.target, []).append(edge)
    return way_down(lambda node: into.get(node, ()), source, target)


def depths_above(target: NodeId, above: Iterable[Edge]) -> dict[NodeId, int]:
    """How many edges each node of the ancestry of `target` is away from it at least; `target` itself 0."""
    into: dict[NodeId, list[NodeId]] = {}
    for edge in above:
        into.setdefault(edge.target, []).append(edge.source)
    depths, level = {target: 0}, [target]
    for key in level:
        for source in into.get(key, ()):
            if source not in depths:
                depths[source] = depths[key] + 1
                level.append(source)
    return depths


def way_down(into: Callable[[NodeId], Iterable[Edge]], source: NodeId, target: NodeId) -> tuple[Edge, ...] | None:
    """As `shortest_path`; `into` gives the edges into a node, and is asked only for nodes that are reached."""
    taken: dict[NodeId, Edge | None] = {target: None}
    queue = deque([target])
    while queue and source not in taken:
        for edge in into(queue.popleft()):
            if edge.source not in taken:
                taken[edge.source] = edge
                queue.append(edge.source)
    if source not in taken:
        return None
    way: list[Edge] = []
    step = taken[source]
    while step is not None:
        way.append(step)
        step = taken[step.target]
    return tuple(way)


def nearest_common(one: NodeId, above_one: Iterable[Edge], two: NodeId, above_two: Iterable[Edge]) -> set[NodeId]:
    """The common ancestors that no other common ancestor came from; one of the two when the other came from it.

    All that a common ancestor came from is common too, so one that is not the nearest has an edge into another.
    """
    edges = {edge for edges in (above_one, above_two) for edge in edges}
    common = ({one} | {edge.source for edge in above_one}) & ({two} | {edge.source for edge in above_two})
    return common - {edge.source for edge in edges if edge.target in common}
