"""The audit chain: search, verification and export."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import Response, StreamingResponse
from pydantic import AwareDatetime, BeforeValidator

from registry.api.repeats import Route
from registry.api.wire import AsActor, Paging, answer, speaks
from registry.domain.audit import AuditReport
from registry.domain.catalog.models import HistoryEntry
from registry.domain.paging import Page

router = APIRouter(prefix="/audit", tags=["audit"], route_class=Route)
LINES = "application/jsonl"


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
