"""Verbs of registered models and their versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from lineage import WeightChanges
from registry.domain.cascade.run import Compared
from registry.domain.catalog.interface import InterfaceDifference
from registry.domain.catalog.marks import Marks, NewMark
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
    Spelling,
    Status,
    VersionDetail,
    VersionSummary,
    check_tags,
)
from registry.domain.catalog.picking import GivenEntry, ListedModel, ListedVersion, Picked
from registry.domain.credentials import refuse_credentials
from registry.domain.manifests import FileEntry
from registry.domain.names import Name, Reference, VersionRef
from registry.domain.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class ImportModel:
    """What to import. `source` is a path, or `package:NAME/inner/path`; the server sets it to its own upload folder.

    What is None is taken from the source itself; what is then still missing is an error that names it.
    `parents` are claims: they become inputs of the import step with assurance `declared`.
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
    registered: bool = False
    """True for what a client of MLflow registers: each call makes a version, of the bytes of the latest one too, and a
    licence that nothing states is `unknown`."""

    def __post_init__(self) -> None:
        check_tags(self.tags)
        described = {"task": self.task, "licence": self.licence, "origin": self.origin, "description": self.description}
        refuse_credentials(described | {"source": self.source, "architecture": self.architecture}, "import's")


UNKNOWN = "unknown"
"""Task, licence and origin of a registered model before its first version says them."""


@dataclass(frozen=True, slots=True)
class NewModel:
    """A registered model that has no version yet: its name, and what its owner says of it.

    `instead_of` is the name that it had before, which is free again.
    """

    name: Name
    description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    instead_of: Name | None = None

    def __post_init__(self) -> None:
        check_tags(self.tags)
        refuse_credentials({"description": self.description}, "model's")

    @property
    def describing(self) -> Describing:
        """What the catalog shows of it until then."""
        return Describing(UNKNOWN, Modality.UNKNOWN, UNKNOWN, UNKNOWN, self.description, self.tags)


@dataclass(frozen=True, slots=True)
class CopyVersion:
    """The version to copy, and the registered model whose next version the copy is. Without `card`: the source's."""

    source: Reference
    name: Name
    card: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_tags(self.tags)


@dataclass(frozen=True, slots=True)
class PullReport:
    """What `pull` wrote."""

    ref: VersionRef
    folder: Path
    files: int
    size: int
    notice: str = ""
    """That the version is deprecated or archived, with the reason; empty for one in use."""


@dataclass(frozen=True, slots=True)
class PulledFiles:
    """The files of one version that a pull writes, and where: in `folder` of the new folder, or in that itself."""

    ref: VersionRef
    folder: str
    files: tuple[FileEntry, ...]


@dataclass(frozen=True, slots=True)
class PullPlan:
    """What `pull` writes: the files of the version, for an adapter those of its parents too, and texts beside them."""

    ref: VersionRef
    parts: tuple[PulledFiles, ...]
    written: Mapping[str, str] = field(default_factory=dict)
    """Texts by path, such as the code that loads the version. They take the place of a file of this name."""
    appended: Mapping[str, str] = field(default_factory=dict)
    """Texts by path that are written at the end of the file with this name, once all files are there."""
    notice: str = ""
    """As in PullReport."""

    @property
    def size(self) -> int:
        """The bytes of all files, without the texts."""
        return sum(file.size for part in self.parts for file in part.files)


READ_UNASKED = 256 * 1024**2
"""Bytes of weights of two versions that are read to compare them without being asked for."""


@dataclass(frozen=True, slots=True)
class ValueDifference:
    """One thing that is otherwise in the second of two versions. None: a version has nothing of this name."""

    name: str
    one: str | None
    other: str | None


@dataclass(frozen=True, slots=True)
class MetricPair:
    """One metric of two versions on the same test data; None for one that was not measured on these."""

    name: str
    data: str
    one: float | None
    other: float | None

    @property
    def change(self) -> float | None:
        """The second less the first, where both were measured."""
        return None if self.one is None or self.other is None else self.other - self.one


@dataclass(frozen=True, slots=True)
class ClauseDifference:
    """A clause of a licence that one of two versions owes and the other does not; `path` is the way that it came."""

    clause: str
    meaning: str
    owed_by: VersionRef
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VersionDifference:
    """What is otherwise in `other` than in `one`: what they were made from and how, what they reach, ask and owe.

    `metrics` are all test metrics of both, equal or not. `answers` compares their answers to the same test rows, with
    an interval; above 0 it is in favour of `other`. None where that, the weights, or the interface could not be
    compared: `unread` says why, in sentences without their ends. In `interface`, the parent's side is that of `one`.
    """

    one: VersionRef
    other: VersionRef
    same_files: bool
    facts: tuple[ValueDifference, ...]
    data: tuple[ValueDifference, ...]
    parents: tuple[ValueDifference, ...]
    recipe: tuple[ValueDifference, ...]
    environment: tuple[ValueDifference, ...]
    metrics: tuple[MetricPair, ...]
    answers: Compared | None
    clauses: tuple[ClauseDifference, ...]
    interface: tuple[InterfaceDifference, ...] | None
    weights: WeightChanges | None
    unread: tuple[str, ...]


