"""How a thing went into another, by its edge: its weights were changed, it was learnt from, or its answers were."""

from __future__ import annotations

from lineage import Edge
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


def way_of(edge: Edge, *, makes_data: bool) -> str | None:
    """How an input went into the output of a step; None for one that it was only measured on."""
    role, _ = split_role(edge.role)
    if role in {SOURCE, BASE}:
        return clauses.OUTPUTS if makes_data else clauses.WEIGHTS
    if role == TEACHER:
        return clauses.OUTPUTS
    if makes_data:
        return clauses.WEIGHTS  # data made of data
    return clauses.DATA if role in LEARNT_FROM else None


def carried(mark: str, edge: Edge, *, makes_data: bool) -> Effect | None:
    """What a step makes of the effect `mark` on one of its inputs; None where it ends."""
    if mark == Effect.EVIDENCE_INVALID:
        return None  # what was made from it was measured on its own
    way = way_of(edge, makes_data=makes_data)
    if way is None:
        return Effect.EVIDENCE_INVALID
    weak = way == clauses.OUTPUTS or mark == Effect.WEAKLY_TAINTED
    return Effect.WEAKLY_TAINTED if weak else Effect.TAINTED
