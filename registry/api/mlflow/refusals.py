"""Errors as MLflow's clients read them: `{"error_code", "message"}`, with a status that decides whether they try again.

Clients try 408, 429, 500, 502, 503 and 504 again, for minutes, also what changes something; so only what may pass by
itself has one of these.
"""

from __future__ import annotations

from enum import StrEnum

from fastapi.responses import JSONResponse, Response

from registry.api import problems
from registry.domain.names import Name
from registry.errors import Family, NameTakenError, NotFoundError, RegistryError, UnavailableError


class Code(StrEnum):
    """The error codes of MLflow that are used here."""

    INVALID = "INVALID_PARAMETER_VALUE"
    MISSING = "RESOURCE_DOES_NOT_EXIST"
    EXISTS = "RESOURCE_ALREADY_EXISTS"
    CONFLICT = "RESOURCE_CONFLICT"
    DENIED = "PERMISSION_DENIED"
    UNKNOWN = "UNAUTHENTICATED"
    DAMAGED = "DATA_LOSS"
    FULL = "RESOURCE_EXHAUSTED"
    TOO_MANY = "REQUEST_LIMIT_EXCEEDED"
    LATER = "TEMPORARILY_UNAVAILABLE"
    NO_ROUTE = "ENDPOINT_NOT_FOUND"
    NOT_OFFERED = "NOT_IMPLEMENTED"
    FAILED = "INTERNAL_ERROR"


_CODES = {
    Family.USAGE: (Code.INVALID, 400),
    Family.INVALID: (Code.INVALID, 400),
    Family.TOO_LARGE: (Code.INVALID, 413),
    Family.NOT_FOUND: (Code.MISSING, 404),
    Family.CONFLICT: (Code.CONFLICT, 409),
    Family.PRECONDITION: (Code.CONFLICT, 409),
    Family.REFUSED: (Code.DENIED, 403),
    Family.WITHHELD: (Code.DENIED, 423),
    Family.TAKEN_BACK: (Code.DENIED, 410),
    Family.BY_LAW: (Code.DENIED, 451),
    Family.UNAUTHENTICATED: (Code.UNKNOWN, 401),
    Family.INTEGRITY: (Code.DAMAGED, 409),  # 500 would be tried again, and damage does not pass
    Family.NO_SPACE: (Code.FULL, 507),
    Family.TOO_MANY: (Code.TOO_MANY, 429),
    Family.UNAVAILABLE: (Code.LATER, 503),
    Family.INTERNAL: (Code.FAILED, 500),
}
NO_ROUTE = "This is a model registry: experiments and runs belong to the server that MLFLOW_TRACKING_URI names"


class MlflowError(Exception):
    """An error with a code of MLflow that is not the usual one of its family."""

    def __init__(self, error: RegistryError, code: Code, status: int) -> None:
        super().__init__(str(error))
        self.error, self.code, self.status = error, code, status


def not_offered(what: str, *, remedy: str) -> MlflowError:
    """What to raise for a part of MLflow that is not here, and never was: its clients do not try again."""
    return MlflowError(UnavailableError(what, remedy=remedy), Code.NOT_OFFERED, 501)


def in_words_of_mlflow(error: Exception, name: Name, said: str, version: str | None) -> Exception:
    """`error`, or where it is about the model `name` itself, with the words that programs look for in MLflow's.

    `said` is what the client calls the model; `version` the number of a version, where the request is about one.
    """
    if isinstance(error, NameTakenError):
        return NameTakenError(f"Registered Model (name={said}) already exists: {error.message}", remedy=error.remedy)
    if not isinstance(error, NotFoundError) or str(name) not in error.message:
        return error
    what = f"Model Version (name={said}, version={version})" if version else f"Registered Model with name={said}"
    return NotFoundError(f"{what} not found: {error.message}", remedy=error.remedy)


def refusal(raised: MlflowError | RegistryError, status: int | None = None) -> Response:
    """`raised` as MLflow would answer. `status` is given where the framework refused: 404 and 405 have no route."""
    if isinstance(raised, MlflowError):
        error, code, number = raised.error, raised.code, raised.status
    else:
        error = raised
        code, number = _CODES[error.family]
        if isinstance(error, NameTakenError):
            code, number = Code.EXISTS, 400
        if status in {404, 405}:
            code, number = Code.NO_ROUTE, status
    message = f"{error}. {NO_ROUTE}" if code is Code.NO_ROUTE else str(error)
    return JSONResponse({"error_code": code, "message": message}, number, problems.headers_of(error))
