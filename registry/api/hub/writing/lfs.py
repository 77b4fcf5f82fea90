"""Large files by Git LFS: the client says which it has, and sends each to a signed address that is good for a while.

https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md, and for large ones the parts of the Hub's own transfer
`multipart`. Clients send no token to such an address. Parts wait in a folder of the server until all are there.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi import Path as InPath
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from lineage import Digest
from registry.api.hub import SIGNED
from registry.api.hub.routes import HubRoute
from registry.api.hub.writing.bodies import LfsBatch, LfsObject, sent_as
from registry.api.hub.writing.repos import Written
from registry.api.receiving import Joined, received_into
from registry.api.uploads import UPLOADS, too_large
from registry.api.wire import AsActor
from registry.auth.links import GOOD_FOR, Links
from registry.domain.people.people import Permission
from registry.domain.verbs.registry import Registry
from registry.errors import IntegrityError, InvalidError, UsageError
from registry.files import private_folder

router = APIRouter(route_class=HubRoute, include_in_schema=False)
GIT = "/{team}/{name}.git/info/lfs/objects"
PART = 16 * 1024**2
"""Bytes of a part; a file of more than one is sent in parts."""
MAX_PARTS = 10_000
MEDIA = "application/vnd.git-lfs+json"
PARTS = "lfs-parts"
"""The folder in the registry folder that parts wait in."""
Oid = Annotated[str, InPath(pattern="^[0-9a-f]{64}$")]
Size = Annotated[int, InPath(ge=0)]


@router.post(GIT + "/batch", response_model=None)
def batch(
    request: Request, registry: AsActor, name: Written, wanted: Annotated[LfsBatch, Depends(sent_as(LfsBatch))]
) -> Response:
    """Where each object is to be sent; no address for what need not be sent again."""
    registry.actor.require(Permission.EDIT)
    if wanted.operation != "upload" or wanted.hash_algo != "sha256":
        raise UsageError("Objects are uploaded here, by SHA-256", remedy="Files are read by the routes of the Hub")
    sweep_parts(request.app.state.home)
    there = registry.drafts.sent(name, {Digest(one.oid) for one in wanted.objects})
    new = [one for one in wanted.objects if Digest(one.oid) not in there]
    registry.drafts.check_room(sum(one.size for one in new))
    in_parts = "multipart" in wanted.transfers and any(one.size > PART for one in new)
    told = [
        _object(request, registry, str(name), one, known=one not in new, in_parts=in_parts) for one in wanted.objects
    ]
    return JSONResponse({"transfer": "multipart" if in_parts else "basic", "objects": told}, media_type=MEDIA)


def _object(
    request: Request, registry: Registry, name: str, one: LfsObject, *, known: bool, in_parts: bool
) -> dict[str, Any]:
    said: dict[str, Any] = {"oid": one.oid, "size": one.size, "authenticated": True}
    limit = request.app.state.settings.max_upload
    if one.size > limit:
        return said | {"error": {"code": 413, "message": str(too_large(limit))}}
    if known:
        return said
    base = str(request.base_url).rstrip("/")
    links: Links = request.app.state.door.links

    def signed(tail: str = "") -> str:
        return base + links.signed(f"{SIGNED}{one.oid}/{one.size}{tail}", registry.actor)

    upload: dict[str, Any] = {"href": signed()}
    if in_parts and one.size > PART:
        size = max(PART, -(-one.size // MAX_PARTS))
        numbers = range(1, -(-one.size // size) + 1)
        upload["header"] = {"chunk_size": str(size)} | {f"{number:05d}": signed(f"/{number}") for number in numbers}
    verify = {"href": f"{base}/{name}.git/info/lfs/objects/verify"}
    return said | {"actions": {"upload": upload, "verify": verify}}


@router.put(SIGNED + "{oid}/{size}", response_model=None)
async def upload(request: Request, registry: AsActor, oid: Oid, size: Size) -> Response:
    """The bytes of one object."""
    registry.actor.require(Permission.EDIT)
    with ExitStack() as stack:
        folder = await run_in_threadpool(stack.enter_context, private_folder(request.app.state.home / UPLOADS))
        try:
            await received_into(request, folder / "object", size)
            await run_in_threadpool(_receive, registry, [folder / "object"], Digest(oid), size)
        finally:
            await run_in_threadpool(stack.close)
    return JSONResponse({})


@router.put(SIGNED + "{oid}/{size}/{number}", response_model=None)
async def upload_part(request: Request, registry: AsActor, oid: Oid, size: Size, number: int) -> Response:
    """One part of an object."""
    registry.actor.require(Permission.EDIT)
    parts = _parts(request, registry, oid)
    with ExitStack() as stack:
        folder = await run_in_threadpool(stack.enter_context, private_folder(request.app.state.home / UPLOADS))
        try:
            came = await received_into(request, folder / "part", size)
            await run_in_threadpool(_keep, folder / "part", parts / f"{number:05d}")
        finally:
            await run_in_threadpool(stack.close)
    return JSONResponse({}, headers={"ETag": f'"{number}-{came}"'})


@router.post(SIGNED + "{oid}/{size}", response_model=None)
def complete(request: Request, registry: AsActor, oid: Oid, size: Size) -> Response:
    """All parts are there: they are one object."""
    registry.actor.require(Permission.EDIT)
    parts = _parts(request, registry, oid)
    _receive(registry, sorted(parts.iterdir()) if parts.is_dir() else [], Digest(oid), size)
    shutil.rmtree(parts, ignore_errors=True)
    return JSONResponse({})


@router.post(GIT + "/verify", response_model=None)
def verify(registry: AsActor, name: Written, wanted: Annotated[LfsObject, Depends(sent_as(LfsObject))]) -> Response:
    """Whether an object came."""
    digest = Digest(wanted.oid)
    if registry.drafts.sent(name, [digest]).get(digest) != wanted.size:
        raise InvalidError(
            f"The object {digest.short} of {wanted.size:,} bytes did not arrive", remedy="Upload it again"
        )
    return JSONResponse({}, media_type=MEDIA)


def _receive(registry: Registry, files: list[Path], digest: Digest, size: int) -> None:
    """Keep what lies in `files`, one after another. Raises: InvalidError for other bytes than were announced."""
    came = sum(file.stat().st_size for file in files)
    if came != size:
        raise InvalidError(f"{came:,} bytes came, and {size:,} were announced", remedy="Upload the file again")
    try:
        with Joined.over(files) as stream:
            registry.drafts.receive(stream, expected=digest)
    except IntegrityError as error:  # of what was sent, not of what is stored
        raise InvalidError(error.message, remedy="Upload the file again", facts=error.facts) from error


def _parts(request: Request, registry: Registry, oid: str) -> Path:
    """The folder in which the parts of one object of one person wait."""
    whose = hashlib.sha256(f"{registry.actor.handle}\n{oid}".encode()).hexdigest()
    home: Path = request.app.state.home
    return home / PARTS / whose


def _keep(part: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part.replace(target)


def sweep_parts(home: Path) -> None:
    """Remove parts of objects whose addresses are no longer good."""
    folder, before = home / PARTS, time.time() - GOOD_FOR.total_seconds()
    for one in folder.iterdir() if folder.is_dir() else ():
        with suppress(FileNotFoundError):
            if one.stat().st_mtime < before:
                shutil.rmtree(one, ignore_errors=True)
