"""What a client of the Hub is told when it gets nothing: a status, and an error code that decides what it does.

The code wins over the status (huggingface_hub, `utils/_http.py`). `RevisionNotFound` reaches clients whose cache is
warm; with every other code they use what they have kept.
"""

from __future__ import annotations

from enum import StrEnum

from fastapi.responses import JSONResponse, Response

from registry.api import problems
from registry.api.approval import not_approved
from registry.domain.names import VersionRef
from registry.errors import Family, RegistryError


class Code(StrEnum):
    """The error codes that clients know."""

    REPO = "RepoNotFound"
    REVISION = "RevisionNotFound"
    ENTRY = "EntryNotFound"
    GATED = "GatedRepo"


class HubRefusal(Exception):  # noqa: N818 - it is an answer
    """An error with the code by which a client of the Hub knows it. `status` is given where it is not the error's."""

    def __init__(self, error: RegistryError, code: Code, status: int | None = None, *, commit: str = "") -> None:
        super().__init__(str(error))
        self.error, self.code, self.status, self.commit = error, code, status, commit

    @classmethod
    def unapproved(cls, ref: VersionRef, stage: str) -> HubRefusal:
        """For a version that nobody has approved."""
        return cls(not_approved(ref, stage), Code.GATED)


_TAKEN_BACK = frozenset({Family.WITHHELD, Family.TAKEN_BACK, Family.BY_LAW})


def in_header(text: str) -> str:
    """`text` on one line of at most 1,000 printable ASCII characters: what an address holds may be repeated in it."""
    plain = "".join(
        char if char.isprintable() and char.isascii() else "?" for char in " ".join(text.replace("…", "...").split())
    )
    return plain[:1000]


def refusal(raised: HubRefusal | RegistryError, status: int | None = None) -> Response:
    """`raised` as the Hub would answer. What is taken back is 410, or 451 by law: 423 would leave the cache in use.

    `status` as for `problems.problem`.
    """
    code: Code | None
    if isinstance(raised, HubRefusal):
        error, code, status = raised.error, raised.code, raised.status or raised.error.family.status
    else:
        error, status = raised, status or raised.family.status
        code = Code.REVISION if error.family in _TAKEN_BACK else None
        if error.family is Family.WITHHELD:
            status = 410
    headers = problems.headers_of(error) | {"X-Error-Message": in_header(str(error))}  # also for HEAD without a body
    if code:
        headers["X-Error-Code"] = code
    if isinstance(raised, HubRefusal) and raised.commit:
        headers["X-Repo-Commit"] = raised.commit
    return JSONResponse({"error": str(error), "code": error.code}, status, headers)
