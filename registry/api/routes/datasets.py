"""Datasets: search, one version, its status, and registration by upload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from registry.api.bodies import DatasetDetails, Reason
from registry.api.conditions import changes
from registry.api.downloads import download_of
from registry.api.repeats import Route
from registry.api.uploads import received
from registry.api.wire import (
    BYTES,
    AsActor,
    DatasetVersion,
    ItemName,
    Paging,
    answer,
    body_of,
    fields_of,
    reference_to,
    speaks,
    upload_of,
)
from registry.domain.catalog.models import Status
from registry.domain.codec import from_json
from registry.domain.data.datasets import DatasetSummary, DatasetVersionDetail, DatasetVersionSummary
from registry.domain.data.looks import Look
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.paging import Page, PageRequest
from registry.domain.verbs.data import AddDataset
from registry.domain.verbs.registry import Registry

router = APIRouter(prefix="/datasets", tags=["datasets"], route_class=Route)
Said = Annotated[Reason, Depends(body_of(Reason))]


def _versions(registry: Registry, path: Mapping[str, str]) -> Page[DatasetVersionSummary]:
    return registry.datasets.versions(Name(path["team"], path["name"]), PageRequest())


def _version(registry: Registry, path: Mapping[str, str]) -> DatasetVersionDetail:
    name = Name(path["team"], path["name"])
    return registry.datasets.version(reference_to(AssetKind.DATASETS, name, path["version"]))


VersionsUnchanged = Annotated[Registry, changes(_versions, "/datasets/{team}/{name}/versions")]
VersionUnchanged = Annotated[Registry, changes(_version, "/datasets/{team}/{name}/versions/{version}")]


@router.get("", **speaks(Page[DatasetSummary]))
def search(registry: AsActor, page: Paging, text: Annotated[str, Query(max_length=512)] = "") -> Response:
    """Datasets whose name, description or tags hold these words."""
    return answer(registry.datasets.search(text, page))


@router.get("/{team}/{name}", **speaks(DatasetVersionDetail))
def latest(registry: AsActor, name: ItemName) -> Response:
    """The latest version of a dataset."""
    return answer(registry.datasets.version(Reference(AssetKind.DATASETS, name)))


@router.get("/{team}/{name}/versions", **speaks(Page[DatasetVersionSummary]))
def versions(registry: AsActor, name: ItemName, page: Paging) -> Response:
    """The versions of a dataset, newest first."""
    return answer(registry.datasets.versions(name, page))


@router.get("/{team}/{name}/versions/{version}", **speaks(DatasetVersionDetail))
def show(registry: AsActor, reference: DatasetVersion) -> Response:
    """Everything about one dataset version but its bytes."""
    return answer(registry.datasets.version(reference))


@router.get("/{team}/{name}/versions/{version}/look", **speaks(Look))
def look(registry: AsActor, reference: DatasetVersion, pictures: bool = False) -> Response:
    """Its rows at a glance: classes, copies of rows, and a few examples; with `pictures`, small PNGs of them."""
    return answer(registry.datasets.look(reference, pictures=pictures))


@router.head("/{team}/{name}/versions/{version}/files/{path:path}", include_in_schema=False)
@router.get("/{team}/{name}/versions/{version}/files/{path:path}", **speaks(BYTES, media="application/octet-stream"))
def file(request: Request, registry: AsActor, reference: DatasetVersion, path: str) -> Response:
    """The bytes of one file of the dataset, whole or by `Range`."""
    return download_of(request, registry, registry.datasets.version(reference), path)


@router.post(
    "/{team}/{name}/versions",
    **speaks(DatasetVersionDetail, takes=upload_of(DatasetDetails), taken_as="multipart/form-data", status=201),
)
async def add(request: Request, registry: VersionsUnchanged, name: ItemName) -> Response:
    """Register an uploaded dataset as the next version: files as parts, and a JSON part `details`."""
    async with received(request, registry, Reference(AssetKind.DATASETS, name)) as upload:
        details = from_json(DatasetDetails, upload.details)
        wanted = AddDataset(name=name, source=str(upload.source), uploaded=True, **fields_of(details))
        return answer(await run_in_threadpool(registry.datasets.add, wanted), 201)


@router.post("/{team}/{name}/versions/{version}/deprecate", **speaks(DatasetVersionDetail, takes=Reason))
def deprecate(registry: VersionUnchanged, reference: DatasetVersion, body: Said) -> Response:
    """Advise against the version."""
    return _set(registry, reference, Status.DEPRECATED, body.reason)


@router.post("/{team}/{name}/versions/{version}/archive", **speaks(DatasetVersionDetail, takes=Reason))
def archive(registry: VersionUnchanged, reference: DatasetVersion, body: Said) -> Response:
    """Put the version away: nothing new is trained on it."""
    return _set(registry, reference, Status.ARCHIVED, body.reason)


@router.post("/{team}/{name}/versions/{version}/suspend", **speaks(DatasetVersionDetail, takes=Reason))
def suspend(registry: VersionUnchanged, reference: DatasetVersion, body: Said) -> Response:
    """Stop the version for now: nobody reads its files."""
    return _set(registry, reference, Status.SUSPENDED, body.reason)


@router.post("/{team}/{name}/versions/{version}/recall", **speaks(DatasetVersionDetail, takes=Reason))
def recall(registry: VersionUnchanged, reference: DatasetVersion, body: Said) -> Response:
    """Take the version back: nobody reads its files, and gates on the ancestry refuse what was trained on it."""
    return _set(registry, reference, Status.RECALLED, body.reason)


@router.post("/{team}/{name}/versions/{version}/restore", **speaks(DatasetVersionDetail, takes=Reason))
def restore(registry: VersionUnchanged, reference: DatasetVersion, body: Said) -> Response:
    """Make the version active again, whatever its status was."""
    return _set(registry, reference, Status.ACTIVE, body.reason)


def _set(registry: Registry, reference: Reference, status: Status, reason: str) -> Response:
    ref = registry.catalog.set_status(reference, status, reason)
    return answer(registry.datasets.version(Reference.to(ref)))
