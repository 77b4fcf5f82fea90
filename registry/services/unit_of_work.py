"""What the services ask of storage: one unit of work with a repository per room.

Leaving a unit of work without `commit` rolls everything back. `commit` takes the events that say what changed, and
writes them to the audit chain in the same transaction: there is no way to change a row without an entry.

Times are timezone-aware UTC. Repositories give values, never rows of the database. What reads gives None when there is
no such thing (or it was deleted); what writes about a thing that is not there raises NotFoundError.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Protocol, Self

from lineage import Assurance, Digest, Edge, Node
from registry.domain.audit import AuditEntry, Event
from registry.domain.catalog.models import (
    AliasMove,
    CardRevision,
    Describing,
    Facet,
    HistoryEntry,
    MetricValue,
    ModelDetail,
    ModelSummary,
    SearchQuery,
    Status,
    VersionDetail,
    VersionSummary,
)
from registry.domain.data.datasets import (
    DataFormat,
    DatasetSummary,
    DatasetVersionDetail,
    DatasetVersionSummary,
    DvcRecord,
    LabelKind,
    SplitPlan,
    SplitSummary,
)
from registry.domain.governance.promotion import (
    EvidenceValue,
    PolicyValue,
    RequestDetail,
    RequestState,
    RequestSummary,
    Verdict,
    VoteEntry,
)
from registry.domain.manifests import Manifest
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.domain.people.people import Person, TokenSummary
from registry.domain.transfers.steps import (
    EpochMetric,
    Lease,
    Method,
    MirrorState,
    Progress,
    StepDetail,
    StepInput,
    StepState,
    StepSummary,
)


@dataclass(frozen=True, slots=True)
class Extent:
    """A piece of a file: `length` bytes of `blob` from `offset`. A whole file is one extent at first."""

    blob: Digest
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A model version about to be published, with the step that made it."""

    ref: VersionRef
    manifest: Manifest
    architecture: str
    licence: str
    stage: str
    step_id: str
    created_at: datetime
    created_by: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewDatasetVersion:
    """A dataset version about to be published, with the step that registered it. `manifest.rows` is the index blob."""

    ref: VersionRef
    manifest: Manifest
    format: DataFormat
    rows: int
    splits: tuple[SplitSummary, ...]
    split_plan: SplitPlan
    dvc: DvcRecord | None
    licence: str
    step_id: str
    created_at: datetime
    created_by: str
    labels: LabelKind = LabelKind.CLASS


@dataclass(frozen=True, slots=True)
class NewStep:
    """A step about to be written, with its resolved inputs. Its digest is that of the canonical recipe and inputs."""

    id: str
    digest: Digest
    kind: AssetKind
    """What it makes."""
    wanted: Name
    method: Method
    adapter: str
    state: StepState
    recipe: Mapping[str, object]
    inputs: tuple[StepInput, ...]
    created_at: datetime
    created_by: str
    epochs: int = 0


class CatalogRepository(Protocol):
    """Registered models, versions, files, aliases, tags and cards."""

    def model(self, name: Name) -> ModelDetail | None: ...
    def is_taken(self, kind: AssetKind, name: Name) -> bool:
        """True when the name (folded) is in use or ever was, for this kind."""
        ...

    def add_model(self, name: Name, describing: Describing, *, owner: str, at: datetime) -> None: ...
    def describe(self, name: Name, describing: Describing, *, at: datetime) -> None: ...
    def next_number(self, kind: AssetKind, name: Name) -> int:
        """The number after the highest ever used, deleted ones included."""
        ...

    def add_version(self, new: NewVersion) -> None:
        """Write the node, the version, its files and extents, and the edge from its step."""
        ...

    def resolve(self, reference: Reference) -> VersionRef | None:
        """The exact version that a reference names now: by number, by alias, or the latest."""
        ...

    def version(self, ref: VersionRef) -> VersionDetail | None: ...
    def versions_with(self, digest: Digest) -> Sequence[VersionRef]:
        """Live versions with this content digest."""
        ...

    def versions(self, name: Name, page: PageRequest) -> Page[VersionSummary]: ...
    def search(self, query: SearchQuery) -> Page[ModelSummary]: ...
    def facets(self, query: SearchQuery) -> Sequence[Facet]: ...
    def extents(self, ref: VersionRef, path: str) -> Sequence[Extent] | None:
        """Where the bytes of one file of a version (model or dataset) are, in order."""
        ...

    def all_extents(self, ref: VersionRef) -> Mapping[str, Sequence[Extent]]:
        """The same for every file of the version, by path; empty when it is not there."""
        ...

    def set_tags(self, target: Name | VersionRef, values: Mapping[str, str | None], *, at: datetime) -> None:
        """Set tags of a registered model (Name) or a version; None removes one."""
        ...

    def add_card(self, ref: VersionRef, text: str, *, by: str, at: datetime) -> CardRevision: ...
    def cards(self, ref: VersionRef) -> Sequence[CardRevision]: ...
    def set_alias(self, alias: str, ref: VersionRef, *, protected: bool, by: str, at: datetime) -> None: ...
    def drop_alias(self, name: Name, alias: str, *, by: str, at: datetime) -> None: ...
    def alias_history(self, name: Name, alias: str) -> Sequence[AliasMove]:
        """Every move of the alias, oldest first; None where it was taken away."""
        ...

    def set_stage(self, ref: VersionRef, stage: str, *, at: datetime) -> None: ...
    def set_status(self, ref: VersionRef, status: Status, reason: str, *, at: datetime) -> None: ...
    def delete_version(self, ref: VersionRef, *, at: datetime) -> None:
        """Hide the version for ever; node, edges and number stay so that descendants keep their ancestry."""
        ...

    def delete_model(self, name: Name, *, at: datetime) -> None: ...


