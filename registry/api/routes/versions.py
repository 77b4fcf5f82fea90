"""Model versions: import by upload, files by range, cards, status, and evidence about one version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from registry.api.bodies import CardText, CopyWords, HubImport, ImportDetails, NewEvidence, Reason, TagValues
from registry.api.conditions import changes
from registry.api.downloads import download_of
from registry.api.repeats import Route
from registry.api.uploads import received
from registry.api.wire import (
    BYTES,
    AsActor,
    ItemName,
    ModelVersion,
    WhyDeleted,
    answer,
    body_of,
    exactly,
    fields_of,
    nothing,
    reference_to,
    speaks,
    upload_of,
)
from registry.domain.catalog.models import CardRevision, Status, VersionDetail, VersionSummary
from registry.domain.codec import from_json
from registry.domain.governance.hub import HubSource
from registry.domain.governance.promotion import AddedEvidence, EvidenceValue
from registry.domain.governance.tracking import TrackedSource
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.paging import Page, PageRequest
from registry.domain.verbs.catalog import CopyVersion, ImportModel, PullPlan, VersionDifference
from registry.domain.verbs.registry import Registry
from registry.errors import UsageError

router = APIRouter(prefix="/models/{team}/{name}/versions", tags=["versions"], route_class=Route)
ONE = "/{version}"
Said = Annotated[Reason, Depends(body_of(Reason))]


def _versions(registry: Registry, path: Mapping[str, str]) -> Page[VersionSummary]:
    return registry.catalog.versions(Name(path["team"], path["name"]), PageRequest())


def _reference(path: Mapping[str, str]) -> Reference:
    return reference_to(AssetKind.MODELS, Name(path["team"], path["name"]), path["version"])


def _version(registry: Registry, path: Mapping[str, str]) -> VersionDetail:
    return registry.catalog.version(_reference(path))


def _cards(registry: Registry, path: Mapping[str, str]) -> Sequence[CardRevision]:
    return registry.catalog.cards(_reference(path))


def _evidence(registry: Registry, path: Mapping[str, str]) -> Sequence[EvidenceValue]:
    return registry.promotions.evidence(_reference(path))


HOME = "/models/{team}/{name}/versions"
VersionsUnchanged = Annotated[Registry, changes(_versions, HOME)]
VersionUnchanged = Annotated[Registry, changes(_version, HOME + ONE)]
CardsUnchanged = Annotated[Registry, changes(_cards, HOME + ONE + "/cards")]
EvidenceUnchanged = Annotated[Registry, changes(_evidence, HOME + ONE + "/evidence")]


@router.post("", **speaks(VersionDetail, takes=upload_of(ImportDetails), taken_as="multipart/form-data", status=201))
async def import_model(request: Request, registry: VersionsUnchanged, name: ItemName) -> Response:
    """Import an uploaded source model as the next version: files as parts, and a JSON part `details`.

    Pickles are refused, always: convert them to safetensors first, or import them in the embedded home.
    """
    async with received(request, registry, Reference(AssetKind.MODELS, name)) as upload:
        details = from_json(ImportDetails, upload.details)
        wanted = ImportModel(name=name, source=str(upload.source), uploaded=True, **fields_of(details))
        return answer(await run_in_threadpool(registry.catalog.import_model, wanted), 201)


@router.post("/from-hub", **speaks(VersionDetail, takes=HubImport, status=201))
def import_from_hub(
    registry: VersionsUnchanged, name: ItemName, body: Annotated[HubImport, Depends(body_of(HubImport))]
) -> Response:
    """Import a repository of the Hub that the server is set to fetch from, as the next version."""
    source = HubSource.parse(body.source)
    wanted = ImportModel(name=name, **(fields_of(body) | {"source": str(source)}))
    return answer(registry.catalog.import_model(wanted), 201)


@router.post("/from-tracking", **speaks(VersionDetail, takes=HubImport, status=201))
def import_from_tracking(
    registry: VersionsUnchanged, name: ItemName, body: Annotated[HubImport, Depends(body_of(HubImport))]
) -> Response:
    """Import a model that an MLflow tracking server has, one of those that the server is set to fetch from."""
    source = TrackedSource.parse(body.source)
    wanted = ImportModel(name=name, **(fields_of(body) | {"source": str(source)}))
    return answer(registry.catalog.import_model(wanted), 201)


@router.get(ONE, **speaks(VersionDetail))
def show(registry: AsActor, reference: ModelVersion) -> Response:
    """Everything about one version but its bytes and its ancestry."""
    return answer(registry.catalog.version(reference))


@router.delete(ONE, **speaks(status=204))
def delete(registry: VersionUnchanged, reference: ModelVersion, reason: WhyDeleted = "") -> Response:
    """Delete the version; its number is never used again and its descendants keep their ancestry.

    Refused while a version made from it is promoted; the audit log keeps the reason.
    """
    registry.catalog.delete(reference, reason=reason)
    return nothing()


@router.head(ONE + "/files/{path:path}", include_in_schema=False)
@router.get(ONE + "/files/{path:path}", **speaks(BYTES, media="application/octet-stream"))
def file(request: Request, registry: AsActor, reference: ModelVersion, path: str) -> Response:
    """The bytes of one payload file, whole or by `Range`. `path` is one that the version's manifest lists."""
    return download_of(request, registry, registry.catalog.version(reference), path)


