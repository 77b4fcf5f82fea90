"""The routes of the OCI distribution protocol by which artifacts are read. They stand outside `/api/v1`."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse, Response
from starlette.requests import Request

from registry.api.contents import GivenFile
from registry.api.downloads import download
from registry.api.hub.revisions import Repo
from registry.api.oci.door import Door
from registry.api.oci.manifests import MANIFEST, Document, Manifest, digest_of
from registry.api.oci.referrers import INDEX, index
from registry.api.wire import AsActor
from registry.domain.names import AssetKind
from registry.errors import BadNameError, BadReferenceError, NotFoundError

_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_VERSION = {"Docker-Distribution-API-Version": "registry/2.0"}
MOST_TAGS = 1000
router = APIRouter(prefix="/v2", include_in_schema=False)


async def _door(request: Request, registry: AsActor, team: str, name: str) -> Door:
    try:
        repo = Repo.named(AssetKind.MODELS, team, name)
    except BadNameError as error:
        raise NotFoundError(f"There is nothing named {team[:80]}/{name[:80]}") from error
    return Door(registry, repo, request.app.state.seen, request.app.state.settings.hub_unapproved)


At = Annotated[Door, Depends(_door)]


@router.get("/")
def version(registry: AsActor) -> Response:  # noqa: ARG001 - only who has a token is told
    """That the protocol is spoken here, to whoever has signed in."""
    return JSONResponse({}, headers=_VERSION)


@router.api_route("/{team}/{name}/manifests/{reference}", methods=["GET", "HEAD"])
def manifest(request: Request, door: At, reference: str) -> Response:
    """The manifest of an alias, a number or a digest."""
    found: Document
    if _DIGEST.fullmatch(reference):
        found = door.holding(reference)
        if digest_of(found) != reference:
            raise NotFoundError(f"{door.repo.id} has no manifest with the digest {reference}")
    else:
        found = door.named(reference)
    headers = {**_VERSION, "Docker-Content-Digest": digest_of(found), "Cache-Control": "private, no-cache"}
    return Response(
        b"" if request.method == "HEAD" else found.body,
        headers={**headers, "Content-Length": str(len(found.body))},
        media_type=MANIFEST,
    )


@router.api_route("/{team}/{name}/blobs/{digest}", methods=["GET", "HEAD"])
def blob(request: Request, door: At, digest: str) -> Response:
    """A file of a version that is given out, whole or by `Range`."""
    missing = NotFoundError(f"{door.repo.id} has no blob {digest[:80]}")
    if not _DIGEST.fullmatch(digest):
        raise missing
    file: GivenFile | None = door.stored(digest)
    if file is None:
        found = door.holding(digest)
        made = found.made.get(digest)
        file = found.files.get(digest) if made is None else GivenFile.made("made.json", made)
    if file is None:
        raise missing
    answer = download(request, file.entry, file.open_at)
    answer.headers.update({**_VERSION, "Docker-Content-Digest": digest, "Cache-Control": "private, no-cache"})
    return answer


@router.get("/{team}/{name}/tags/list")
def tags(
    request: Request, door: At, n: Annotated[int, Query(ge=1, le=MOST_TAGS)] = MOST_TAGS, last: str = ""
) -> Response:
    """The aliases and numbers that are given out, after `last`, `n` at most."""
    following = [tag for tag in door.tags() if tag > last]
    headers = dict(_VERSION)
    if len(following) > n:
        headers["Link"] = f'<{request.url.path}?n={n}&last={following[n - 1]}>; rel="next"'
    return JSONResponse({"name": door.repo.id, "tags": following[:n]}, headers=headers)


@router.get("/{team}/{name}/referrers/{digest}")
def referrers(door: At, digest: str, artifactType: str | None = None) -> Response:  # noqa: N803 - as the standard spells it
    """What refers to a manifest: its bill of materials, and the signed statement about its promotion."""
    if not _DIGEST.fullmatch(digest):
        raise BadReferenceError(f"{digest[:80]} is no digest", remedy="Give sha256: and 64 hex digits")
    try:
        found = door.holding(digest)
    except NotFoundError:
        found = None  # the standard has an empty list for it
    of_version = isinstance(found, Manifest) and digest_of(found) == digest
    artifacts = door.referring(found) if isinstance(found, Manifest) and of_version else ()
    headers = {**_VERSION, "Cache-Control": "private, no-cache"}
    if artifactType is not None:
        headers["OCI-Filters-Applied"] = "artifactType"
    return Response(index(artifacts, artifactType), headers=headers, media_type=INDEX)