class DatasetRepository(Protocol):
    """Datasets and their versions."""

    def dataset(self, name: Name) -> DatasetSummary | None: ...
    def add_dataset(self, name: Name, describing: Describing, *, owner: str, at: datetime) -> None: ...
    def add_version(self, new: NewDatasetVersion) -> None: ...
    def version(self, ref: VersionRef) -> DatasetVersionDetail | None: ...
    def versions(self, name: Name, page: PageRequest) -> Page[DatasetVersionSummary]: ...
    def search(self, text: str, page: PageRequest) -> Page[DatasetSummary]: ...


class GraphRepository(Protocol):
    """The node and edge tables, walked by recursive CTE."""

    def node(self, label: str) -> Node | None:
        """By public label: a URI of a version (model or dataset) or a step id. Deleted versions are still nodes."""
        ...

    def walk(self, start: Node, *, up: int, down: int, limit: int) -> tuple[Sequence[Node], Sequence[Edge], bool]:
        """Nodes and edges within `up` and `down` generations (a generation is one step: two edges).

        -1 means no limit of depth; from a step, the first generation is its own inputs or outputs. Nearest first, then
        oldest; the flag is True when `limit` nodes cut it short.
        """
        ...

    def set_assurance(self, step_id: str, input_label: str, assurance: Assurance, *, at: datetime) -> None:
        """Supersede the edge by one with another assurance; the old row stays."""
        ...


class StepRepository(Protocol):
    """Transfer steps, their curves, metrics, manifests and mirrors."""

    def add(self, new: NewStep) -> None:
        """Write the node, the step and its input edges."""
        ...

    def get(self, step_id: str) -> StepDetail | None: ...
    def summary(self, step_id: str) -> StepSummary | None: ...
    def search(
        self, *, state: StepState | None, method: Method | None, output: Name | None, page: PageRequest
    ) -> Page[StepSummary]: ...
    def move(
        self, step_id: str, *, expected: frozenset[StepState], to: StepState, at: datetime, error: str | None = None
    ) -> bool:
        """Compare and set the state; False (and nothing written) when the step is in no expected state."""
        ...

    def progress(self, step_id: str, *, epoch: float, at: datetime, said: Progress | None = None) -> None:
        """How far it is; with `said` None, what was said before stays."""
        ...

    def add_curve(self, step_id: str, points: Iterable[EpochMetric]) -> None:
        """Append points and number them in this order, whatever their own number.

        A point of a (name, role, epoch, step) already there is replaced (a resumed step repeats), with a new number.
        """
        ...

    def curve(self, step_id: str, *, after: int) -> Sequence[EpochMetric]:
        """The points with a number above `after`, in order of number."""
        ...

    def forget_curve(self, step_id: str) -> None:
        """Take every point away: the step starts again from the beginning."""
        ...

    def add_measured(self, step_id: str, values: Iterable[MetricValue]) -> None: ...
    def set_manifest(self, step_id: str, body: bytes, digest: Digest) -> None: ...
    def set_mirror(self, step_id: str, state: MirrorState, *, at: datetime) -> None: ...
    def unmirrored(self, limit: int) -> Sequence[str]:
        """Ids of ended steps whose mirror is queued or failing, oldest first."""
        ...