@router.get(ONE + "/pull", **speaks(PullPlan))
def pull_plan(registry: AsActor, reference: ModelVersion) -> Response:
    """What a pull of the version writes: its files, those of the parents that an adapter needs, and texts."""
    return answer(registry.catalog.pull_plan(reference))


@router.get(ONE + "/difference", **speaks(VersionDifference))
def difference(
    registry: AsActor,
    reference: ModelVersion,
    other: Annotated[str, Query(max_length=256, description="The second version: `models:/team/name/3`")],
    weights: Annotated[
        bool | None, Query(description="Read the weights whatever their size; false: read no file")
    ] = None,
) -> Response:
    """What is otherwise in the version `other` than in this one."""
    second = Reference.parse(other, kind=AssetKind.MODELS)
    return answer(registry.catalog.difference(reference, second, weights=weights))


@router.get(ONE + "/cards", **speaks(Sequence[CardRevision]))
def cards(registry: AsActor, reference: ModelVersion) -> Response:
    """Every revision of the model card."""
    return answer(registry.catalog.cards(reference))


@router.post(ONE + "/cards", **speaks(CardRevision, takes=CardText, status=201))
def revise_card(
    registry: CardsUnchanged, reference: ModelVersion, body: Annotated[CardText, Depends(body_of(CardText))]
) -> Response:
    """Add a revision of the model card: Markdown with YAML front matter."""
    return answer(registry.catalog.revise_card(reference, body.text), 201)


@router.post(ONE + "/copies", **speaks(VersionDetail, takes=CopyWords, status=201))
def copy(
    registry: VersionUnchanged,
    reference: ModelVersion,
    to: Annotated[str, Query(max_length=128, description="The registered model whose next version it is: `team/name`")],
    body: Annotated[CopyWords, Depends(body_of(CopyWords))],
) -> Response:
    """Publish the same bytes as the next version of another registered model, without what this one is approved for."""
    return answer(registry.catalog.copy(CopyVersion(reference, Name.parse(to), **fields_of(body))), 201)


@router.patch(ONE + "/tags", **speaks(takes=TagValues, status=204))
def tag(
    registry: VersionUnchanged, reference: ModelVersion, body: Annotated[TagValues, Depends(body_of(TagValues))]
) -> Response:
    """Set tags of the version; null removes one."""
    registry.catalog.tag(exactly(registry, reference), body.tags)
    return nothing()


def _set(registry: Registry, reference: Reference, status: Status, reason: str) -> Response:
    ref = registry.catalog.set_status(reference, status, reason)
    return answer(registry.catalog.version(Reference.to(ref)))


@router.post(ONE + "/deprecate", **speaks(VersionDetail, takes=Reason))
def deprecate(registry: VersionUnchanged, reference: ModelVersion, body: Said) -> Response:
    """Advise against the version."""
    return _set(registry, reference, Status.DEPRECATED, body.reason)


@router.post(ONE + "/archive", **speaks(VersionDetail, takes=Reason))
def archive(registry: VersionUnchanged, reference: ModelVersion, body: Said) -> Response:
    """Put the version away: nothing new is made from it."""
    return _set(registry, reference, Status.ARCHIVED, body.reason)


@router.post(ONE + "/suspend", **speaks(VersionDetail, takes=Reason))
def suspend(registry: VersionUnchanged, reference: ModelVersion, body: Said) -> Response:
    """Stop the version for now: nobody reads its files."""
    return _set(registry, reference, Status.SUSPENDED, body.reason)


@router.post(ONE + "/recall", **speaks(VersionDetail, takes=Reason))
def recall(registry: VersionUnchanged, reference: ModelVersion, body: Said) -> Response:
    """Take the version back: nobody reads its files, and gates on the ancestry refuse what was made from it."""
    return _set(registry, reference, Status.RECALLED, body.reason)


@router.post(ONE + "/restore", **speaks(VersionDetail, takes=Reason))
def restore(registry: VersionUnchanged, reference: ModelVersion, body: Said) -> Response:
    """Make the version active again, whatever its status was."""
    return _set(registry, reference, Status.ACTIVE, body.reason)


@router.get(ONE + "/evidence", **speaks(Sequence[EvidenceValue]))
def evidence(registry: AsActor, reference: ModelVersion) -> Response:
    """What is known about the version that a policy may ask for."""
    return answer(registry.promotions.evidence(reference))


@router.post(ONE + "/evidence", **speaks(AddedEvidence, takes=NewEvidence, uploads=NewEvidence, status=201))
async def add_evidence(request: Request, registry: EvidenceUnchanged, reference: ModelVersion) -> Response:
    """Add evidence: a JSON body, or an upload of one file with the same JSON as its part `details`."""
    if not request.headers.get("content-type", "").startswith("multipart/"):
        evidence = await body_of(NewEvidence)(request)
        return answer(
            await run_in_threadpool(registry.promotions.add_evidence, reference, evidence.type, evidence.body), 201
        )
    async with received(request) as upload:
        evidence = from_json(NewEvidence, upload.details)
        if len(upload.files) != 1:
            raise UsageError(f"Evidence is one file, not {len(upload.files)}")
        path, source = next(iter(upload.files.items()))
        name = path.rpartition("/")[2]

        def add() -> AddedEvidence:
            with source.open("rb") as stream:
                return registry.promotions.add_evidence(
                    reference, evidence.type, evidence.body, file=stream, file_name=name
                )

        return answer(await run_in_threadpool(add), 201)
