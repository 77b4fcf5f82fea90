"""All errors of the registry, in one tree with stable codes.

A family decides the exit code of a command and the status of an HTTP answer; its numbers never change. The docstring of
an error is its entry in docs/errors.md and the title of its problem body (RFC 9457); the rest says what happened.
"""

from __future__ import annotations

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
    TOO_MANY = (12, 429)
    PRECONDITION = (13, 412)
    WITHHELD = (5, 423)
    TAKEN_BACK = (5, 410)
    BY_LAW = (5, 451)

    @property
    def exit_code(self) -> int:
        """What a command exits with."""
        return self.value[0]

    @property
    def status(self) -> int:
        """What an HTTP answer carries."""
        return self.value[1]


class RegistryError(Exception):
    """An error without a more precise code; the message says what failed."""

    code = "registry-error"
    family = Family.INTERNAL

    def __init__(self, message: str, *, remedy: str = "", facts: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.message, self.remedy = message, remedy
        self.facts: dict[str, object] = dict(facts or {})

    def __str__(self) -> str:
        stop = "" if self.message.endswith("?") else "."
        return f"{self.message}{stop} {self.remedy}" if self.remedy else self.message


class UsageError(RegistryError):
    """The request is malformed: an argument, a body or a setting cannot be read."""

    code = "bad-request"
    family = Family.USAGE


class NotRemoteError(UsageError):
    """Only on the machine of the registry folder can this be done, not over a connection to its server."""

    code = "not-remote"


class BadNameError(UsageError):
    """The name is not `team/name` in lower-case letters, digits, `-` and `_`, at most 96 characters long."""

    code = "bad-name"


class BadReferenceError(UsageError):
    """The reference is not `models:/team/name/3`, `models:/team/name@alias` or `datasets:/team/name/1`."""

    code = "bad-reference"


class BadCursorError(UsageError):
    """The page cursor did not come from this registry for this query."""

    code = "bad-cursor"


class BadFilterError(UsageError):
    """A filter of a search is unknown or cannot be read."""

    code = "bad-filter"


class NotFoundError(RegistryError):
    """Nothing with this name, number or id exists here."""

    code = "not-found"
    family = Family.NOT_FOUND


class ConflictError(RegistryError):
    """What should be created exists already, or what should be changed was changed by someone else in the meantime."""

    code = "conflict"
    family = Family.CONFLICT


class InUseError(ConflictError):
    """Versions that are in use were made from it; `facts` lists these descendants."""

    code = "in-use"


class NameTakenError(ConflictError):
    """The name is in use or was in use: deleted names and version numbers are never used again."""

    code = "name-taken"


class StepStateError(ConflictError):
    """The transfer step is in a state that does not allow this; a finished step cannot be cancelled, for example."""

    code = "step-state"


class RefusedError(RegistryError):
    """A rule of the registry forbids this, whoever asks."""

    code = "refused"
    family = Family.REFUSED


class DamagedError(RefusedError):
    """Stored files of the version are missing or were changed; it cannot be used until they are restored."""

    code = "damaged"


class WithheldError(RefusedError):
    """The version is suspended, so its files cannot be read; `facts` name the recalls that withhold it."""

    code = "withheld"
    family = Family.WITHHELD


class RecalledError(RefusedError):
    """The version was recalled, so its files cannot be read: 451 for legal reasons. `facts` name the recalls."""

    code = "recalled"
    family = Family.TAKEN_BACK


class PermissionDeniedError(RefusedError):
    """Your roles, or the scope of your token, do not allow this."""

    code = "permission-denied"


class PolicyRefusedError(RefusedError):
    """The policy does not allow this; `facts` lists every reason."""

    code = "policy-refused"

    def __init__(self, message: str, reasons: tuple[str, ...]) -> None:
        super().__init__(f"{message}: " + "; ".join(reasons), facts={"reasons": list(reasons)})

    @property
    def reasons(self) -> tuple[str, ...]:
        """Every reason, as a sentence."""
        return tuple(map(str, found)) if isinstance(found := self.facts.get("reasons"), list | tuple) else ()


class UnauthenticatedError(RegistryError):
    """The request has no valid token or session, or the person named by `--as` is not known."""

    code = "unauthenticated"
    family = Family.UNAUTHENTICATED


class InvalidError(RegistryError):
    """The input could be read, but what it says is not valid."""

    code = "invalid"
    family = Family.INVALID


class BadRecipeError(InvalidError):
    """The recipe has mistakes; the message names the line and the key of each."""

    code = "bad-recipe"


class BadPolicyError(InvalidError):
    """The policy file has mistakes; the message names the line and the key of each."""

    code = "bad-policy"


class BadDataError(InvalidError):
    """The dataset cannot be used, for example because of a missing column, an empty class or an unreadable row."""

    code = "bad-data"


class BadArtifactError(InvalidError):
    """A file of the model is corrupt, incomplete or of a format that is not accepted."""

    code = "bad-artifact"


class UnsafeArtifactError(InvalidError):
    """A file is not accepted because it could run code when it is loaded, or because it points to other files."""

    code = "unsafe-artifact"


class CredentialError(InvalidError):
    """A text has what looks like a password, a key or a token, so it is not stored; `facts` names the field."""

    code = "credential-found"


class MisfitError(InvalidError):
    """The weights do not fit the architecture; `facts` lists tensors missing, left over or of another shape."""

    code = "architecture-misfit"


class DivergedError(InvalidError):
    """Training diverged: the loss is not a finite number any more. The last good checkpoint is kept."""

    code = "diverged"


class IntegrityError(RegistryError):
    """Stored files or rows are not what was written: they are damaged or were changed."""

    code = "integrity"
    family = Family.INTEGRITY


class DatasetChangedError(IntegrityError):
    """The files of a dataset have changed since it was registered."""

    code = "dataset-changed"


class ParentChangedError(IntegrityError):
    """The parent model is not the one that the adapter was trained on: its bytes differ."""

    code = "parent-changed"


class NotReproducedError(IntegrityError):
    """A trained model, loaded again from the files that were written, does not give the outputs that were recorded."""

    code = "not-reproduced"


class EffectError(IntegrityError):
    """A training did not change what it was to change, or changed what was to stay, so nothing is published."""

    code = "no-effect"


class AuditBrokenError(IntegrityError):
    """The audit log is damaged or was changed; the message names the first entry that does not verify."""

    code = "audit-broken"


class BackupBrokenError(IntegrityError):
    """The backup is incomplete or was changed since it was made; `facts` lists what is wrong."""

    code = "backup-broken"


class UnavailableError(RegistryError):
    """Something that is needed cannot be reached or used now."""

    code = "unavailable"
    family = Family.UNAVAILABLE


class ServerUnreachableError(UnavailableError):
    """The server cannot be reached, or the connection to it was lost and could not be made again."""

    code = "server-unreachable"


class CertificateRefusedError(UnavailableError):
    """The certificate of the server cannot be verified, so nothing was sent to it."""

    code = "certificate-refused"


class NotAServerError(UnavailableError):
    """What answers at this address is not a Forebear server."""

    code = "not-a-server"


class OtherVersionError(UnavailableError):
    """The server and this client are of different versions of Forebear and do not understand each other here."""

    code = "other-version"


class MissingExtraError(UnavailableError):
    """An optional package is not installed; the message gives the command that installs it."""

    code = "missing-extra"


class AdapterError(UnavailableError):
    """An adapter or the library that it uses failed; the message is theirs."""

    code = "adapter-failed"


class OutOfMemoryError(AdapterError):
    """The step needs more memory than there is; the message names the batch size that did not fit."""

    code = "out-of-memory"


class HomeNotFoundError(UnavailableError):
    """There is no registry in this folder or database yet; `forebear init` creates one."""

    code = "no-home"


class OldDatabaseError(UnavailableError):
    """The database was made by an older version of Forebear and must be upgraded."""

    code = "database-old"


class NewDatabaseError(UnavailableError):
    """The database was made by a newer version of Forebear; install that version."""

    code = "database-new"


class NoSpaceError(RegistryError):
    """The disk is full; nothing of what was being written was kept."""

    code = "no-space"
    family = Family.NO_SPACE


class TooLargeError(RegistryError):
    """The upload, file or dataset is larger than what is accepted; where a setting says how large, `facts` names it."""

    code = "too-large"
    family = Family.TOO_LARGE


class TooManyAttemptsError(RegistryError):
    """Too many wrong tokens came from one address: it must wait. `retry_after` says how many seconds."""

    code = "too-many-attempts"
    family = Family.TOO_MANY


class TooManyRequestsError(RegistryError):
    """Too many requests came with a token, of a person or from an address: wait for `retry_after` seconds."""

    code = "rate-limited"
    family = Family.TOO_MANY


class TooManyKeysError(RegistryError):
    """You used too many idempotency keys in a day. `retry_after` says in how many seconds the oldest is forgotten."""

    code = "too-many-keys"
    family = Family.TOO_MANY


class PreconditionFailedError(RegistryError):
    """What should be changed is no longer as the request says that it is (`If-Match`); nothing was changed."""

    code = "precondition-failed"
    family = Family.PRECONDITION


class RepeatedRequestError(ConflictError):
    """A request with this `Idempotency-Key` is being carried out, or was carried out and its answer is not kept."""

    code = "request-repeated"


class KeyReusedError(InvalidError):
    """The `Idempotency-Key` was sent before with another request; nothing was done."""

    code = "idempotency-key-reused"


class DigestMismatchError(InvalidError):
    """What arrived does not have the digest that was sent with it (`Content-Digest`); nothing was done."""

    code = "digest-mismatch"
