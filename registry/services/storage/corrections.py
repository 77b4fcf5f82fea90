"""Corrections of edges as storage keeps them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lineage import NodeId
from registry.domain.names import VersionRef
from registry.domain.transfers.corrections import Correction, StepEdge

CORRECTION = "correction "
"""How the names of facts about corrections begin; see `services.audit.state`."""


@dataclass(frozen=True, slots=True)
class KeptEdge:
    """An input of a step that is in force, by the key of its row, from the node `source`.

    `seen`: the registry itself saw it go in.
    """

    key: int
    source: NodeId
    value: StepEdge
    seen: bool


class CorrectionRepository(Protocol):
    """The edges of steps, and what was corrected about them."""

    def step_of(self, ref: VersionRef) -> str:
        """The step that made a version. Raises: NotFoundError."""
        ...

    def inputs(self, step_id: str) -> Sequence[KeptEdge]:
        """Every input of a step, oldest first: two statements."""
        ...

    def add(self, value: Correction, edge: int) -> None:
        """Write a correction of the edge with this key."""
        ...

    def edge_of(self, correction_id: str) -> int | None:
        """The key of the edge that it is about; None where that is not in force any more."""
        ...

    def supersede(self, edge: int, after: StepEdge | None, *, at: datetime) -> None:
        """Close an edge: the row that takes its place says what it was, or that there was nothing. Both stay."""
        ...

    def decide(self, correction_id: str, *, agreed: bool, by: str, comment: str, at: datetime) -> None: ...
    def get(self, correction_id: str) -> Correction | None: ...
    def of_step(self, step_id: str) -> Sequence[Correction]:
        """Oldest first."""
        ...

    def waiting(self) -> Sequence[Correction]:
        """Those of live versions that nobody has decided, oldest first."""
        ...

    def comes_from(self, key: NodeId, above: NodeId) -> bool:
        """Whether `above` is `key` or an ancestor of it: only the ancestors of `key` are walked, until it is found."""
        ...

    def corrected(self, keys: Collection[NodeId]) -> bool:
        """Whether an input of any of these steps was corrected."""
        ...

    def state(self) -> Mapping[str, str]:
        """What the tables say, by the names above."""
        ...
