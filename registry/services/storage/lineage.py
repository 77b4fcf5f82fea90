"""Nodes and edges as storage keeps them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lineage import Assurance, Edge, Node, NodeId, WeightComparison
from lineage.exchange.records import Run
from registry.domain.catalog.compute import DeclaredCompute
from registry.domain.catalog.interface import InterfaceDifference
from registry.domain.catalog.marks import SetMark
from registry.domain.catalog.models import Status
from registry.domain.data.leakage import LeakageCount
from registry.domain.governance.reviews.past import MadeFrom
from registry.domain.names import VersionRef
from registry.domain.verbs.lineage import MOST_COUNTED, Only

COMPUTE, LEAKAGE, MARKS = "compute of ", "seen test rows of ", "marks of "
"""How the names of these facts begin; see `services.audit.state`."""


@dataclass(frozen=True, slots=True)
class Ancestor:
    """One node of an ancestry with what a decision needs to know of it, and nothing else.

    `status` and `licence` are those of a version of a model or dataset, also of a deleted one; None for steps.
    """

    node: Node
    status: Status | None = None
    licence: str | None = None
    deleted: bool = False
    stage: str | None = None
    """Of a version of a model."""


@dataclass(frozen=True, slots=True)
class AncestryRecord:
    """A version (`focus`) and all that it came from. `complete` is False when there are more than the limit."""

    focus: NodeId
    members: tuple[Ancestor, ...]
    edges: tuple[Edge, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Fan:
    """The neighbours of `node` that are of one group: how many there are, and the keys of the first, the oldest first.

    See `Rest` for the groups.
    """

    node: NodeId
    group: str
    count: int
    neighbours: tuple[NodeId, ...]


@dataclass(frozen=True, slots=True)
class FanWish:
    """Up to `each` neighbours of each group; with `group` only of that one, with `after` those with a greater key.

    Of one node `most` neighbours are counted.
    """

    upwards: bool
    each: int
    group: str | None = None
    after: NodeId | None = None
    as_of: datetime | None = None
    most: int = MOST_COUNTED


@dataclass(frozen=True, slots=True)
class EdgeEvidence:
    """What the output of a step says about one of its inputs: its weights, and where it is spoken to otherwise.

    `interface` is None where that was not compared.
    """

    comparison: WeightComparison
    checked_at: datetime
    interface: tuple[InterfaceDifference, ...] | None = None


@dataclass(frozen=True, slots=True)
class Making:
    """How a version was made, and how it stands now: what a plan to make it again reads.

    `newest`: it is the newest live one of its name. `stage` is empty and `aliases` too where it is data. `seconds` is
    what its step cost, None where that is not on record.
    """

    ref: VersionRef
    deleted: bool
    newest: bool
    owner: str
    stage: str
    status: Status
    aliases: tuple[str, ...]
    recipe: Mapping[str, object]
    seconds: float | None


class GraphRepository(Protocol):
    """The node and edge tables, walked by recursive CTE."""

    def node(self, label: str) -> Node | None:
        """By public label: a URI of a version (model or dataset) or a step id. Deleted versions are still nodes.

        Without facts: `nodes` gives those.
        """
        ...

    def named(self, labels: Collection[str]) -> Mapping[str, Node]:
        """As `node`, for several by one statement: those that there are."""
        ...

    def nodes(self, keys: Collection[NodeId]) -> Mapping[NodeId, Node]:
        """The nodes with these keys, with facts for people: two statements, however many there are."""
        ...

    def edges_above(self, *keys: NodeId, as_of: datetime | None = None) -> Sequence[Edge]:
        """Every edge between these nodes and their ancestors and among those, oldest first: one statement."""
        ...

    def walk(
        self, start: Node, *, up: int, down: int, limit: int, as_of: datetime | None = None
    ) -> tuple[Sequence[Node], Sequence[Edge], bool]:
        """Nodes and edges within `up` and `down` generations (a generation is one step: two edges).

        -1 means no limit of depth; from a step, the first generation is its own inputs or outputs. Nearest first, then
        oldest; the flag is True when `limit` nodes cut it short. With `as_of`, as recorded by then: no node when
        `start` came later.
        """
        ...

    def whole_ancestry(self, label: str, *, limit: int) -> tuple[NodeId, Sequence[Node], Sequence[Edge]] | None:
        """The key of the node with this label, itself and all that it came from, nearest first, and their edges.

        Three statements. None where there is no such node, and for an ancestry of more nodes than `limit` or with more
        edges than are read at once: `walk` tells which.
        """
        ...

    def fans(self, keys: Collection[NodeId], wish: FanWish) -> tuple[Sequence[Fan], bool]:
        """What hangs on these nodes on one side, by groups: one statement, and more where that would read too much.

        The flag is True when a node has more neighbours than are counted.
        """
        ...

    def edges_among(self, keys: Collection[NodeId], as_of: datetime | None = None) -> Sequence[Edge]:
        """The edges, not superseded, with both ends among these nodes, oldest first."""
        ...

    def reached(
        self, start: Node, generations: int, *, upwards: bool, limit: int, as_of: datetime | None = None
    ) -> Sequence[tuple[NodeId, int]]:
        """Up to `limit` + 1 nodes on one side of `start` (itself first) with their distance in edges, nearest first."""
        ...

    def matching(self, keys: Collection[NodeId], only: Only, as_of: datetime | None = None) -> Collection[NodeId]:
        """The versions among these nodes that the filter lets through; stage and status are those of now."""
        ...

    def existed(self, key: NodeId, at: datetime) -> bool:
        """Whether the node was recorded by then."""
        ...

    def siblings(self, key: NodeId, *, limit: int, as_of: datetime | None = None) -> Sequence[NodeId]:
        """What was made from a node of its kind that `key` was made from too, without `key`, oldest first."""
        ...

    def runs(self, keys: Sequence[NodeId]) -> Mapping[NodeId, Run]:
        """How these steps ran, with what they measured: two statements, however many there are."""
        ...

    def makings(self, keys: Collection[NodeId]) -> Mapping[NodeId, Making]:
        """How the versions among these nodes were made, deleted ones too: two statements, however many there are."""
        ...

    def parent_before(self, ref: VersionRef) -> VersionRef | None:
        """The newest version of the same name, older than `ref`, that anything was made from: one statement."""
        ...

    def ancestry(self, ref: VersionRef, *, limit: int, as_of: datetime | None = None) -> AncestryRecord | None:
        """All ancestors at once, in two statements however many there are; None for a version that has no node.

        With more than `limit` nodes the nearest are given. With `as_of`, by the edges that were in force then.
        """
        ...

    def made_from(self, label: str, *, since: datetime, until: datetime, limit: int) -> Sequence[MadeFrom]:
        """What steps made directly from this version, made from `since` to before `until`, oldest first."""
        ...

    def measured_on(self, label: str, split: str | None) -> int:
        """How many steps were measured on this split of a dataset version as test data."""
        ...

    def declare_compute(self, value: DeclaredCompute) -> None:
        """Append what somebody declares of a version. Raises: NotFoundError."""
        ...

    def declared_compute(self, keys: Collection[NodeId]) -> Mapping[NodeId, DeclaredCompute]:
        """The newest declaration about each of these versions that has one."""
        ...

    def measured_flops(self, keys: Collection[NodeId]) -> Mapping[NodeId, float]:
        """Of the steps among these nodes, the FLOP that their manifests name; those that measured none are left out."""
        ...

    def add_leakage_count(self, value: LeakageCount) -> None:
        """Append what was counted. Raises: NotFoundError."""
        ...

    def leakage_counts(self, keys: Collection[NodeId]) -> Mapping[NodeId, LeakageCount]:
        """The newest count of each of these versions that has one."""
        ...

    def add_mark(self, value: SetMark) -> None:
        """Set a mark that the version does not have. Raises: NotFoundError."""
        ...

    def remove_mark(self, ref: VersionRef, mark: str) -> None:
        """Take it from the version. Raises: NotFoundError."""
        ...

    def marks(self, keys: Collection[NodeId]) -> Mapping[NodeId, Sequence[SetMark]]:
        """The marks that were set on each of these versions that has one, by name."""
        ...

    def state(self) -> Mapping[str, str]:
        """What the tables say of declared compute, seen test rows and marks, by name, to be held against the log."""
        ...

    def add_comparison(self, step_id: str, input_label: str, evidence: EdgeEvidence) -> None:
        """Keep what a step's output says about one of its inputs. Earlier comparisons stay."""
        ...

    def comparisons(self, step_id: str) -> Mapping[str, EdgeEvidence]:
        """By the label of the input, the newest comparison."""
        ...

    def set_assurance(self, step_id: str, input_label: str, assurance: Assurance, *, at: datetime) -> None:
        """Supersede the edge by one with another assurance; the old row stays."""
        ...
