"""The compiled graph as storage keeps it, and the facts of many versions at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from lineage import NodeId
from registry.domain.catalog.models import Status
from registry.domain.names import VersionRef

if TYPE_CHECKING:
    from lineage.compiled import CurrentGraph


@dataclass(frozen=True, slots=True)
class CompiledState:
    """What the newest compiled graph holds: the edges up to the key `through`; `newer` were added or closed since.

    `right`: its edges are those of the table.
    """

    through: int
    edges: int
    newer: int
    made_at: datetime
    right: bool


@dataclass(frozen=True, slots=True)
class VersionFacts:
    """What is said of one version beside its name. `stage` is empty for data."""

    ref: VersionRef
    stage: str
    status: Status
    owner: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class Standings:
    """What many versions are counted by, in columns of one order: the name of the model or dataset, whose that is, the
    stage (None for data), and whether the version is deleted.
    """

    names: Sequence[str]
    owners: Sequence[str]
    stages: Sequence[str | None]
    deleted: Sequence[bool]


class ImpactRepository(Protocol):
    """The graph for questions about all of it. No decision is made by it: the edges of the table decide."""

    def graph(self) -> CurrentGraph:
        """The whole graph as this transaction sees it, compiled, with what is newer beside it."""
        ...

    def graph_below(self, key: NodeId, as_of: datetime) -> CurrentGraph:
        """A compiled graph with the node and all that came from it, by the edges that were in force then."""
        ...

    def refresh(self) -> None:
        """Compile what is newer, where that is worth it: a server does so each minute, so that no question waits."""
        ...

    def state(self) -> CompiledState | None:
        """What is compiled, compared with the edges of the table; None where nothing is kept."""
        ...

    def remove(self) -> None:
        """Remove what is kept: it is made anew from the table."""
        ...

    def standings(self, keys: Collection[NodeId]) -> Standings:
        """Of the versions among these nodes, in any order: one statement."""
        ...

    def facts(self, keys: Collection[NodeId]) -> Mapping[NodeId, VersionFacts]:
        """Of the versions among these nodes: one statement."""
        ...

    def labels(self, keys: Collection[NodeId]) -> Mapping[NodeId, str]:
        """What people call these nodes: one statement."""
        ...
