"""What a client of the protocol is told when it gets nothing: a list of errors, each with a code of the standard."""

from __future__ import annotations

from fastapi.responses import JSONResponse, Response

from registry.api import problems
from registry.errors import BadReferenceError, Family, RegistryError

_CODES = {401: "UNAUTHORIZED", 405: "UNSUPPORTED", 429: "TOOMANYREQUESTS"}
_UNKNOWN = {"blobs": "BLOB_UNKNOWN", "manifests": "MANIFEST_UNKNOWN"}


def refusal(error: RegistryError, path: str, status: int | None = None) -> Response:
    """`error` at the address `path` as the standard has it; what is withheld or not approved is `DENIED`."""
    number = status or error.family.status
    code = "DIGEST_INVALID" if isinstance(error, BadReferenceError) else _CODES.get(number, "DENIED")
    if number == 404:
        code = next((_UNKNOWN[part] for part in path.split("/") if part in _UNKNOWN), "NAME_UNKNOWN")
    headers = problems.headers_of(error)
    if error.family is Family.UNAUTHENTICATED:
        headers["WWW-Authenticate"] = 'Basic realm="forebear"'
    return JSONResponse({"errors": [{"code": code, "message": str(error), "detail": error.code}]}, number, headers)
