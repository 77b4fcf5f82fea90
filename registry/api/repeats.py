"""Requests that change something: their digests are checked, and an `Idempotency-Key` gives them one effect.

The digest of an upload is of its files and details, not of its bytes: a client that sends it again may choose another
boundary between the parts.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable, Coroutine
from secrets import token_hex
from typing import Any

from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.types import Message

from lineage import Digest
from registry.api import problems
from registry.api.conditions import with_tag
from registry.api.digests import Digests
from registry.api.wire import PARTIAL, UPLOAD, read_capped, registry_of
from registry.domain.people.idempotency import Answer, Claim, check_key
from registry.errors import RepeatedRequestError

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
TIMES, WAIT_SECONDS = 20, 0.1
"""How often and how long a repetition waits for the answer of the request that is still being carried out."""


class Route(APIRoute):
    """A route of the API: a GET has an entity tag; what changes something can be checked and repeated."""

    def get_route_handler(self) -> Handler:
        """What handles a request at this address."""
        handle = super().get_route_handler()
        body = (self.openapi_extra or {}).get("requestBody", {}).get("content", {})
        streamed = tuple({UPLOAD, PARTIAL} & set(body))

        async def handled(request: Request) -> Response:
            if request.method in {"GET", "HEAD"}:
                return with_tag(request, await handle(request))
            return await _once(request, handle, streamed)

        return handled


class KnownAnswer(Exception):  # noqa: N818 - it is an answer, not an error
    """The answer that an earlier attempt at the same request got."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


async def begin(request: Request, body: Digest) -> None:
    """Now that the body is known by its digest: answer as before, or claim the key for this attempt.

    Without a key nothing happens. Raises: KnownAnswer, KeyReusedError, RepeatedRequestError.
    """
    header = request.headers.get("idempotency-key")
    if header is None:
        return
    target = f"{request.method} {request.url.path}?{request.url.query}".encode()
    key: str = request.app.state.door.key  # a digest that is kept tells nothing about a password in the body
    keyed = hmac.digest(key.encode(), b"forebear.request " + target + body.hex.encode(), "sha256")
    claim = Claim(check_key(header), Digest(keyed.hex()), token_hex(16))
    await _raise_known(request, claim)
    request.state.claim = claim


async def _once(request: Request, handle: Handler, streamed: tuple[str, ...]) -> Response:
    """`streamed` are the media types of bodies that the route reads piece by piece itself."""
    if not {"idempotency-key", "content-digest"} & set(request.headers):
        return await handle(request)
    request = _checked(request)
    try:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in streamed:
            body = await read_capped(request)
            request = Request(request.scope, _replaying(body, request))
            await begin(request, Digest.of(body))
        return await _carried_out(request, handle)
    except KnownAnswer as known:
        answer = known.answer
        return Response(answer.body, answer.status, {"Idempotent-Replayed": "true"}, media_type=answer.media or None)


async def _carried_out(request: Request, handle: Handler) -> Response:
    """The answer, kept for repetitions: that of an error only where the request had an effect."""
    try:
        response = await handle(request)
    except RepeatedRequestError:  # another attempt was faster
        await _raise_known(request, request.state.claim)
        raise
    except Exception as error:
        claim = getattr(request.state, "claim", None)
        if claim is None or not await run_in_threadpool(_has_taken, request, claim):
            raise
        known, status = problems.as_error(error, request)
        response = problems.problem(known, status=status)
    await _keep(request, response)
    return response


async def _keep(request: Request, response: Response) -> None:
    claim: Claim | None = getattr(request.state, "claim", None)
    if claim is None:
        return
    secret = "no-store" in response.headers.get("cache-control", "")
    kept = None if secret or not isinstance(body := getattr(response, "body", None), bytes) else body
    answer = Answer(response.status_code, response.headers.get("content-type", ""), kept)
    await run_in_threadpool(registry_of(request).keep_answer, claim, answer)


async def _raise_known(request: Request, claim: Claim) -> None:
    """Raises: KnownAnswer if there is one, after a moment if another attempt is still being carried out."""
    for attempt in range(TIMES):
        try:
            answer = await run_in_threadpool(registry_of(request).answer_to, claim)
        except RepeatedRequestError as error:
            if error.facts.get("answered") or attempt == TIMES - 1:
                raise
            await asyncio.sleep(WAIT_SECONDS)
            continue
        if answer is not None:
            raise KnownAnswer(answer)
        return


def _has_taken(request: Request, claim: Claim) -> bool:
    try:
        registry_of(request).answer_to(claim)
    except RepeatedRequestError as error:
        return not error.facts.get("answered")
    return False


def _checked(request: Request) -> Request:
    """The request; reading its body to the end raises DigestMismatchError where `Content-Digest` does not fit."""
    digests = Digests.parse(request.headers.get("content-digest"))
    if digests is None:
        return request
    receive = request.receive

    async def receiving() -> Message:
        message = await receive()
        if message["type"] == "http.request":
            digests.feed(message.get("body", b""))
            if not message.get("more_body", False):
                digests.check("body")
        return message

    return Request(request.scope, receiving)


def _replaying(body: bytes, request: Request) -> Any:
    """A body that was read already, once more."""
    sent = False

    async def receiving() -> Message:
        nonlocal sent
        if sent:
            return await request.receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receiving
