"""Uploads in pieces: how much of an object is here, the next piece, and giving it up.

After "Resumable Uploads for HTTP" (draft-ietf-httpbis-resumable-upload): a piece is `application/partial-upload` and
says in `Upload-Offset` where it begins; every answer says where the next one does. An upload is found by what it is,
its SHA-256, so there is no address to remember.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi import Path as InPath
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from lineage import Digest
from registry.api.bodies import ToSend
from registry.api.conditions import changes
from registry.api.receiving import received_into
from registry.api.repeats import Route
from registry.api.uploads import UPLOADS
from registry.api.wire import BYTES, PARTIAL, AsActor, answer, body_of, nothing, speaks
from registry.domain.drafts.uploads import MAX_PIECE, Announced, Standing
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.verbs.registry import Registry
from registry.errors import InvalidError
from registry.files import private_folder

router = APIRouter(tags=["uploads"], route_class=Route)
Sha256 = Annotated[str, InPath(pattern="^[0-9a-f]{64}$", description="Of all its bytes")]
Size = Annotated[int, Query(ge=1, description="All its bytes")]
Offset = Annotated[int, Header(alias="Upload-Offset", ge=0, description="The bytes that are here already")]
Wanted = Annotated[ToSend, Depends(body_of(ToSend))]


def _standing(registry: Registry, target: Reference, sha256: str, size: int) -> Standing:
    (found,) = registry.uploads.standing(target, [Announced(Digest(sha256), size)])
    return found


def _read(kind: AssetKind) -> Callable[[Registry, Mapping[str, str]], Standing]:
    def read(registry: Registry, path: Mapping[str, str]) -> Standing:
        size = path.get("size", "1")
        if not size.isascii() or not size.isdecimal():
            raise InvalidError(f"The size {size[:40]!r} is no number of bytes")
        return _standing(registry, _target(kind, path["team"], path["name"]), path["sha256"], int(size))

    return read


def _target(kind: AssetKind, team: str, name: str) -> Reference:
    return Reference(kind, Name(team, name))


def _told(standing: Standing) -> Response:
    told = answer(standing)
    told.headers["Upload-Offset"] = str(standing.offset)
    told.headers["Upload-Complete"] = "?1" if standing.whole else "?0"
    return told


def _add(kind: AssetKind) -> None:
    """The routes for one kind. What depends on it is a default: an annotation would be looked for in the module."""
    at = f"/{kind}/{{team}}/{{name}}/uploads"
    one = f"{at}/{{sha256}}"

    def target(team: str, name: str) -> Reference:
        return _target(kind, team, name)

    of, unchanged = Depends(target), changes(_read(kind), one)

    def ask(registry: AsActor, body: Wanted, target: Reference = of) -> Response:
        """How much of each of these objects is here: all of it, and it need not be sent."""
        return answer(registry.uploads.standing(target, body.objects))

    def show(registry: AsActor, sha256: Sha256, size: Size = 1, target: Reference = of) -> Response:
        """How much of one object is here; `Upload-Offset` says it, too."""
        return _told(_standing(registry, target, sha256, size))

    async def append(
        request: Request,
        sha256: Sha256,
        size: Size,
        offset: Offset,
        registry: Registry = unchanged,
        target: Reference = of,
    ) -> Response:
        """The next piece of an object of `size` bytes: 1 to 16 MiB, and the last one what is left."""
        with ExitStack() as stack:
            folder = await run_in_threadpool(stack.enter_context, private_folder(request.app.state.home / UPLOADS))
            try:
                piece = folder / "piece"
                await received_into(request, piece, MAX_PIECE)

                def keep() -> Standing:
                    with piece.open("rb") as stream:
                        return registry.uploads.append(target, Announced(Digest(sha256), size), offset, stream)

                return _told(await run_in_threadpool(keep))
            finally:
                await run_in_threadpool(stack.close)

    def discard(sha256: Sha256, registry: Registry = unchanged, target: Reference = of) -> Response:
        """Forget what was sent of an object."""
        registry.uploads.discard(target, Digest(sha256))
        return nothing()

    router.add_api_route(at, ask, methods=["POST"], **speaks(Sequence[Standing], takes=ToSend))
    router.add_api_route(one, show, methods=["GET"], **speaks(Standing))
    router.add_api_route(one, append, methods=["PATCH"], **speaks(Standing, takes=BYTES, taken_as=PARTIAL))
    router.add_api_route(one, discard, methods=["DELETE"], **speaks(status=204))


for _kind in AssetKind:
    _add(_kind)
