"""Marks that flow down the edges: what a node owes, or is, because of what it came from.

A node has its own marks and those that its incoming edges carry to it. That is a union over an acyclic graph, so the
order does not matter, an edge more never removes a mark, and each mark of a node has a path that explains it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from lineage.graph import Graph
from lineage.nodes import Edge, NodeId

Carry = Callable[[Edge, str], str | None]
"""What becomes of a mark along an edge: itself, another mark, or None where it ends."""


class _Reason(NamedTuple):
    """Why a node has a mark: `length` edges from where it begins, the last from `before`, where it is `as_mark`.

    The smaller is the better one. `before` counts only where `length` is not 0.
    """

    length: int
    before: NodeId
    as_mark: str


_BEGINS = _Reason(0, 0, "")


@dataclass(frozen=True, slots=True)
class Flow:
    """The marks of every node of a graph."""

    _reasons: Mapping[NodeId, Mapping[str, _Reason]]

    def marks(self, node: NodeId) -> frozenset[str]:
        """The marks of a node, its own and inherited ones."""
        return frozenset(self._reasons.get(node, {}))

    def path(self, node: NodeId, mark: str) -> tuple[NodeId, ...]:
        """The shortest way from where the mark begins to `node`, both named. Raises: KeyError for a mark it lacks."""
        way, reason = [node], self._reasons[node][mark]
        while reason.length:
            way.append(reason.before)
            reason = self._reasons[reason.before][reason.as_mark]
        return tuple(reversed(way))


def flow(graph: Graph, own: Mapping[NodeId, Iterable[str]], carry: Carry) -> Flow:
    """Let the marks of `own` flow down. A node's own mark begins there only if nothing that it came from brings it.

    Time grows with edges times marks.
    """
    reasons: dict[NodeId, dict[str, _Reason]] = {}
    for node in graph.order():
        found: dict[str, _Reason] = {}
        for edge in graph.into(node.id):
            for mark, reason in reasons[edge.source].items():
                carried = carry(edge, mark)
                if carried is None:
                    continue
                longer = _Reason(reason.length + 1, edge.source, mark)
                if carried not in found or longer < found[carried]:
                    found[carried] = longer
        for mark in own.get(node.id, ()):
            found.setdefault(mark, _BEGINS)
        reasons[node.id] = found
    return Flow(reasons)