class LeaseRepository(Protocol):
    """Who runs which step. Moments are those of the database's own clock, where it has one."""

    def offer(self, step_id: str, engine: str, *, seconds: float) -> None:
        """Nobody holds the step; for `seconds` its engine is believed to be bringing a worker."""
        ...

    def take(self, step_id: str, worker: str, machine: str, *, seconds: float) -> bool:
        """Give the step to `worker` for `seconds`; False (nothing written) while another holds or is taking it."""
        ...

    def renew(self, step_id: str, worker: str, *, seconds: float) -> bool:
        """Hold the step for `seconds` from now; False when it does not run, has run out, or is somebody else's."""
        ...

    def get(self, step_id: str) -> Lease | None: ...


class GovernanceRepository(Protocol):
    """Evidence, policies, requests and votes. `lock` serialises decisions about one model."""

    def add_evidence(self, value: EvidenceValue) -> None: ...
    def evidence(self, ref: VersionRef) -> Sequence[EvidenceValue]: ...
    def add_policy(self, value: PolicyValue) -> None: ...
    def policies(self) -> Sequence[PolicyValue]:
        """The newest version of each policy, by name."""
        ...

    def policy(self, name: str, version: int | None = None) -> PolicyValue | None: ...
    def add_request(self, value: RequestDetail) -> None: ...
    def request(self, request_id: str) -> RequestDetail | None:
        """As stored: `verdict` is the last stored one and no vote is marked stale."""
        ...

    def requests(self, *, name: Name | None, state: RequestState | None, page: PageRequest) -> Page[RequestSummary]: ...
    def add_vote(self, request_id: str, vote: VoteEntry) -> None: ...
    def close_request(self, request_id: str, state: RequestState, verdict: Verdict, *, at: datetime) -> None: ...
    def lock(self, name: Name) -> None:
        """Hold other deciders about this registered model back until this unit of work ends."""
        ...


class PeopleRepository(Protocol):
    """People, role grants and tokens."""

    def add(self, person: Person) -> None: ...
    def get(self, handle: str) -> Person | None: ...
    def search(self, page: PageRequest) -> Page[Person]: ...
    def grant(self, handle: str, role: str, *, by: str, at: datetime) -> None: ...
    def revoke(self, handle: str, role: str, *, by: str, at: datetime) -> None: ...
    def add_token(self, token: TokenSummary, secret_hash: Digest) -> None: ...
    def token_by_hash(self, secret_hash: Digest) -> TokenSummary | None: ...
    def tokens(self, person: str | None, page: PageRequest) -> Page[TokenSummary]: ...
    def token(self, token_id: str) -> TokenSummary | None: ...
    def revoke_token(self, token_id: str, *, at: datetime) -> None: ...
    def touch_token(self, token_id: str, *, at: datetime) -> None: ...


class AuditRepository(Protocol):
    """Reads the chain; only `UnitOfWork.commit` writes it."""

    def entries(self, *, after: int = 0) -> Iterator[AuditEntry]:
        """All entries with seq > `after`, in order, streamed."""
        ...

    def search(self, *, subject: str | None, action: str | None, page: PageRequest) -> Page[HistoryEntry]:
        """Newest first. `subject` is exact; `S/*` means S and everything under it."""
        ...


class UnitOfWork(Protocol):
    """One transaction. Use as `with uow_factory() as uow: …; uow.commit(Event(…))`."""

    catalog: CatalogRepository
    datasets: DatasetRepository
    graph: GraphRepository
    steps: StepRepository
    leases: LeaseRepository
    governance: GovernanceRepository
    people: PeopleRepository
    audit: AuditRepository

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def commit(self, event: Event, *more: Event) -> None:
        """Write the events to the audit chain and make everything durable, or nothing at all."""
        ...

    def commit_unaudited(self) -> None:
        """For bookkeeping that changes no decision: progress, curve points, mirror state, a token's last use."""
        ...


class UnitOfWorkFactory(Protocol):
    """Opens units of work for one actor."""

    def __call__(self, *, actor: str, write: bool = False) -> UnitOfWork:
        """A new transaction; `write=True` takes the writer's place at once (SQLite: BEGIN IMMEDIATE)."""
        ...
