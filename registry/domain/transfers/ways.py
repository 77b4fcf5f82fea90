"""How a thing went into another, by its edge: its weights were changed, it was learnt from, or its answers were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from lineage import Edge, Node, NodeId, NodeKind
from lineage.flow import Link
from registry.domain.catalog import clauses
from registry.domain.governance.recalls import Effect
from registry.domain.recipes.methods import (
    BASE,
    SOURCE,
    SOURCE_DOMAIN,
    TARGET_DOMAIN,
    TEACHER,
    TRAIN,
    UNLABELLED,
    split_role,
)

LEARNT_FROM = frozenset({TRAIN, SOURCE_DOMAIN, TARGET_DOMAIN, UNLABELLED})
"""The roles of data that a model learns from."""


def way_of(role: str, *, makes_data: bool) -> str | None:
    """How an input of this role went into the output of a step; None for one that it was only measured on."""
    role, _ = split_role(role)
    if role in {SOURCE, BASE}:
        return clauses.OUTPUTS if makes_data else clauses.WEIGHTS
    if role == TEACHER:
        return clauses.OUTPUTS
    if makes_data:
        return clauses.WEIGHTS  # data made of data
    return clauses.DATA if role in LEARNT_FROM else None


@dataclass(frozen=True, slots=True)
class Ways:
    """How each edge of a graph carries on what stands above it. `making_data` are the steps whose output is data."""

    kinds: Mapping[NodeId, NodeKind]
    making_data: frozenset[NodeId]

    @classmethod
    def of(cls, nodes: Iterable[Node], edges: Iterable[Edge]) -> Ways:
        """Those of a graph."""
        kinds = {node.id: node.kind for node in nodes}
        return cls(kinds, frozenset(edge.source for edge in edges if kinds[edge.target] is NodeKind.DATASET))

    def into_step(self, edge: Edge) -> bool:
        """True for an input of a step, false for what a step made."""
        return self.kinds[edge.target] is NodeKind.STEP

    def along(self, edge: Edge) -> str | None:
        """As `way_of`; from a step to what it made all is carried on, as weights are."""
        if not self.into_step(edge):
            return clauses.WEIGHTS
        return way_of(edge.role, makes_data=edge.target in self.making_data)

    def links(self, edges: Iterable[Edge]) -> Iterator[Link]:
        """What clauses and marks flow along: nothing from what a version was only measured on."""
        return (Link(edge.source, edge.target, self.along(edge)) for edge in edges)


def carried(mark: str, role: str, *, makes_data: bool) -> Effect | None:
    """What a step makes of the effect `mark` on an input of this role; None where it ends."""
    if mark == Effect.EVIDENCE_INVALID:
        return None  # what was made from it was measured on its own
    way = way_of(role, makes_data=makes_data)
    if way is None:
        return Effect.EVIDENCE_INVALID
    weak = way == clauses.OUTPUTS or mark == Effect.WEAKLY_TAINTED
    return Effect.WEAKLY_TAINTED if weak else Effect.TAINTED
