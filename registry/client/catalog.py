"""The verbs of registered models over HTTP."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import BinaryIO

from lineage import Digest
from registry.client.transport.addresses import file_at, model_at, paging, part, version_at
from registry.client.transport.connection import LONG, Connection
from registry.client.transport.downloads import Watch, check, chunks, download, opened
from registry.client.transport.uploads import parts_of
from registry.client.uploads import upload_to
from registry.domain.catalog.marks import Marks, NewMark
from registry.domain.catalog.models import (
    AliasMove,
    AliasValue,
    CardRevision,
    Describing,
    Facet,
    HistoryEntry,
    ModelDetail,
    ModelSummary,
    SearchQuery,
    SortKey,
    Spelling,
    Status,
    VersionDetail,
    VersionSummary,
)
from registry.domain.catalog.picking import GivenEntry, ListedModel, ListedVersion, Picked
from registry.domain.catalog.statuses import VERBS
from registry.domain.codec import to_json
from registry.domain.data.datasets import DatasetVersionDetail
from registry.domain.governance.tracking import MLFLOW
from registry.domain.governance.upstream import HUB, Upstream
from registry.domain.manifests import FileEntry
from registry.domain.names import AssetKind, Name, Reference, VersionRef, check_alias, model_only
from registry.domain.paging import Page, PageRequest
from registry.domain.verbs.catalog import (
    CopyVersion,
    ImportModel,
    NewModel,
    PulledFiles,
    PullPlan,
    PullReport,
    VersionDifference,
)
from registry.errors import InvalidError, NotRemoteError, UnsafeArtifactError
from registry.folders import new_folder, write_texts
from registry.sources import PICKLED, resolve_source

VERB_OF = {status: verb for verb, status in VERBS.items()}
OWN_FIELDS = frozenset({"name", "source", "uploaded", "registered"})
"""Fields of what is uploaded that are said otherwise: by the address, the files and the door that they come through."""


@dataclass(frozen=True, slots=True)
class RemoteCatalog:
    """Implements `CatalogVerbs`."""

    server: Connection
    watch: Watch | None = None

    def import_model(self, wanted: ImportModel) -> VersionDetail:
        """Upload the files of the source; the server imports them. It reads no pickle.

        What is in a Hub, or on a tracking server, it fetches itself.
        """
        if wanted.source.startswith(HUB):
            return self._fetched(wanted, "from-hub", "The origin of an import from a Hub is its repository")
        if wanted.source.startswith(MLFLOW):
            return self._fetched(wanted, "from-tracking", "The origin of an import from a tracking server is its run")
        source = resolve_source(wanted.source)
        if wanted.origin is None and (cached := Upstream.of_cache(source)) is not None:
            wanted = replace(wanted, origin=str(cached))
        try:
            return upload_to(
                self.server,
                VersionDetail,
                Reference(AssetKind.MODELS, wanted.name),
                details_of(wanted),
                parts_of(source),
                watch=self.watch,
            )
        except UnsafeArtifactError as error:
            if source.is_file() and source.suffix in PICKLED:
                error.remedy = (
                    "A server reads no pickle. Import it into a registry folder of this machine (forebear --home "
                    "FOLDER), pull it, which gives safetensors, and import that here"
                )
            raise

    def _fetched(self, wanted: ImportModel, route: str, own_origin: str) -> VersionDetail:
        """What the server fetches itself."""
        if wanted.origin is not None:
            raise InvalidError(own_origin, remedy="Leave --origin out")
        body = {"source": wanted.source, **details_of(wanted)}
        del body["origin"]
        where = f"{model_at(wanted.name)}/versions/{route}"
        return self.server.send(VersionDetail, "POST", where, body, seconds=LONG)

    def create(self, wanted: NewModel) -> ModelDetail:
        body: dict[str, object] = {"description": wanted.description, "tags": wanted.tags}
        body |= {"instead_of": wanted.instead_of} if wanted.instead_of is not None else {}
        return self.server.send(ModelDetail, "POST", model_at(wanted.name), body)

    def copy(self, wanted: CopyVersion) -> VersionDetail:
        where, body = f"{version_at(model_only(wanted.source))}/copies", {"card": wanted.card, "tags": wanted.tags}
        return self.server.send(VersionDetail, "POST", where, body, params={"to": str(wanted.name)})

    def search(self, query: SearchQuery) -> Page[ModelSummary]:
        return self.server.get(Page[ModelSummary], "/models", _asked(query))

    def list_models(self, picked: Picked) -> Page[ListedModel]:  # noqa: ARG002 - as of the verb
        raise _lists_here()

    def list_versions(self, picked: Picked) -> Page[ListedVersion]:  # noqa: ARG002 - as of the verb
        raise _lists_here()

    def given_file(self, reference: Reference, path: str) -> GivenEntry:  # noqa: ARG002 - as of the verb
        raise NotRemoteError(
            "One file by its path is for the protocols that the server speaks", remedy="Pull the version"
        )

    def spelling(self, query: SearchQuery) -> Spelling:
        return self.server.get(Spelling, "/models/spelling", _asked(query))

    def facets(self, query: SearchQuery) -> Sequence[Facet]:
        return self.server.get(tuple[Facet, ...], "/models/facets", _asked(query))

    def model(self, name: Name) -> ModelDetail:
        return self.server.get(ModelDetail, model_at(name))

    def versions(self, name: Name, page: PageRequest) -> Page[VersionSummary]:
        return self.server.get(Page[VersionSummary], f"{model_at(name)}/versions", paging(page))

    def version(self, reference: Reference) -> VersionDetail:
        return self.server.get(VersionDetail, version_at(model_only(reference)))

    def difference(self, one: Reference, other: Reference, *, weights: bool | None = None) -> VersionDifference:
        params = {"other": model_only(other), "weights": weights}
        where = f"{version_at(model_only(one))}/difference"
        return self.server.get(VersionDifference, where, params, seconds=LONG)

    def open_file(self, reference: Reference, path: str, *, start: int = 0, length: int | None = None) -> BinaryIO:
        """The bytes as they come. A file that is read whole is checked against its digest when its end is reached."""
        source = chunks(self.server, file_at(reference, path), start=start, length=length)
        if start or length is not None:
            return opened(source)
        if reference.kind is AssetKind.MODELS:
            files: Sequence[FileEntry] = self.version(reference).files
        else:
            files = self.server.get(DatasetVersionDetail, version_at(reference)).files
        entry = next((one for one in files if one.path == path), None)
        return opened(source if entry is None else _checked(source, entry, reference))

    def pull(self, reference: Reference, folder: Path) -> PullReport:
        """Download what the server's `pull_plan` names into a new folder, which appears whole or not at all."""
        return write_plan(self.server, self.pull_plan(reference), folder, watch=self.watch)

    def pull_plan(self, reference: Reference) -> PullPlan:
        return self.server.get(PullPlan, f"{version_at(model_only(reference))}/pull")

    def cards(self, reference: Reference) -> Sequence[CardRevision]:
        return self.server.get(tuple[CardRevision, ...], f"{version_at(model_only(reference))}/cards")

    def revise_card(self, reference: Reference, text: str) -> CardRevision:
        return self.server.send(CardRevision, "POST", f"{version_at(model_only(reference))}/cards", {"text": text})

    def describe(self, name: Name, describing: Describing) -> ModelDetail:
        return self.server.send(ModelDetail, "PUT", model_at(name), describing)

    def tag(self, target: Reference, values: Mapping[str, str | None]) -> None:
        self.server.change("PATCH", f"{_target_at(target)}/tags", {"tags": values})

    def set_alias(self, target: Reference, alias: str) -> AliasValue:
        number = target.number if target.number is not None else self.version(target).summary.ref.number
        where = f"{model_at(model_only(target).name)}/aliases/{part(check_alias(alias))}"
        return self.server.send(AliasValue, "PUT", where, {"version": number})

    def drop_alias(self, name: Name, alias: str) -> None:
        self.server.change("DELETE", f"{model_at(name)}/aliases/{part(check_alias(alias))}")

    def alias_history(self, name: Name, alias: str) -> Sequence[AliasMove]:
        return self.server.get(tuple[AliasMove, ...], f"{model_at(name)}/aliases/{part(check_alias(alias))}")

    def set_status(self, reference: Reference, status: Status, reason: str) -> VersionRef:
        where, body = f"{version_at(reference)}/{VERB_OF[status]}", {"reason": reason}
        if reference.kind is AssetKind.MODELS:
            return self.server.send(VersionDetail, "POST", where, body).summary.ref
        return self.server.send(DatasetVersionDetail, "POST", where, body).summary.ref

    def mark(self, reference: Reference, wish: NewMark) -> Marks:
        return self.server.send(Marks, "POST", "/lineage/marks", to_json(wish), params={"target": reference})

    def delete(self, target: Reference, *, reason: str = "") -> None:
        self.server.change("DELETE", _target_at(target), params={"reason": reason or None})

    def history(self, name: Name, page: PageRequest) -> Page[HistoryEntry]:
        return self.server.get(Page[HistoryEntry], f"{model_at(name)}/history", paging(page))


