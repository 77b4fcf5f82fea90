"""Registered models as storage keeps them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from lineage import Digest
from registry.domain.catalog.models import (
    AliasMove,
    AliasValue,
    CardRevision,
    Describing,
    Facet,
    ModelDetail,
    ModelSummary,
    SearchQuery,
    Status,
    VersionDetail,
    VersionSummary,
)
from registry.domain.catalog.picking import ListedModel, ListedVersion, Picked
from registry.domain.governance.upstream import Pinned, Upstream
from registry.domain.manifests import FileEntry, Manifest
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class Extent:
    """A piece of a file: `length` bytes of `blob` from `offset`. A whole file is one extent at first."""

    blob: Digest
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class OneFile:
    """A version, one of its files or None, and what says whether a pull writes that file as it is."""

    summary: VersionSummary
    architecture: str
    entry: FileEntry | None
    adapter: bool


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


class CatalogRepository(Protocol):
    """Registered models, versions, files, aliases, tags and cards."""

    def model(self, name: Name) -> ModelDetail | None: ...
    def has_model(self, name: Name) -> bool:
        """True for a live model."""
        ...

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
    def summary(self, ref: VersionRef) -> VersionSummary | None:
        """That of a live model version, without what belongs to it."""
        ...

    def standing(self, reference: Reference) -> tuple[VersionRef, Status] | None:
        """The live model version that a reference names now, and its status."""
        ...

    def pin(self, ref: VersionRef, source: Upstream) -> None:
        """Say which repository a version was imported from, in place of what was said."""
        ...

    def source_of(self, ref: VersionRef) -> str:
        """The repository that a version was imported from; empty where it is not known."""
        ...

    def pinned(self, page: PageRequest) -> Page[Pinned]:
        """Versions of which that is known, by repository."""
        ...

    def pinned_to(self, repository: str) -> Sequence[Pinned]:
        """Those of one repository, whose name is in capitals or not, oldest first."""
        ...

    def files_stored(self, team: str, digests: Collection[Digest]) -> Mapping[Digest, tuple[VersionRef, int]]:
        """Those of `digests` that are whole files of live versions of a team: the newest such version, and the size."""
        ...

    def versions_with(self, digest: Digest) -> Sequence[VersionRef]:
        """Live versions with this content digest."""
        ...

    def list_models(self, picked: Picked, hidden: Collection[str] = ()) -> Page[ListedModel]:
        """Models that the comparisons pick, without reading any by itself; here and below without those of the teams
        `hidden`, by their folded names.
        """
        ...

    def list_versions(self, picked: Picked, hidden: Collection[str] = ()) -> Page[ListedVersion]: ...
    def versions(self, name: Name, page: PageRequest) -> Page[VersionSummary]: ...
    def search(self, query: SearchQuery, hidden: Collection[str] = ()) -> Page[ModelSummary]: ...
    def known(self, field: str, hidden: Collection[str] = ()) -> Sequence[str]:
        """Every `task`, `stage` or `owner` of live models, or every `metric` measured on test data, in order."""
        ...

    def spellings(self, text: str, hidden: Collection[str] = ()) -> Sequence[Sequence[str]]:
        """For each word of `text` the words of models that it may mean, the nearest first: itself if a model has it.

        Models of `hidden` teams have no words.
        """
        ...

    def facets(self, query: SearchQuery, hidden: Collection[str] = ()) -> Sequence[Facet]: ...
    def listing_faults(self) -> Mapping[str, int]:
        """How many rows that searches and facets read are not what the models say, by table; empty when all are."""
        ...

    def pack_facets(self) -> bool:
        """Pack some of the models that changed for counting facets; true while many of them are left."""
        ...

    def rebuild_listings(self) -> None:
        """Make the rows that searches and facets read anew from the models."""
        ...

    def one_file(self, ref: VersionRef, path: str) -> OneFile | None:
        """A live version and the file at `path`, without a list of its files; None for no version."""
        ...

    def extents(self, ref: VersionRef, path: str) -> Sequence[Extent] | None:
        """Where the bytes of one file of a version (model or dataset) are, in order."""
        ...

    def all_extents(self, ref: VersionRef) -> Mapping[str, Sequence[Extent]]:
        """The same for every file of the version, by path; empty when it is not there."""
        ...

    def set_tags(
        self, target: Name | VersionRef, values: Mapping[str, str | None], *, at: datetime
    ) -> Mapping[str, str] | None:
        """Set tags of a registered model (Name) or a version; None removes one. Gives all that it has then.

        Nothing is set, and None given, where there is no such model.
        """
        ...

    def add_card(
        self, ref: VersionRef, text: str, *, by: str, at: datetime, generated: bool = False
    ) -> CardRevision: ...
    def cards(self, ref: VersionRef) -> Sequence[CardRevision]: ...
    def set_alias(self, alias: str, ref: VersionRef, *, protected: bool, by: str, at: datetime) -> None: ...
    def alias(self, name: Name, alias: str) -> AliasValue | None:
        """What one alias of a live model names now."""
        ...

    def drop_alias(self, name: Name, alias: str, *, by: str, at: datetime) -> None: ...
    def alias_history(self, name: Name, alias: str) -> Sequence[AliasMove]:
        """Every move of the alias, oldest first; None where it was taken away."""
        ...

    def named_then(self, alias: str, at: datetime, page: PageRequest) -> Page[tuple[VersionRef, AliasMove]]:
        """Every version that had this alias just before `at`, one of each model, with the move that gave it."""
        ...

    def named_by(self, aliases: Iterable[str]) -> Sequence[AliasValue]:
        """Every one of these aliases that names a version of some model now, by model."""
        ...

    def set_stage(self, ref: VersionRef, stage: str, *, at: datetime) -> None: ...
    def set_status(self, ref: VersionRef, status: Status, reason: str, *, at: datetime) -> None:
        """Of a version of a model or dataset."""
        ...

    def used_descendants(
        self, refs: Sequence[VersionRef], *, except_in: Iterable[str], aliases: Iterable[str]
    ) -> Sequence[VersionSummary]:
        """Live descendants of `refs` at other stages or with one of `aliases`, oldest first; `refs` left out."""
        ...

    def delete_version(self, ref: VersionRef, *, at: datetime) -> None:
        """Hide the version for ever; node, edges and number stay so that descendants keep their ancestry."""
        ...

    def delete_model(self, name: Name, *, at: datetime) -> None: ...
    def rename_model(self, name: Name, new: Name, describing: Describing, *, at: datetime) -> None:
        """Give a registered model that never had a version another name, and describe it. Raises: NotFoundError."""
        ...

    def free_name(self, name: Name) -> None:
        """Remove a model that never had a version; its name may be used again. Raises: NotFoundError."""
        ...
