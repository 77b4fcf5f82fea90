"""Verbs that walk the graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from lineage import Edge, Node, NodeId


@dataclass(frozen=True, slots=True)
class Ancestry:
    """A part of the graph around `focus`. `complete` is False when the limit cut it short."""

    focus: NodeId
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    complete: bool


class LineageVerbs(Protocol):
    """Walks of the graph."""

    def show(self, target: str, *, up: int = -1, down: int = 0, limit: int = 2000) -> Ancestry:
        """`target` is the reference of a model or dataset, or a step id. Depth in generations, -1 for all."""
        ...

    def path(self, source: str, target: str) -> Ancestry | None:
        """One shortest way from an ancestor to a descendant, or None."""
        ...
