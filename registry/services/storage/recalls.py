"""Recalls as storage keeps them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lineage import Digest, Edge, Node, NodeId
from registry.domain.catalog.downloads import Download
from registry.domain.catalog.models import Status
from registry.domain.governance.recalls import (
    AliasFallback,
    Effect,
    Hold,
    Level,
    NewDisposition,
    NewRecall,
    Recall,
    RecallState,
    Task,
)
from registry.domain.manifests import Manifest
from registry.domain.names import AssetKind, VersionRef
from registry.domain.paging import Page, PageRequest

RECALL, TASK = "recall ", "task of "
"""How the names of facts about recalls begin; see `services.audit.state`."""


@dataclass(frozen=True, slots=True)
class Below:
    """The targets of a recall with everything below them: nodes (deleted versions too) and edges."""

    nodes: Sequence[Node]
    edges: Sequence[Edge]
    statuses: Mapping[int, Status]
    """Of the versions that are not deleted, by node."""
    aliases: Mapping[int, Sequence[tuple[str, bool]]]
    """By node, the aliases that name it, and whether each is protected."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a recall writes about one version; `status` is None where it withholds nothing."""

    node: int
    effect: Effect
    path: tuple[int, ...]
    status: Status | None


@dataclass(frozen=True, slots=True)
class OwnTasks:
    """How many tasks of a recall that is not reversed are open for the owner of the models and datasets."""

    recall: str
    target: str
    level: Level
    opened_at: datetime
    tasks: int


@dataclass(frozen=True, slots=True)
class SameBytes:
    """A version that is withheld and has bytes of a new one; `path` names its file, and is empty for all of them."""

    ref: VersionRef
    status: Status
    path: str


class RecallRepository(Protocol):
    """Recalls, what they mark, and the tasks."""

    def of_refs(self, refs: Sequence[VersionRef]) -> Sequence[int]: ...
    def of_model(self, uri: str) -> Sequence[int]:
        """Every live version of `models:/team/name` or `datasets:/team/name`."""
        ...

    def of_digests(self, digests: Collection[Digest]) -> Mapping[Digest, Sequence[int]]:
        """By each digest that one has, in the order given: live versions with it, with a file that has it, or a blob,
        or a tensor.
        """
        ...

    def of_step(self, step_id: str) -> Sequence[int]:
        """The live versions that the step made."""
        ...

    def of_token(self, token_id: str) -> Sequence[int]:
        """The live versions that were published with the token, or by a step that was submitted with it."""
        ...

    def licences(self) -> Sequence[str]:
        """Every licence that a live version has."""
        ...

    def of_licences(self, licences: Collection[str]) -> Sequence[int]: ...
    def below(self, targets: Sequence[int]) -> Below:
        """Everything that was made from `targets`, without a limit: half a recall would be a wrong one."""
        ...

    def open(self, recall_id: str, wish: NewRecall, marks: Sequence[Mark], *, by: str, at: datetime) -> None:
        """Write the recall and its marks, and the status of each version that it withholds."""
        ...

    def add_fallback(self, recall_id: str, moved: AliasFallback) -> None:
        """Remember that an alias was moved, for a reversal."""
        ...

    def fallbacks(self, recall_id: str) -> Sequence[AliasFallback]: ...
    def reverse(
        self, recall_id: str, *, by: str, reason: str, at: datetime
    ) -> tuple[Mapping[str, Status], Sequence[str]]:
        """End the recall. Gives the status of each version that was restored, and the others that it withheld."""
        ...

    def release(self, recall_id: str, ref: VersionRef, *, at: datetime) -> Status | None:
        """The recall withholds this version no more. Its status now, None where it was changed since."""
        ...

    def recall(self, recall_id: str, *, now: datetime) -> Recall | None: ...
    def targets(self, recall_id: str) -> Sequence[VersionRef]: ...
    def recalls(self, *, state: RecallState | None, now: datetime, page: PageRequest) -> Page[Recall]: ...
    def task(self, recall_id: str, ref: VersionRef) -> Task | None: ...
    def open_about(self, refs: Collection[VersionRef], *, now: datetime) -> Sequence[str]:
        """The recalls with a task about one of `refs` that is not settled."""
        ...

    def tasks(self, recall_id: str, *, unsettled: bool, now: datetime, page: PageRequest) -> Page[Task]: ...
    def tasks_of(self, owner: str, *, now: datetime) -> Sequence[OwnTasks]:
        """The open tasks of one owner, by recall, oldest first."""
        ...

    def propose(
        self, recall_id: str, ref: VersionRef, wish: NewDisposition, *, until: datetime | None, by: str, at: datetime
    ) -> None: ...
    def confirm(self, recall_id: str, ref: VersionRef, *, by: str, at: datetime) -> None: ...
    def holds(self, ref: VersionRef) -> Sequence[Hold]:
        """The recalls that withhold this version, oldest first."""
        ...

    def stopped(self, refs: Sequence[VersionRef]) -> Mapping[VersionRef, Status]:
        """Those of `refs` that are suspended or recalled."""
        ...

    def same_bytes(self, manifest: Manifest, kind: AssetKind, *, besides: Collection[VersionRef]) -> SameBytes | None:
        """A withheld version, deleted or not, with this digest, a file of these weights, or no file but these.

        Those of `besides` are passed over.
        """
        ...

    def named(self, digests: Collection[Digest]) -> tuple[str, Digest] | None:
        """A recall that stands and whose own target is one of these digests, with it."""
        ...

    def of_its_token(self, step_id: str) -> str | None:
        """A recall that stands, withholds, and whose target is the token that the step was written with."""
        ...

    def inherit(self, parent: Task, ref: VersionRef, effect: Effect, status: Status | None, *, at: datetime) -> None:
        """Mark a new version in the recall of `parent`, whose risk is accepted; where withheld, for as long."""
        ...

    def reaching(self, keys: Collection[NodeId]) -> Mapping[NodeId, Sequence[str]]:
        """By node, the recalls that stand and mark it, whatever that does to it; nodes without one are left out."""
        ...

    def extend(
        self, recall_id: str, marks: Sequence[Mark], *, at: datetime
    ) -> Sequence[tuple[VersionRef, Status | None]]:
        """Write those marks of a recall that it does not have yet, with their statuses: the versions and these."""
        ...

    def add_downloads(self, downloads: Sequence[Download]) -> None:
        """Add to what is counted; what a person or version that is gone read is left out."""
        ...

    def downloads(self, recall_id: str, page: PageRequest) -> Page[Download]:
        """Who read what the recall marks, newest first."""
        ...

    def tainted(self, nodes: Sequence[int]) -> int:
        """How many of these nodes a recall withholds because of what they were made from."""
        ...

    def invalid_evidence(self, node: int) -> int:
        """How many recalls make the evidence of this version invalid and have no disposition that says otherwise."""
        ...

    def state(self) -> Mapping[str, str]:
        """What the tables say, by the names above."""
        ...
