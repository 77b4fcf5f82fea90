"""Questions about ancestries that need their edges alone, and nothing about the nodes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from lineage.nodes import Edge, NodeId


def shortest_path(above: Iterable[Edge], source: NodeId, target: NodeId) -> tuple[Edge, ...] | None:
    """The edges of one shortest way from `source` down to `target`; empty when they are one node, None without one.

    `above` are the edges of the ancestry of `target`; of several ways of one length that of the first edges is taken.
    """
    into = by_target(above)
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


def by_target(above: Iterable[Edge]) -> dict[NodeId, list[Edge]]:
    """The edges into each node, in the order given."""
    into: dict[NodeId, list[Edge]] = {}
    for edge in above:
        into.setdefault(edge.target, []).append(edge)
    return into


def nearest_common(into: Mapping[NodeId, Sequence[Edge]], one: NodeId, two: NodeId) -> set[NodeId]:
    """The common ancestors that no other common ancestor came from; one of the two when the other came from it.

    `into` are the edges into each node of both ancestries. All that a common ancestor came from is common too, so one
    that is not the nearest has an edge into another.
    """
    common = _reached(into, one) & _reached(into, two)
    return common - {edge.source for key in common for edge in into.get(key, ())}


def _reached(into: Mapping[NodeId, Sequence[Edge]], start: NodeId) -> set[NodeId]:
    found, left = {start}, [start]
    for key in left:
        for edge in into.get(key, ()):
            if edge.source not in found:
                found.add(edge.source)
                left.append(edge.source)
    return found
