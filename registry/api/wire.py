"""What every route shares: the caller's registry, pages, bodies, and values printed as JSON with their schema."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import fields
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Path, Query
from fastapi.dependencies.models import Dependant
from fastapi.responses import Response
from starlette.requests import Request

from registry.api import problems
from registry.domain.codec import from_json, schema_of, to_json
from registry.domain.ids import is_id
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.paging import DEFAULT_LIMIT, MAX_LIMIT, PageRequest
from registry.domain.text import check_facts, did_you_mean
from registry.domain.verbs.registry import Registry
from registry.errors import (
    BadFilterError,
    BadReferenceError,
    NotFoundError,
    RegistryError,
    TooLargeError,
    UsageError,
)

T = TypeVar("T")
BYTES: dict[str, Any] = {"type": "string", "format": "binary"}
"""The schema of a download."""
LINES = "application/jsonl"
"""One JSON value a line."""
PARTIAL = "application/partial-upload"
"""A piece of an object (draft-ietf-httpbis-resumable-upload)."""
UPLOAD = "multipart/form-data"
"""The media type of uploads."""
MAX_SECRETS = 16 * 1024
"""Bytes of a body that holds a password."""
MAX_BODY = 2 * 1024**2
"""Bytes of a JSON body; what is larger is an upload."""


def registry_of(request: Request) -> Registry:
    """The verbs, for the actor whom the server's guard found in the token or session."""
    registry: Registry = request.state.registry
    return registry


def address_of(request: Request) -> str:
    """Where a request comes from; behind a trusted proxy, what the proxy says."""
    return request.client.host if request.client else ""


async def _as_actor(request: Request) -> Registry:
    return registry_of(request)


AsActor = Annotated[Registry, Depends(_as_actor)]
"""As `registry_of`. Dependencies that wait for nothing are coroutines: FastAPI runs any other in a thread."""
SignIn = Annotated[
    str, Header(alias="Forebear-Sign-In", max_length=80, description="One of your tokens, typed anew: a fresh sign-in")
]
WhyDeleted = Annotated[str, Query(max_length=1000, description="The reason; the audit log keeps it")]


async def known_query(request: Request) -> None:
    """A misspelt filter would quietly match everything. Raises: BadFilterError with the near name."""
    known = _query_names(request.scope["route"].dependant)
    for name in request.query_params:
        if name not in known:
            raise BadFilterError(f"There is no query parameter {name[:80]!r} here{did_you_mean(name, known)}")


def _query_names(dependant: Dependant) -> set[str]:
    own = {field.alias for field in dependant.query_params}
    return own.union(*(_query_names(inner) for inner in dependant.dependencies))


async def _page(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="How many items")] = DEFAULT_LIMIT,
    cursor: Annotated[str | None, Query(max_length=4096, description="`next_cursor` of the page before")] = None,
) -> PageRequest:
    return PageRequest(limit, cursor)


Paging = Annotated[PageRequest, Depends(_page)]


async def _name(
    team: Annotated[str, Path(description="Team, the first part of a name")],
    name: Annotated[str, Path(description="Second part of a name")],
) -> Name:
    return Name(team, name)


ItemName = Annotated[Name, Depends(_name)]


def reference_to(kind: AssetKind, name: Name, version: str) -> Reference:
    """`3`, `@production` or `latest` of `name`. Raises: BadReferenceError."""
    if version == "latest":
        return Reference(kind, name)
    if version.startswith("@"):
        return Reference.parse(f"{kind}:/{name}{version}")
    if not version.isascii() or not version.isdecimal():
        raise BadReferenceError(
            f"{version[:80]!r} is not a version", remedy="Give a number, @ and an alias, or the word latest"
        )
    return Reference.parse(f"{kind}:/{name}/{version}")


_Version = Annotated[str, Path(description="A number, `@alias` or `latest`", max_length=80)]


async def _model_version(name: ItemName, version: _Version) -> Reference:
    return reference_to(AssetKind.MODELS, name, version)


async def _dataset_version(name: ItemName, version: _Version) -> Reference:
    return reference_to(AssetKind.DATASETS, name, version)


ModelVersion = Annotated[Reference, Depends(_model_version)]
DatasetVersion = Annotated[Reference, Depends(_dataset_version)]


def public_id(text: str) -> str:
    """`text` if it has the form of a public id. Raises: NotFoundError, as for any id that nothing has."""
    if not is_id(text):
        raise NotFoundError(f"There is nothing with the id {text[:80]!r}")
    return text


