"""Verbs that walk the graph, and that ask the weights whether it is true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lineage import Assurance, Edge, Node, NodeId, WeightComparison
from registry.domain.names import Reference, VersionRef


@dataclass(frozen=True, slots=True)
class Ancestry:
    """A part of the graph around `focus`. `complete` is False when the limit cut it short."""

    focus: NodeId
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class ParentCheck:
    """What the weights of a version say about a parent. `role` and `assurance` are None for one that nobody claims."""

    child: VersionRef
    parent: VersionRef
    role: str | None
    assurance: Assurance | None
    comparison: WeightComparison
    checked_at: datetime


class LineageVerbs(Protocol):
    """Walks of the graph."""

    def show(self, target: str, *, up: int = -1, down: int = 0, limit: int = 2000) -> Ancestry:
        """`target` is the reference of a model or dataset, or a step id. Depth in generations, -1 for all."""
        ...

    def path(self, source: str, target: str) -> Ancestry | None:
        """One shortest way from an ancestor to a descendant, or None."""
        ...

    def verify(self, reference: Reference, *, parent: Reference | None = None) -> Sequence[ParentCheck]:
        """Compare the weights of a version with those of its parents, and record on the edges what they say.

        With `parent`, with that version alone; what is said about one that nobody claims is shown and not recorded.
        """
        ...

    def checks(self, reference: Reference) -> Sequence[ParentCheck]:
        """The newest recorded comparison with each parent."""
        ...
