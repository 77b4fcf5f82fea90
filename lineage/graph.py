"""The lineage graph, compiled once and never changed: a question costs the nodes that it visits, not the whole graph.

Edges run input -> step -> output, so a walk of one *generation* is two edges: from a model through the step that made
it to what that step was given. Parent and child are derived: a child's parents are the model inputs of its step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lineage.above import way_down
from lineage.errors import BadEdgeError, CycleError, UnknownNodeError
from lineage.nodes import Assurance, Edge, Node, NodeId, NodeKind

ALL = -1
"""A depth that has no limit."""


def generation_of(hops: int, start: NodeKind) -> int:
    """The generation of a node that is `hops` edges (1 or more) from a start of this kind.

    A generation is two edges: into a step and out of it. A walk that starts at a step is half-way through one already.
    """
    return (hops + 1 + (start is NodeKind.STEP)) // 2


def hops_of(generations: int, start: NodeKind) -> int:
    """How many edges the nodes of so many generations (0 or more) are away at most: the inverse of `generation_of`."""
    return max(0, 2 * generations - (start is NodeKind.STEP))


_Adjacency = Mapping[NodeId, tuple[Edge, ...]]


@dataclass(frozen=True, slots=True)
class Kinship:
    """A parent and a child, the step between them, and how the parent went into it."""

    parent: Node
    child: Node
    step: Node
    role: str
    assurance: Assurance


class Graph:
    """An acyclic graph of model versions, dataset versions and transfer steps.

    `Graph(nodes, edges)` costs O(nodes + edges) once. Two edges may join the same nodes in different roles (one dataset
    for training and for testing); an edge given twice is one edge.

    Raises: UnknownNodeError for an edge to a node that is not given, BadEdgeError for one that does not join a step
    with a version, CycleError.
    """

    __slots__ = ("_into", "_nodes", "_out", "_rank")

    def __init__(self, nodes: Iterable[Node], edges: Iterable[Edge]) -> None:
        self._nodes: Mapping[NodeId, Node] = MappingProxyType({node.id: node for node in nodes})
        into: dict[NodeId, list[Edge]] = {}
        out: dict[NodeId, list[Edge]] = {}
        for edge in dict.fromkeys(edges):
            if (self.node(edge.source).kind is NodeKind.STEP) == (self.node(edge.target).kind is NodeKind.STEP):
                raise BadEdgeError(self.node(edge.source).label, self.node(edge.target).label)
            into.setdefault(edge.target, []).append(edge)
            out.setdefault(edge.source, []).append(edge)
        self._into: _Adjacency = {node: tuple(found) for node, found in into.items()}
        self._out: _Adjacency = {node: tuple(found) for node, found in out.items()}
        self._rank = self._ranked()

    # --- what is there ---------------------------------------------------------------------------------------------

    @property
    def nodes(self) -> Mapping[NodeId, Node]:
        """Every node by its id, in the order given."""
        return self._nodes

    @property
    def edges(self) -> Iterator[Edge]:
        """Every edge, those into earlier nodes of the topological order first."""
        return (edge for node in self._rank for edge in self.into(node))

    def node(self, id: NodeId) -> Node:
        """Raises: UnknownNodeError."""
        try:
            return self._nodes[id]
        except KeyError:
            raise UnknownNodeError(id) from None

    def into(self, id: NodeId) -> tuple[Edge, ...]:
        """The edges that end at `id`: a step's inputs, or the step that made a version."""
        return self._into.get(id, ())

    def out_of(self, id: NodeId) -> tuple[Edge, ...]:
        """The edges that start at `id`: a step's outputs, or the steps that a version went into."""
        return self._out.get(id, ())

    def order(self) -> Iterator[Node]:
        """Every node after all that it was made from; ties in the order given."""
        return (self._nodes[key] for key in self._rank)

    # --- walks -----------------------------------------------------------------------------------------------------

    def ancestors(self, id: NodeId, *, depth: int = ALL) -> dict[NodeId, int]:
        """Everything that `id` came from, nearest first, with the generation of each; steps on the way are included.

        `depth` counts generations: with 1, a model's step and that step's inputs; a step's own inputs are its
        generation 1. Raises: UnknownNodeError.
        """
        return self._walk(id, depth, upward=True)

    def descendants(self, id: NodeId, *, depth: int = ALL) -> dict[NodeId, int]:
        """Everything that came from `id`, nearest first, with the generation of each. As `ancestors`, downward."""
        return self._walk(id, depth, upward=False)

    def _walk(self, start: NodeId, depth: int, *, upward: bool) -> dict[NodeId, int]:
        kind = self.node(start).kind
        farthest = hops_of(depth, kind) if depth != ALL else len(self._nodes)
        hops: dict[NodeId, int] = {start: 0}
        queue = deque([start])
        while queue:
            here = queue.popleft()
            if hops[here] == farthest:
                continue
            for edge in self.into(here) if upward else self.out_of(here):
                there = edge.source if upward else edge.target
                if there not in hops:
                    hops[there] = hops[here] + 1
                    queue.append(there)
        del hops[start]
        return {node: generation_of(count, kind) for node, count in hops.items()}

    def path(self, source: NodeId, target: NodeId) -> tuple[Edge, ...] | None:
        """The edges of one shortest way from ancestor `source` down to `target`; empty when they are one node.

        None when `target` does not descend from `source`. Raises: UnknownNodeError.
        """
        self.node(source)
        self.node(target)
        least = self._rank[source]  # what comes before `source` in the topological order cannot descend from it
        return way_down(
            lambda node: (edge for edge in self.into(node) if self._rank[edge.source] >= least), source, target
        )

    # --- kin -------------------------------------------------------------------------------------------------------

    def parents(self, id: NodeId) -> tuple[Kinship, ...]:
        """The models that went into the step that made model `id`. Raises: UnknownNodeError."""
        child = self.node(id)
        return tuple(
            Kinship(self._nodes[given.source], child, self._nodes[made.source], given.role, given.assurance)
            for made in self.into(id)
            for given in self.into(made.source)
            if child.kind is self._nodes[given.source].kind is NodeKind.MODEL
        )

    def children(self, id: NodeId) -> tuple[Kinship, ...]:
        """The models that steps made from model `id`. Raises: UnknownNodeError."""
        parent = self.node(id)
        return tuple(
            Kinship(parent, self._nodes[made.target], self._nodes[given.target], given.role, given.assurance)
            for given in self.out_of(id)
            for made in self.out_of(given.target)
            if parent.kind is self._nodes[made.target].kind is NodeKind.MODEL
        )

    def roots(self, id: NodeId) -> tuple[Node, ...]:
        """The models without parents among `id` and its ancestors, in topological order. Raises: UnknownNodeError."""
        models = (n for n in (id, *self.ancestors(id)) if self.node(n).kind is NodeKind.MODEL)
        return self._ordered(n for n in models if not self.parents(n))

    def common_ancestors(self, one: NodeId, two: NodeId, *, nearest: bool = False) -> tuple[Node, ...]:
        """What both came from, in topological order; one of the two counts when the other came from it.

        With `nearest`, only those that no other common ancestor came from. Raises: UnknownNodeError.
        """
        common = {one, *self.ancestors(one)} & {two, *self.ancestors(two)}
        if not nearest:
            return self._ordered(common)
        passed: set[NodeId] = set()
        kept: list[NodeId] = []
        for key in sorted(common, key=self._rank.__getitem__, reverse=True):
            if key not in passed:
                kept.append(key)
            passed.update(edge.source for edge in self.into(key))
        return self._ordered(kept)

    # --- parts -----------------------------------------------------------------------------------------------------

    def part(self, ids: Collection[NodeId]) -> Graph:
        """The graph of these nodes and the edges between them. Raises: UnknownNodeError."""
        wanted = dict.fromkeys(ids)
        return Graph(
            [self.node(key) for key in wanted],
            [edge for key in wanted for edge in self.into(key) if edge.source in wanted],
        )

    def around(self, id: NodeId, *, up: int = ALL, down: int = 0) -> Graph:
        """The part within `up` generations of ancestors and `down` of descendants. Raises: UnknownNodeError."""
        return self.part([id, *self.ancestors(id, depth=up), *self.descendants(id, depth=down)])

    # --- order -----------------------------------------------------------------------------------------------------

    def _ordered(self, ids: Iterable[NodeId]) -> tuple[Node, ...]:
        return tuple(self._nodes[key] for key in sorted(ids, key=self._rank.__getitem__))

    def _ranked(self) -> dict[NodeId, int]:
        """Each node's place in a topological order (Kahn 1962). Raises: CycleError."""
        waiting = {key: len(self.into(key)) for key in self._nodes}
        ready = deque(key for key, count in waiting.items() if not count)
        rank: dict[NodeId, int] = {}
        while ready:
            here = ready.popleft()
            rank[here] = len(rank)
            for edge in self.out_of(here):
                waiting[edge.target] -= 1
                if not waiting[edge.target]:
                    ready.append(edge.target)
        if len(rank) < len(self._nodes):
            raise self._cycle(rank)
        return rank

    def _cycle(self, ranked: Collection[NodeId]) -> CycleError:
        """An edge of a cycle: go up among the nodes that have no rank until one comes twice."""
        here = next(key for key in self._nodes if key not in ranked)
        seen: set[NodeId] = set()
        while True:
            seen.add(here)
            edge = next(edge for edge in self.into(here) if edge.source not in ranked)
            if edge.source in seen:
                return CycleError(self._nodes[edge.source].label, self._nodes[edge.target].label)
            here = edge.source