def exactly(registry: Registry, reference: Reference) -> Reference:
    """The version that `reference` means now, by its number: for verbs where no number means the whole model."""
    return Reference.to(registry.catalog.version(reference).summary.ref)


async def read_capped(request: Request, limit: int = MAX_BODY) -> bytes:
    """The whole body. Raises: TooLargeError as soon as it is longer than `limit` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLargeError(f"The body is larger than {limit:,} bytes")
    return bytes(body)


def read_json(raw: bytes, what: str) -> Any:
    """What came as JSON; nothing is an empty object. Raises: UsageError, InvalidError for what cannot be kept."""
    try:
        data = json.loads(raw or b"{}")
    except (ValueError, RecursionError) as error:
        raise UsageError(f"The {what} is not JSON", facts={"reason": str(error)[:200]}) from error
    check_facts(data, what)
    return data


def body_of(kind: type[T]) -> Callable[[Request], Awaitable[T]]:
    """A dependency that reads the JSON body as a value of type `kind`. Raises: UsageError, InvalidError."""

    async def read(request: Request) -> T:
        return from_json(kind, read_json(await read_capped(request), "body"))

    return read


def secrets_of(kind: type[T]) -> Callable[[Request], Awaitable[T]]:
    """The same for a body that holds a password or a token: no error repeats anything of it. Raises: UsageError."""

    async def read(request: Request) -> T:
        raw = await read_capped(request, MAX_SECRETS)
        try:
            data = json.loads(raw)
            check_facts(data, "body", credentials=True)
            return from_json(kind, data)
        except (ValueError, RecursionError, RegistryError):
            names = ", ".join(field.name for field in fields(kind))  # type: ignore[arg-type]
            raise UsageError(f"The body is not a JSON object with the fields {names}") from None

    return read


def fields_of(value: Any) -> dict[str, Any]:
    """The fields of a frozen value, not copied deeper: to build the verb's own value from a body."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def upload_of(details: Any) -> dict[str, Any]:
    """The schema of an upload: files with relative paths, and `details` of this type."""
    return {
        "type": "object",
        "properties": {
            "details": schema_of(details),
            "file": {"type": "array", "items": {"type": "string", "format": "binary"}},
        },
    }


async def text_body(request: Request) -> str:
    """The body as UTF-8 text: a recipe or a policy as it was written. Raises: UsageError."""
    try:
        return (await read_capped(request)).decode()
    except UnicodeDecodeError as error:
        raise UsageError("The body is not UTF-8 text") from error


Text = Annotated[str, Depends(text_body)]


def answer(value: object, status: int = 200) -> Response:
    """`value` as JSON: the values of the domain and nothing else."""
    return Response(json.dumps(to_json(value), ensure_ascii=False), status, media_type="application/json")


def nothing() -> Response:
    """Done, and there is nothing to say."""
    return Response(status_code=204)


def speaks(
    gives: Any = None,
    *,
    takes: Any = None,
    status: int = 200,
    media: str = "application/json",
    taken_as: str = "application/json",
    uploads: Any = None,
    or_text: str = "",
) -> dict[str, Any]:
    """What a route says of itself in the OpenAPI document: the types of its body and of its answer.

    `uploads` is the type of the details of an upload that the route takes as well, `or_text` what it can give as text.
    A dict is a schema as it is; anything else is a type of the domain, whose schema `codec` knows.
    """
    error = {"description": "A problem", "content": {problems.MEDIA_TYPE: {"schema": problems.SCHEMA}}}
    content = {} if gives is None else {"content": {media: {"schema": _schema(gives)}}}
    if or_text:
        content["content"]["text/plain"] = {"schema": {"type": "string", "description": or_text}}
    responses: dict[int | str, Any] = {status: {"description": "Done", **content}, "default": error}
    options: dict[str, Any] = {"status_code": status, "responses": responses, "response_model": None}
    if takes is not None:
        bodies = {taken_as: takes} | ({} if uploads is None else {UPLOAD: upload_of(uploads)})
        content = {media: {"schema": _schema(body)} for media, body in bodies.items()}
        options["openapi_extra"] = {"requestBody": {"required": True, "content": content}}
    return options


def _schema(kind: Any) -> Any:
    return kind if isinstance(kind, dict) else schema_of(kind)
