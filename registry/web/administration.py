"""The audit log, the routes of the API, and what went wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from registry.domain.audit import AuditReport
from registry.domain.catalog.models import HistoryEntry
from registry.domain.paging import PageRequest
from registry.domain.text import read_day
from registry.errors import RegistryError
from registry.web.parts import AsActor
from registry.web.render import link, page

router = APIRouter()


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries of the audit chain, newest first, and the report if verification was requested."""

    entries: Sequence[HistoryEntry]
    report: AuditReport | None
    subject: str
    action: str
    person: str
    since: str
    until: str
    next_page: str


@dataclass(frozen=True, slots=True)
class Offer:
    """One route of the API."""

    method: str
    path: str
    summary: str


@dataclass(frozen=True, slots=True)
class ApiPage:
    """The routes of the API, by subject."""

    rooms: Sequence[tuple[str, Sequence[Offer]]]


@dataclass(frozen=True, slots=True)
class ErrorPage:
    """What went wrong, in the words of the error."""

    status: int
    message: str
    remedy: str
    code: str
    reasons: Sequence[str]


@router.get("/audit")
def audit(
    request: Request,
    registry: AsActor,
    subject: str = "",
    action: str = "",
    person: str = "",
    since: str = "",
    until: str = "",
    verify: bool = False,
    cursor: str | None = None,
) -> HTMLResponse:
    """The audit chain, and on request whether it holds."""
    found = registry.audit.search(
        subject=subject or None,
        action=action or None,
        actor=person or None,
        since=read_day(since, "From"),
        until=read_day(until, "Until", after=1),
        page=PageRequest(50, cursor),
    )
    filters = {"subject": subject, "action": action, "person": person, "since": since, "until": until}
    context = AuditPage(
        entries=found.items,
        report=registry.audit.verify() if verify else None,
        next_page=link("/audit", filters, cursor=found.next_cursor) if found.next_cursor else "",
        **filters,
    )
    api = link("/api/v1/audit", subject=subject, action=action, actor=person)
    return page(request, "audit.html", context, section="audit", api=api)


@router.get("/api")
def api_routes(request: Request) -> HTMLResponse:
    """The routes of the API, read from its own OpenAPI document."""
    rooms: dict[str, list[Offer]] = {}
    for path, methods in request.app.openapi()["paths"].items():
        for method, operation in methods.items():
            offer = Offer(method.upper(), path, operation.get("description", "").split("\n")[0])
            rooms.setdefault(operation.get("tags", ["other"])[0], []).append(offer)
    context = ApiPage(tuple(rooms.items()))
    return page(request, "api.html", context, section="api", api="/api/v1/openapi.json")


def error_page(request: Request, error: RegistryError, *, status: int | None = None) -> HTMLResponse:
    """`error` as a page."""
    number = status or error.family.status
    reasons = error.facts.get("reasons")
    context = ErrorPage(
        status=number,
        message=error.message,
        remedy=error.remedy,
        code=error.code,
        reasons=[str(one) for one in reasons] if isinstance(reasons, list) else (),
    )
    return page(request, "error.html", context, section="error", status=number)
