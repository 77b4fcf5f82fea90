"""Errors on the wire: RFC 9457 problem bodies, with the status that the error's family decides."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence

from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import Request

from lineage import LineageError
from registry.domain.codec import to_json
from registry.errors import Family, InvalidError, NotFoundError, RegistryError, UsageError

MEDIA_TYPE = "application/problem+json"
log = logging.getLogger("forebear.server")

TITLE = "ProblemDetails"
SCHEMA: dict[str, object] = {
    "title": TITLE,
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "facts", "remedy"],
    "properties": {
        "type": {"type": "string", "description": "`urn:forebear:error:` and the code"},
        "title": {"type": "string", "description": "What errors of this code have in common"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong with this request"},
        "code": {"type": "string", "description": "Stable: programs may decide by it"},
        "facts": {"type": "object"},
        "remedy": {"type": "string", "description": "What to do; may be empty"},
    },
}


class MethodNotAllowedError(UsageError):
    """The address is there, but not for this method."""

    code = "method-not-allowed"


def problem(error: RegistryError, *, status: int | None = None) -> Response:
    """`error` as a problem body. `status` is given only where HTTP itself has a narrower one (405)."""
    number = status or error.family.status
    body = {
        "type": f"urn:forebear:error:{error.code}",
        "title": _title(type(error)),
        "status": number,
        "detail": error.message,
        "code": error.code,
        "facts": _facts(error),
        "remedy": error.remedy,
    }
    return Response(json.dumps(body), number, headers_of(error), media_type=MEDIA_TYPE)


def headers_of(error: RegistryError) -> dict[str, str]:
    """What an answer with `error` says beside its body: RFC 9110 sections 11.6.1, 10.2.3 and 10.2.1."""
    if error.family is Family.UNAUTHENTICATED:
        return {"WWW-Authenticate": "Bearer"}
    if error.family is Family.TOO_MANY and "retry_after" in error.facts:
        return {"Retry-After": str(error.facts["retry_after"])}
    allowed = error.facts.get("allowed")
    if isinstance(error, MethodNotAllowedError) and isinstance(allowed, list):
        return {"Allow": ", ".join(allowed)}
    return {}


def of_validation(problems: Sequence[object]) -> RegistryError:
    """FastAPI's own findings about a path or query parameter, as one of our errors."""
    found = [_finding(item) for item in problems if isinstance(item, dict)]
    return UsageError("; ".join(found) or "The request cannot be read", facts={"problems": found})


def of_http(error: HTTPException, request: Request) -> tuple[RegistryError, int]:
    """What the framework refused (no such route, wrong method), as one of our errors and its status."""
    where = f"{request.method} {request.url.path}"
    if error.status_code == 404:
        return NotFoundError(f"There is nothing at {where}", facts={"address": request.url.path}), 404
    if error.status_code == 405:
        methods = _methods_at(request)
        return MethodNotAllowedError(f"{where} is not offered", facts={"allowed": methods}), 405
    return UsageError(f"{where}: {error.detail}"), error.status_code


def _methods_at(request: Request) -> list[str]:
    """Every method that some route offers at the address of `request`; one without parameters goes before others."""
    found: set[str] = set()
    named: set[str] = set()
    for route in request.app.routes:
        contexts = route.effective_route_contexts() if hasattr(route, "effective_route_contexts") else (route,)
        for one in contexts:
            if getattr(one, "methods", None) and one.path_regex.match(request.url.path):
                (named if one.path == request.url.path else found).update(one.methods)
    return sorted(named or found)


def as_error(error: Exception, request: Request) -> tuple[RegistryError, int | None]:
    """Any exception as an error that may be shown; what nobody foresaw is logged and shown without its insides."""
    if isinstance(error, RegistryError):
        if error.family is Family.INTERNAL or error.family is Family.INTEGRITY:
            log.error("%s %s: %s", request.method, request.url.path, error, exc_info=error)
        return error, None
    if isinstance(error, LineageError):
        known = InvalidError(str(error))
        known.code = error.code
        return known, None
    if isinstance(error, RequestValidationError):
        return of_validation(error.errors()), None
    if isinstance(error, HTTPException):
        return of_http(error, request)
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return RegistryError("The server failed", remedy="The cause is in the log of the server"), None


def _title(kind: type[RegistryError]) -> str:
    sentence = (kind.__doc__ or "").strip().split("\n\n")[0]
    return re.sub(r"[`\s]+", " ", sentence).strip()


def _facts(error: RegistryError) -> dict[str, object]:
    try:
        facts: dict[str, object] = to_json(error.facts)
    except TypeError:
        facts = {key: str(value) for key, value in error.facts.items()}
    return facts


def _finding(item: dict[str, object]) -> str:
    loc = item.get("loc")
    place = ".".join(str(part) for part in loc[1:]) if isinstance(loc, tuple | list) else ""
    return f"{place}: {item.get('msg')}" if place else str(item.get("msg"))
