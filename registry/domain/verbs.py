"""The one set of verbs behind every edge: commands, JSON API, pages, and later a client over HTTP.

`bootstrap.open(home)` gives an `Office` for one actor; `office.as_actor(actor)` gives it for another. A verb takes and
gives frozen values of this package; the JSON of the API is those values (`codec`) and nothing else. Every verb may
raise PermissionDeniedError; the rest of what it raises is in its docstring.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from lineage import Edge, Node, NodeId
from registry.domain.audit import AuditReport
from registry.domain.catalog.models import (
    AliasMove,
    AliasValue,
    CardRevision,
    Describing,
    Facet,
    HistoryEntry,
    Modality,
    ModelDetail,
    ModelSummary,
    SearchQuery,
    VersionDetail,
    VersionSummary,
)
from registry.domain.comparison.verdict import TransferVerdict
from registry.domain.data.datasets import (
    DataFormat,
    DatasetSummary,
    DatasetVersionDetail,
    DatasetVersionSummary,
    LabelKind,
    SplitPlan,
)
from registry.domain.governance.promotion import EvidenceValue, PolicyValue, RequestDetail, RequestState, RequestSummary
from registry.domain.names import Name, Reference, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.domain.people.people import Actor, NewToken, Person, TokenSummary
from registry.domain.transfers.steps import Method, Recipe, StepDetail, StepNews, StepState, StepSummary


@dataclass(frozen=True, slots=True)
class ImportModel:
    """What to import. `source` is a path, or `package:NAME/inner/path`; the server sets it to its own upload folder.

    What is None is taken from the source itself; what is then still missing is an error that names it.
    `parents` are only claimed: they become inputs of the import step with assurance `declared`.
    """

    name: Name
    source: str
    architecture: str | None = None
    task: str | None = None
    modality: Modality | None = None
    licence: str | None = None
    origin: str | None = None
    description: str = ""
    card: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    parents: tuple[Reference, ...] = ()
    uploaded: bool = False
    """True when the source came over HTTP: then no pickle is read, and `source` is a folder of the server's own."""


@dataclass(frozen=True, slots=True)
class AddDataset:
    """What data to register. `source` as for ImportModel, or a `.dvc` file (then `rev` may name a git revision)."""

    name: Name
    source: str
    task: str | None = None
    licence: str | None = None
    origin: str | None = None
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    split: SplitPlan = SplitPlan()
    label_column: str = "label"
    text_column: str = "text"
    rev: str | None = None
    format: DataFormat | None = None
    labels: LabelKind | None = None
    """None: as in the dataset so far, `class` in a new one."""
    uploaded: bool = False
    """As for ImportModel: no pickle, and no pointer to elsewhere, is read."""