def _lists_here() -> NotRemoteError:
    return NotRemoteError(
        "Lists by comparisons are for the protocols that the server speaks", remedy="Search: forebear model search"
    )


def _target_at(target: Reference) -> str:
    """The registered model where there is no number and no alias, else the version."""
    whole = model_only(target).number is None and target.alias is None
    return model_at(target.name) if whole else version_at(target)


def details_of(wanted: object) -> dict[str, object]:
    """The `details` of an upload: the fields of what is wanted that the files and the address do not say."""
    return {
        one.name: getattr(wanted, one.name)
        for one in fields(wanted)  # type: ignore[arg-type]  # a dataclass of the verbs
        if one.name not in OWN_FIELDS
    }


def write_plan(server: Connection, plan: PullPlan, folder: Path, *, watch: Watch | None = None) -> PullReport:
    """Download every file of `plan` into a new folder, checked by its digest; nothing is left after an error.

    Raises: ConflictError when the folder is not empty, DigestMismatchError, NoSpaceError; as `Connection.request`.
    """
    with new_folder(folder) as staged:
        for one in plan.parts:
            for entry in one.files:
                target = staged / one.folder / entry.path
                download(server, Reference.to(one.ref), entry, target, watch=watch)
        write_texts(staged, plan.written, plan.appended)
        files = sum(1 for path in staged.rglob("*") if path.is_file())
    return PullReport(plan.ref, folder, files, plan.size, plan.notice)


def plan_of(detail: DatasetVersionDetail, notice: str) -> PullPlan:
    """The plan for a dataset: its files as they are."""
    ref = detail.summary.ref
    return PullPlan(ref, (PulledFiles(ref, "", tuple(detail.files)),), notice=notice)


def _checked(source: Iterator[bytes], entry: FileEntry, reference: Reference) -> Iterator[bytes]:
    hashed = hashlib.sha256()
    for chunk in source:
        hashed.update(chunk)
        yield chunk
    check(entry, Digest(hashed.hexdigest()), reference)


def _asked(query: SearchQuery) -> dict[str, object]:
    return {
        "text": query.text or None,
        "task": query.task,
        "modality": query.modality,
        "tag": query.tags,
        "stage": query.stage,
        "status": query.status,
        "licence": query.licence,
        "origin": query.origin,
        "owner": query.owner,
        "metric": tuple(f"metrics.{m.metric} {m.operator} {m.value!r}".replace("e+", "e") for m in query.metrics),
        "sort": f"metrics.{query.sort_metric}" if query.sort is SortKey.METRIC else query.sort,
        "descending": query.descending,
        **paging(query.page),
    }
