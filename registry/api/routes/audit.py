"""The audit chain: search, verification and export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from pydantic import AwareDatetime, BeforeValidator

from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import LINES, AsActor, Paging, answer, speaks
from registry.domain.audit import AuditReport, Proof, SignedCheckpoint
from registry.domain.catalog.models import HistoryEntry
from registry.domain.paging import Page
from registry.domain.verbs.registry import Registry

router = APIRouter(prefix="/audit", tags=["audit"], route_class=Route)
PYTHON = "text/x-python"


def _written_out(text: str | None) -> str | None:
    if text is not None and "T" not in text.upper():  # Pydantic takes a number for seconds since 1970
        raise ValueError("write a time with its zone, such as 2026-11-23T04:05:06Z")
    return text


Moment = Annotated[AwareDatetime | None, BeforeValidator(_written_out)]


@router.get("", **speaks(Page[HistoryEntry]))
def search(
    registry: AsActor,
    page: Paging,
    subject: str | None = None,
    action: str | None = None,
    actor: str | None = None,
    since: Moment = None,
    until: Moment = None,
) -> Response:
    """Entries, newest first. `subject` is exact; `S/*` means S and all under it; `until` is the first moment after."""
    found = registry.audit.search(subject=subject, action=action, actor=actor, since=since, until=until, page=page)
    return answer(found)


@router.get("/verify", **speaks(AuditReport))
def verify(registry: AsActor, state: bool = False) -> Response:
    """Walk the whole chain; name the first entry that does not hold, if any."""
    return answer(registry.audit.verify(state=state))


@router.get("/export", **speaks({"type": "string", "description": "One entry a line"}, media=LINES))
def export(registry: AsActor) -> Response:
    """The bodies with their hashes as JSON lines, streamed: enough to verify the chain elsewhere."""
    headers = {"Content-Disposition": 'attachment; filename="audit.jsonl"', "Cache-Control": "no-store"}
    return StreamingResponse(registry.audit.export(), headers=headers, media_type=LINES)


@router.get("/checkpoints", **speaks(list[SignedCheckpoint]))
def checkpoints(registry: AsActor) -> Response:
    """Every signed checkpoint of the log, oldest first; `note` is the signed text (C2SP tlog-checkpoint)."""
    return answer(registry.audit.checkpoints())


def _checkpoints(registry: Registry, _: Mapping[str, str]) -> Sequence[SignedCheckpoint]:
    return registry.audit.checkpoints()


@router.post("/checkpoints", **speaks(SignedCheckpoint))
def checkpoint(registry: Annotated[Registry, changes(_checkpoints, "/audit/checkpoints")]) -> Response:
    """Sign the log as it is now; the last checkpoint again when nothing was added since."""
    return answer(registry.audit.checkpoint())


@router.get("/keys", **speaks(list[str]))
def keys(registry: AsActor) -> Response:
    """The public keys that check checkpoints, the present one last."""
    return answer(registry.audit.keys())


@router.get("/proof", **speaks(Proof))
def prove(registry: AsActor, seq: int | None = None, since: int | None = None) -> Response:
    """A proof that entry `seq` is in the log of the last checkpoint, or that the log begins with that of `since`."""
    return answer(registry.audit.prove(seq, since=since))


@router.get("/verifier", **speaks({"type": "string", "description": "A Python program"}, media=PYTHON))
def verifier(registry: AsActor) -> Response:
    """The program that verifies an export and proofs, in one file: Python and `cryptography` only."""
    headers = {"Content-Disposition": 'attachment; filename="verify.py"', "Cache-Control": "no-store"}
    return Response(registry.audit.verifier(), headers=headers, media_type=PYTHON)
