"""Large files by the Xet protocol, which the Hub's clients use unless told otherwise: three routes that take chunks.

Nothing is given out here: clients are told that no chunk is known, and refer only to what they sent themselves. The
address that they send to holds the person and the epoch, because clients remember by address what they have sent.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as InPath
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from registry.api.hub.refusals import Code, HubRefusal
from registry.api.hub.routes import HubRoute
from registry.api.hub.writing.repos import AT, TO_MAIN, Written
from registry.api.receiving import received_into
from registry.api.uploads import UPLOADS
from registry.api.wire import AsActor, read_capped
from registry.domain.drafts.xet.shards import MAX_SHARD
from registry.domain.drafts.xet.xorbs import MAX_XORB
from registry.domain.people.people import Permission
from registry.domain.verbs.registry import Registry
from registry.errors import NotFoundError, UnauthenticatedError
from registry.files import private_folder

router = APIRouter(route_class=HubRoute, include_in_schema=False)
CAS = "/api/xet/{person}/{epoch}"
GOOD_FOR = 3600
"""Seconds after which a client asks for the address again."""
Hash = Annotated[str, InPath(pattern="^[0-9a-f]{64}$")]


@router.get(AT + "/xet-write-token/{revision}", response_model=None, dependencies=TO_MAIN)
def write_token(request: Request, registry: AsActor, name: Written) -> Response:  # noqa: ARG001 - checks that it is a model's
    """Where chunks are sent, with the caller's own token."""
    scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise UnauthenticatedError("This needs a token", remedy="Send the header Authorization: Bearer fbr_…")
    person, epoch, until = registry.actor.handle, registry.drafts.epoch(), int(time.time()) + GOOD_FOR
    url = f"{str(request.base_url).rstrip('/')}{CAS.format(person=person, epoch=epoch)}"
    headers = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": token, "X-Xet-Token-Expiration": str(until)}
    said = {"casUrl": url, "accessToken": token, "exp": until}
    return JSONResponse(said, headers=headers | {"Cache-Control": "no-store"})


@router.get(CAS + "/v1/chunks/default/{hash}", response_model=None)
def chunk(registry: AsActor) -> Response:
    """No chunk is known: what others sent is nobody's business."""
    registry.actor.require(Permission.EDIT)
    raise HubRefusal(NotFoundError("No chunk is known before it is sent"), Code.ENTRY)


@router.post(CAS + "/v1/xorbs/default/{hash}", response_model=None)
async def xorb(request: Request, registry: AsActor, hash: Hash) -> Response:
    """The chunks of one xorb."""
    registry.actor.require(Permission.EDIT)
    with ExitStack() as stack:
        folder = await run_in_threadpool(stack.enter_context, private_folder(request.app.state.home / UPLOADS))
        try:
            await received_into(request, folder / "xorb", MAX_XORB)
            await run_in_threadpool(_keep, registry, hash, folder / "xorb")
        finally:
            await run_in_threadpool(stack.close)
    return JSONResponse({"was_inserted": True})


@router.post(CAS + "/v1/shards", response_model=None)
async def shard(request: Request, registry: AsActor) -> Response:
    """What the files are made of."""
    registry.actor.require(Permission.EDIT)
    body = await read_capped(request, MAX_SHARD)
    await run_in_threadpool(registry.drafts.assemble, body)
    return JSONResponse({"result": 1})


def _keep(registry: Registry, name: str, file: Path) -> None:
    with file.open("rb") as stream:
        registry.drafts.receive_xorb(name, stream)
