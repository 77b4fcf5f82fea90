"""Conditions of requests: entity tags, `If-Match` and `If-None-Match` (RFC 9110 section 13).

The entity tag of a GET is a digest of its answer, so it changes exactly when the answer does. A request that changes
something may say in `If-Match` which state of the thing it is about: that state is read again inside the transaction
of the change, so nothing can come in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated, Any

from fastapi import Depends, Header
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request

from registry.api.wire import answer, registry_of
from registry.domain.people.idempotency import KEY, Claim
from registry.domain.verbs.registry import Registry, Terms
from registry.errors import NotFoundError, PreconditionFailedError

State = Callable[[Registry, Mapping[str, str]], object]
"""The value that a GET answers with, read by a registry for the parts and parameters of the address."""
Around = Callable[[Request, Registry], AbstractContextManager[None]]
"""What a state is read within, such as the counting of a try."""
IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="The entity tag that GET gives now; else 412 and no change")
]
IfNoneMatch = Annotated[
    list[str] | None,
    Header(alias="If-None-Match", description="Not what GET gives now; * for nothing there"),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="Requests with one key have one effect",
        json_schema_extra={"pattern": f"^(?:{KEY})$"},
    ),
]
STATE = "forebear_state"
"""Where such a dependency says of which address."""


def tag_of(body: bytes) -> str:
    """The entity tag of an answer with this body."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def tags_in(headers: Sequence[str]) -> set[str]:
    """The entity tags that a condition lists."""
    return {tag.strip() for header in headers for tag in header.split(",") if tag.strip()}


def weakly(tags: set[str]) -> set[str]:
    """As they are compared where a weak tag is as good as a strong one (RFC 9110 section 8.8.3.2)."""
    return {tag.removeprefix("W/") for tag in tags}


def with_tag(request: Request, response: Response) -> Response:
    """The answer to a GET with its entity tag, or 304 for a client that has it already."""
    body = getattr(response, "body", None)  # none of an answer that is streamed
    if response.status_code != 200 or "etag" in response.headers or not isinstance(body, bytes):
        return response
    tag = tag_of(body)
    if weakly(tags_in(request.headers.getlist("if-none-match"))) & {"*", tag}:
        response = Response(status_code=304)
    response.headers["ETag"] = tag
    response.headers.setdefault("Cache-Control", "private, no-cache")
    return response


def claimed(request: Request) -> Claim:
    """The claim of a request with an `Idempotency-Key`, once its body has arrived."""
    claim: Claim = request.state.claim
    return claim


def nothing_around(_request: Request, _registry: Registry) -> AbstractContextManager[None]:
    """Reading what most conditions are about is no try of anything."""
    return nullcontext()


def changes(state: State, of: str, around: Around = nothing_around) -> Any:
    """A dependency: the caller's registry, which changes something only if `If-Match` and `If-None-Match` hold.

    `state` reads what they are about, which is what GET answers at `of`; it is read within `around`.
    """

    async def under_conditions(
        request: Request,
        if_match: IfMatch = None,
        if_none_match: IfNoneMatch = None,
        idempotency_key: IdempotencyKey = None,
    ) -> Registry:
        registry, path = registry_of(request), {**request.query_params, **request.path_params}
        claim = None if idempotency_key is None else lambda: claimed(request)

        def unchanged(reading: Registry) -> None:
            def read() -> object:
                with around(request, reading):
                    return state(reading, path)

            _check(request.headers, read, of)

        if if_match is None and if_none_match is None:
            return registry if claim is None else registry.under(Terms(claim=claim))
        if claim is None:  # at once too, before anything long is begun; a repetition gets its answer first
            await run_in_threadpool(unchanged, registry)
        return registry.under(Terms(unchanged, claim))

    setattr(under_conditions, STATE, of)
    return Depends(under_conditions)


def _check(headers: Headers, read: Callable[[], object], of: str) -> None:
    """Raises: PreconditionFailedError."""
    try:
        now = tag_of(bytes(answer(read()).body))
    except NotFoundError:
        now = ""
    match, none_match = headers.getlist("if-match"), headers.getlist("if-none-match")
    if match and not (now and tags_in(match) & {"*", now}):
        reason = "has changed" if now else "does not exist"
    elif now and weakly(tags_in(none_match)) & {"*", now}:
        reason = "is not what If-None-Match asks for"
    else:
        return
    raise PreconditionFailedError(
        f"What GET {of} answers {reason}",
        remedy="Read it again, and decide whether the change is still right",
        facts={"etag": now or None},
    )