class CatalogVerbs(Protocol):
    """Registered models and their versions."""

    def import_model(self, wanted: ImportModel) -> VersionDetail:
        """Convert in a subprocess, store, publish as the next version, all or nothing. Known bytes give their version.

        Raises: UnsafeArtifactError, BadArtifactError, MisfitError, InvalidError, NameTakenError, NoSpaceError.
        """
        ...

    def create(self, wanted: NewModel) -> ModelDetail:
        """Take a name for a registered model whose first version comes later, and says its task and licence.

        Raises: NameTakenError.
        """
        ...

    def copy(self, wanted: CopyVersion) -> VersionDetail:
        """Publish the very bytes of a version as the next version of another registered model, with an edge from it.

        Licence, card and marks come with it; stage, aliases, evidence and approvals do not. Where the latest version
        has these bytes, it is given. Raises: NotFoundError, NameTakenError, RefusedError for a version from which
        nothing new is made, DamagedError.
        """
        ...

    def search(self, query: SearchQuery) -> Page[ModelSummary]: ...
    def list_models(self, picked: Picked) -> Page[ListedModel]:
        """Registered models that all comparisons pick, those without a version too. On the server alone."""
        ...

    def list_versions(self, picked: Picked) -> Page[ListedVersion]:
        """Versions of any model that all comparisons pick. On the server alone."""
        ...

    def facets(self, query: SearchQuery) -> Sequence[Facet]: ...
    def spelling(self, query: SearchQuery) -> Spelling:
        """What was perhaps meant by the words of a search that finds nothing, where a model matches that."""
        ...

    def model(self, name: Name) -> ModelDetail:
        """Raises: NotFoundError."""
        ...

    def versions(self, name: Name, page: PageRequest) -> Page[VersionSummary]:
        """Newest first. Raises: NotFoundError."""
        ...

    def version(self, reference: Reference) -> VersionDetail:
        """Raises: NotFoundError."""
        ...

    def difference(self, one: Reference, other: Reference, *, weights: bool | None = None) -> VersionDifference:
        """What is otherwise in the version `other` than in `one`, of the same registered model or of two.

        The weights of both are read where these have at most `READ_UNASKED` bytes together; with `weights` True
        whatever their size, for whom may edit; with False no file is read. Files that may not be read are left out, and
        the answer says so. Raises: NotFoundError, UsageError for a version and itself, PermissionDeniedError.
        """
        ...

    def open_file(self, reference: Reference, path: str, *, start: int = 0, length: int | None = None) -> BinaryIO:
        """The bytes of one payload file of a version, by range. Raises: NotFoundError, RefusedError."""
        ...

    def given_file(self, reference: Reference, path: str) -> GivenEntry:
        """A version with one file of a pull of it, read without its list of files. On the server alone.

        Of an adapter no file is found in this way: it is given out with its parent. Raises: NotFoundError, and as
        `pull_plan` for a version whose files cannot be read.
        """
        ...

    def pull(self, reference: Reference, folder: Path) -> PullReport:
        """Write a version's files, its card as README.md, and what is needed to load it, into a new folder.

        Raises: NotFoundError, ConflictError when the folder is not empty, RefusedError for a recalled version.
        """
        ...

    def pull_plan(self, reference: Reference) -> PullPlan:
        """What `pull` would write. Raises: NotFoundError, RefusedError, ParentChangedError."""
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
    def set_status(self, reference: Reference, status: Status, reason: str) -> VersionRef:
        """Give a version of a model or dataset a status, with the reason; `active` undoes the others.

        Raises: NotFoundError; PermissionDeniedError for who may not suspend, recall or lift that; PolicyRefusedError
        for a version in use, whose status changes by a request; InvalidError without a reason; ConflictError.
        """
        ...

    def mark(self, reference: Reference, wish: NewMark) -> Marks:
        """Set a mark on a version of a model or dataset, or take it away, with the reason; give all that hold.

        Everybody who may edit sets one. It is taken away by those who may suspend a version, and not by who made this.
        Raises: NotFoundError, InvalidError, ConflictError, PermissionDeniedError.
        """
        ...

    def delete(self, target: Reference, *, reason: str = "") -> None:
        """Delete a version, or with no number and no alias the registered model; its name is never used again.

        The audit entry keeps `reason`. Its licence and its status stay on record, and count in every later verdict on
        what was made from it. Its aliases go with it. Raises: ConflictError for a version that was promoted or that a
        protected alias names; InUseError, listing them, while descendants are promoted and not retired, or behind a
        protected alias.
        """
        ...

    def history(self, name: Name, page: PageRequest) -> Page[HistoryEntry]:
        """What happened to a registered model and its versions, newest first."""
        ...