@dataclass(frozen=True, slots=True)
class PullReport:
    """What `pull` wrote."""

    ref: VersionRef
    folder: Path
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Ancestry:
    """A part of the graph around `focus`. `complete` is False when the limit cut it short."""

    focus: NodeId
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that `doctor` found. `level`: ok, warning or error."""

    level: str
    check: str
    message: str


class CatalogVerbs(Protocol):
    """Registered models and their versions."""

    def import_model(self, wanted: ImportModel) -> VersionDetail:
        """Convert in a subprocess, store, publish as the next version, all or nothing.

        Raises: UnsafeArtifactError, BadArtifactError, MisfitError, InvalidError, NameTakenError, NoSpaceError.
        """
        ...

    def search(self, query: SearchQuery) -> Page[ModelSummary]: ...
    def facets(self, query: SearchQuery) -> Sequence[Facet]: ...
    def model(self, name: Name) -> ModelDetail:
        """Raises: NotFoundError."""
        ...

    def versions(self, name: Name, page: PageRequest) -> Page[VersionSummary]:
        """Newest first. Raises: NotFoundError."""
        ...

    def version(self, reference: Reference) -> VersionDetail:
        """Raises: NotFoundError."""
        ...

    def open_file(self, reference: Reference, path: str, *, start: int = 0, length: int | None = None) -> BinaryIO:
        """The bytes of one payload file of a version, by range. Raises: NotFoundError, RefusedError."""
        ...

    def pull(self, reference: Reference, folder: Path) -> PullReport:
        """Write a version's files, its card as README.md, and what is needed to load it, into a new folder.

        Raises: NotFoundError, ConflictError when the folder is not empty, RefusedError for a recalled version.
        """
        ...

    def cards(self, reference: Reference) -> Sequence[CardRevision]: ...
    def revise_card(self, reference: Reference, text: str) -> CardRevision:
        """Add a revision. Raises: NotFoundError, InvalidError when the front matter is not YAML."""
        ...

    def describe(self, name: Name, describing: Describing) -> ModelDetail: ...
    def tag(self, target: Reference, values: Mapping[str, str | None]) -> None:
        """Set tags of a model (no number, no alias in `target`) or of a version; None removes one."""
        ...

    def set_alias(self, target: Reference, alias: str) -> AliasValue:
        """Raises: NotFoundError; PolicyRefusedError for a protected alias, which only a promotion moves."""
        ...

    def drop_alias(self, name: Name, alias: str) -> None: ...
    def alias_history(self, name: Name, alias: str) -> Sequence[AliasMove]: ...
    def deprecate(self, reference: Reference, reason: str) -> VersionDetail: ...
    def archive(self, reference: Reference, reason: str) -> VersionDetail: ...
    def delete(self, target: Reference) -> None:
        """Delete a version, or with no number the whole registered model.

        Raises: ConflictError while a stage above the first, or an alias, holds it.
        """
        ...

    def history(self, name: Name, page: PageRequest) -> Page[HistoryEntry]:
        """What happened to a registered model and its versions, newest first."""
        ...


class DatasetVerbs(Protocol):
    """Datasets and their versions."""

    def add(self, wanted: AddDataset) -> DatasetVersionDetail:
        """Read, hash, track with DVC, split, store and publish as the next version, all or nothing.

        Raises: BadDataError, InvalidError, NameTakenError, NoSpaceError, DatasetChangedError.
        """
        ...

    def search(self, text: str, page: PageRequest) -> Page[DatasetSummary]: ...
    def versions(self, name: Name, page: PageRequest) -> Page[DatasetVersionSummary]:
        """Newest first. Raises: NotFoundError."""
        ...

    def version(self, reference: Reference) -> DatasetVersionDetail: ...
    def pull(self, reference: Reference, folder: Path) -> PullReport: ...


class TransferVerbs(Protocol):
    """Recipes and transfer steps."""

    def check(self, text: str) -> Recipe:
        """The recipe after defaults, with every reference resolvable. Raises: BadRecipeError, NotFoundError."""
        ...

    def submit(
        self,
        text: str,
        *,
        recipe_path: Path | None = None,
        background: bool = False,
        engine: str | None = None,
        auto_batch: bool = False,
        baselines: bool = False,
        seeds: int = 3,
    ) -> StepDetail:
        """Resolve every input to a digest, write the step as queued, start it through the engine.

        In the foreground it returns when the step has ended. With `auto_batch` a step that runs out of memory starts
        again with half the batch size. With `baselines` the step also runs what the transfer is compared with, each
        trained arm with `seeds` seeds. Raises: BadRecipeError, NotFoundError, RefusedError, UnavailableError for
        resources that the engine never has.
        """
        ...

    def verdict(self, step_id: str) -> TransferVerdict:
        """Whether the transfer was worth it, computed again from the stored answers.

        Raises: NotFoundError for a step without baselines, IntegrityError when it is not what the manifest says.
        """
        ...

    def answers(self, step_id: str) -> BinaryIO:
        """What every arm of a step with baselines answered to every test row, as JSON Lines. Raises: NotFoundError."""
        ...

    def search(
        self,
        *,
        state: StepState | None = None,
        method: Method | None = None,
        output: Name | None = None,
        page: PageRequest = PageRequest(),
    ) -> Page[StepSummary]: ...
    def step(self, step_id: str) -> StepDetail: ...
    def news(self, step_id: str, *, after: int = 0) -> StepNews:
        """How the step stands now, and its curve points with a number above `after`. Cheap: to be asked often.

        Once its state is one of an end, the points are all there will be. Raises: NotFoundError.
        """
        ...

    def resume(self, step_id: str, *, background: bool = False, engine: str | None = None) -> StepDetail:
        """Go on from the last whole checkpoint, by the engine that had it. Raises: NotFoundError, StepStateError."""
        ...

    def cancel(self, step_id: str) -> StepDetail:
        """Stop it and leave nothing but the record. Raises: NotFoundError, StepStateError."""
        ...

    def log(self, step_id: str) -> str:
        """What the workers of the step have written. Raises: NotFoundError."""
        ...


class LineageVerbs(Protocol):
    """Walks of the graph."""

    def show(self, target: str, *, up: int = -1, down: int = 0, limit: int = 2000) -> Ancestry:
        """`target` is the reference of a model or dataset, or a step id. Depth in generations, -1 for all."""
        ...

    def path(self, source: str, target: str) -> Ancestry | None:
        """One shortest way from an ancestor to a descendant, or None."""
        ...


class PromotionVerbs(Protocol):
    """Evidence, requests, votes and policies."""

    def add_evidence(
        self,
        reference: Reference,
        type: str,
        body: Mapping[str, object],
        *,
        file: BinaryIO | None = None,
        file_name: str | None = None,
    ) -> EvidenceValue: ...
    def evidence(self, reference: Reference) -> Sequence[EvidenceValue]: ...
    def request(self, reference: Reference, to_stage: str, *, comment: str = "") -> RequestDetail:
        """Open a request; the policy in force is frozen into it by digest.

        Raises: PolicyRefusedError when no policy matches or the stage does not follow.
        """
        ...

    def request_detail(self, request_id: str) -> RequestDetail:
        """With the verdict as of now. Raises: NotFoundError."""
        ...

    def requests(
        self, *, name: Name | None = None, state: RequestState | None = None, page: PageRequest = PageRequest()
    ) -> Page[RequestSummary]: ...
    def approve(self, request_id: str, *, comment: str = "") -> RequestDetail:
        """Vote for. When nothing is missing any more, the version is promoted in the same transaction.

        Raises: PolicyRefusedError (self-approval, no role that counts, closed request); the vote is then not written.
        """
        ...

    def reject(self, request_id: str, *, comment: str) -> RequestDetail: ...
    def withdraw(self, request_id: str) -> RequestDetail: ...
    def check_policy(self, text: str) -> PolicyValue:
        """Raises: BadPolicyError with line numbers."""
        ...

    def publish_policy(self, text: str) -> PolicyValue:
        """Raises: BadPolicyError; ConflictError when the version is not higher than the last."""
        ...

    def policies(self) -> Sequence[PolicyValue]: ...
    def policy(self, name: str, version: int | None = None) -> PolicyValue: ...


class PeopleVerbs(Protocol):
    """People, roles and tokens."""

    def add(self, handle: str, name: str, *, service: bool = False) -> Person: ...
    def search(self, page: PageRequest) -> Page[Person]: ...
    def grant(self, handle: str, role: str) -> Person: ...
    def revoke(self, handle: str, role: str) -> Person: ...
    def create_token(self, handle: str, *, label: str, days: int = 90) -> NewToken: ...
    def tokens(self, handle: str | None, page: PageRequest) -> Page[TokenSummary]: ...
    def revoke_token(self, token_id: str) -> TokenSummary: ...
    def authenticate(self, secret: str) -> Actor:
        """Raises: UnauthenticatedError for a wrong, expired or revoked token."""
        ...

    def token_of(self, secret: str) -> TokenSummary:
        """The live token with this secret: what a session is made of. Raises: UnauthenticatedError."""
        ...

    def actor_of_token(self, token_id: str) -> Actor:
        """Who a live token speaks for, with the roles of this moment. Raises: UnauthenticatedError."""
        ...


class AuditVerbs(Protocol):
    """The audit chain."""

    def search(self, *, subject: str | None, action: str | None, page: PageRequest) -> Page[HistoryEntry]: ...
    def verify(self) -> AuditReport: ...
    def export(self) -> Iterator[bytes]:
        """The bodies with their hashes as JSON lines, streamed."""
        ...


class Office(Protocol):
    """All verbs, for one actor."""

    @property
    def actor(self) -> Actor: ...
    @property
    def catalog(self) -> CatalogVerbs: ...
    @property
    def datasets(self) -> DatasetVerbs: ...
    @property
    def transfers(self) -> TransferVerbs: ...
    @property
    def lineage(self) -> LineageVerbs: ...
    @property
    def promotions(self) -> PromotionVerbs: ...
    @property
    def people(self) -> PeopleVerbs: ...
    @property
    def audit(self) -> AuditVerbs: ...

    def as_actor(self, actor: Actor) -> Office:
        """The same house for someone else."""
        ...

    def doctor(self) -> Sequence[Problem]:
        """What is wrong with this home and this installation, and what is fine."""
        ...
