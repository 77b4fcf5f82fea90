"""Everything that can go wrong, as one small tree with stable codes.

Each error belongs to a family; the family alone decides the exit code of a command and the status of an HTTP answer
(RFC 9457 problem bodies carry `code`, the sentence, and `facts`). A family never changes its numbers.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from enum import Enum


class Family(Enum):
    """An error family: (exit code of a command, HTTP status)."""

    INTERNAL = (1, 500)
    USAGE = (2, 400)
    NOT_FOUND = (3, 404)
    CONFLICT = (4, 409)
    REFUSED = (5, 403)
    INVALID = (6, 422)
    INTEGRITY = (7, 500)
    UNAVAILABLE = (8, 503)
    UNAUTHENTICATED = (9, 401)
    NO_SPACE = (10, 507)
    TOO_LARGE = (11, 413)

    @property
    def exit_code(self) -> int:
        """What a command exits with."""
        return self.value[0]

    @property
    def status(self) -> int:
        """What an HTTP answer carries."""
        return self.value[1]


class RegistryError(Exception):
    """Something went wrong that a person can understand; `code` is stable, `remedy` says what to do."""

    code = "registry-error"
    family = Family.INTERNAL

    def __init__(self, message: str, *, remedy: str = "", facts: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.facts: dict[str, object] = dict(facts or {})

    def __str__(self) -> str:
        stop = "" if self.message.endswith("?") else "."
        return f"{self.message}{stop} {self.remedy}" if self.remedy else self.message


class UsageError(RegistryError):
    """The request itself is malformed."""

    code = "bad-request"
    family = Family.USAGE


class BadNameError(UsageError):
    """A name is not `team/name` in lower-case letters, digits, `-` and `_`, 96 characters at most."""

    code = "bad-name"


class BadReferenceError(UsageError):
    """A reference is not `models:/team/name/3`, `models:/team/name@alias` or `datasets:/team/name/1`."""

    code = "bad-reference"


class BadCursorError(UsageError):
    """A page cursor was not made by this registry for this query."""

    code = "bad-cursor"


class BadFilterError(UsageError):
    """A search filter cannot be read."""

    code = "bad-filter"


class NotFoundError(RegistryError):
    """There is no such thing here."""

    code = "not-found"
    family = Family.NOT_FOUND


class ConflictError(RegistryError):
    """The thing exists already, or changed meanwhile."""

    code = "conflict"
    family = Family.CONFLICT


class InUseError(ConflictError):
    """Versions that are in use were made from it; `facts` lists these descendants."""

    code = "in-use"


class NameTakenError(ConflictError):
    """The name is in use, or was: a deleted name or number is never used again."""

    code = "name-taken"


class StepStateError(ConflictError):
    """The transfer step is not in a state that allows this."""

    code = "step-state"


class RefusedError(RegistryError):
    """The rules say no."""

    code = "refused"
    family = Family.REFUSED


class PermissionDeniedError(RefusedError):
    """The person's roles do not allow it."""

    code = "permission-denied"


class PolicyRefusedError(RefusedError):
    """Governance said no; `reasons` says why, every reason at once."""

    code = "policy-refused"

    def __init__(self, message: str, reasons: tuple[str, ...]) -> None:
        super().__init__(f"{message}: " + "; ".join(reasons), facts={"reasons": list(reasons)})
        self.reasons = reasons


class UnauthenticatedError(RegistryError):
    """No valid token or session came with the request."""

    code = "unauthenticated"
    family = Family.UNAUTHENTICATED


class InvalidError(RegistryError):
    """The input was read and is wrong."""

    code = "invalid"
    family = Family.INVALID


class BadRecipeError(InvalidError):
    """A recipe is wrong; the message names the line and the key."""

    code = "bad-recipe"


class BadPolicyError(InvalidError):
    """A policy file is wrong; the message names the line and the key."""

    code = "bad-policy"


class BadDataError(InvalidError):
    """A dataset cannot be used: a missing column, an empty class, one class only, an unreadable row."""

    code = "bad-data"


class BadArtifactError(InvalidError):
    """A weights file is corrupt, truncated, or not of an accepted format."""

    code = "bad-artifact"


class UnsafeArtifactError(InvalidError):
    """A file would run code when loaded; such files are refused, always."""

    code = "unsafe-artifact"


class MisfitError(InvalidError):
    """The weights do not fit the named architecture; `facts` lists the tensors missing, left over or misshapen."""

    code = "architecture-misfit"


class DivergedError(InvalidError):
    """Training diverged: the loss is no longer a number. The last good checkpoint is kept."""

    code = "diverged"


class IntegrityError(RegistryError):
    """Stored bytes or rows are not what they were when they were written."""

    code = "integrity"
    family = Family.INTEGRITY


class DatasetChangedError(IntegrityError):
    """A dataset is no longer the bytes that were registered."""

    code = "dataset-changed"


class ParentChangedError(IntegrityError):
    """The parent of an adapter is no longer the bytes that the adapter was trained on."""

    code = "parent-changed"


class AuditBrokenError(IntegrityError):
    """The audit chain does not verify; the message names the first bad entry."""

    code = "audit-broken"


class UnavailableError(RegistryError):
    """Something that is needed is not there now."""

    code = "unavailable"
    family = Family.UNAVAILABLE


class MissingExtraError(UnavailableError):
    """An optional part is not installed; the message says which command installs it."""

    code = "missing-extra"


class AdapterError(UnavailableError):
    """An adapter failed in a way of its own; the message is the adapter's."""

    code = "adapter-failed"


class OutOfMemoryError(AdapterError):
    """A step needs more memory than there is; the message says which batch size did not fit."""

    code = "out-of-memory"


class HomeNotFoundError(UnavailableError):
    """There is no home here yet."""

    code = "no-home"


class OldDatabaseError(UnavailableError):
    """The database is older than this program."""

    code = "database-old"


class NewDatabaseError(UnavailableError):
    """The database is newer than this program."""

    code = "database-new"


class NoSpaceError(RegistryError):
    """The disk is full; nothing was kept of what was being written."""

    code = "no-space"
    family = Family.NO_SPACE


class TooLargeError(RegistryError):
    """The upload is larger than this server takes."""

    code = "too-large"
    family = Family.TOO_LARGE


def error_of_disk(error: OSError, what: str) -> RegistryError:
    """What it means that the disk failed while `what` was happening: full, or not to be had."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return NoSpaceError(f"{what}: the disk is full; nothing was kept", remedy="Make room and try again")
    return UnavailableError(f"{what}: {error.strerror or error}", remedy="Check the folder and whose it is")


def error_of(
    code: str, message: str, *, remedy: str = "", facts: Mapping[str, object] | None = None
) -> RegistryError | None:
    """An error that travelled as text (from a failed step, say), of its own class again; None: no such code."""
    kind = _by_code(RegistryError, code)
    if kind is None:
        return None
    error = kind.__new__(kind)
    RegistryError.__init__(error, message, remedy=remedy, facts=facts)
    return error


def _by_code(kind: type[RegistryError], code: str) -> type[RegistryError] | None:
    if kind.code == code:
        return kind
    return next((found for child in kind.__subclasses__() if (found := _by_code(child, code))), None)
