"""The review inbox, and findings: the list of them, and the forms to raise one and to say that it was put right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.requests import Request

from registry.domain.governance.reviews.findings import Finding, FindingState, NewFinding, Severity
from registry.domain.governance.reviews.inbox import InboxItem
from registry.domain.ids import is_id
from registry.domain.names import Reference
from registry.domain.notifications.mail import MailAddress
from registry.domain.paging import PageRequest
from registry.domain.verbs.registry import Registry
from registry.errors import ConflictError, InvalidError, NotFoundError, RefusedError, RegistryError, UsageError
from registry.web.governance.badges import Badges
from registry.web.parts import AsActor, see
from registry.web.render import link, page

router = APIRouter()
MOST = 50
"""Findings of one page."""


@dataclass(frozen=True, slots=True)
class FindingsPage:
    """Findings in one state, about one version or about all."""

    findings: Sequence[Finding]
    state: str
    states: Sequence[str]
    reference: str
    request_id: str
    now: datetime
    next_page: str
    severities: Sequence[str] = tuple(Severity)
    sent: Mapping[str, str] = field(default_factory=dict)
    """What was written into the form that was refused."""
    error: RegistryError | None = None


@dataclass(frozen=True, slots=True)
class InboxPage:
    """What waits for the reader, what they requested, and which of their votes went stale."""

    lists: Sequence[tuple[str, Sequence[InboxItem], str]]
    """Title, entries, and what is said where there are none."""
    now: datetime
    complete: bool
    mail: MailAddress
    refused: str = ""
    """What was written as the address, if it is none."""


@router.get("/inbox")
def inbox(request: Request, registry: AsActor) -> HTMLResponse:
    """The review inbox of the reader."""
    return _inbox(request, registry)


@router.post("/inbox", response_model=None)
def set_address(
    request: Request, registry: AsActor, address: Annotated[str, Form()] = ""
) -> HTMLResponse | RedirectResponse:
    """Say where oneself is told by e-mail; an empty address ends it."""
    try:
        registry.notifications.set_address(registry.actor.handle, address.strip())
    except InvalidError:
        return _inbox(request, registry, refused=address)
    return see("/inbox")


def _inbox(request: Request, registry: Registry, *, refused: str = "") -> HTMLResponse:
    found = registry.reviews.inbox()
    lists = (
        ("Waiting for me", found.waiting, "Nothing waits for you."),
        ("Went stale", found.stale, "All of your approvals of open requests count."),
        ("My requests", found.mine, "You have no open request."),
    )
    mail = registry.notifications.address(registry.actor.handle)
    context = InboxPage(lists, datetime.now(UTC), found.complete, mail, refused)
    status = InvalidError.family.status if refused else 200
    return page(request, "inbox.html", context, section="promotions", api="/api/v1/inbox", status=status)


@router.get("/inbox/count")
def count(request: Request, registry: AsActor) -> JSONResponse:
    """How many entries wait for the reader, for the badge of each page: judged anew when something has changed."""
    newest = registry.audit.search(page=PageRequest(1)).items
    badges: Badges = request.app.state.badges
    return JSONResponse({"waiting": badges.waiting(registry, newest[0] if newest else None)})


@router.get("/findings")
def findings(
    request: Request,
    registry: AsActor,
    state: str = "open",
    reference: str = "",
    about: str = "",
    cursor: str | None = None,
) -> HTMLResponse:
    """Findings; `reference` is the version that they are about, `about` the request that a new one is about."""
    return _shown(request, registry, state=state, reference=reference, about=about, cursor=cursor)


@router.post("/findings", response_model=None)
def add(
    request: Request,
    registry: AsActor,
    reference: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
    severity: Annotated[str, Form()] = "",
    owner: Annotated[str, Form()] = "",
    due: Annotated[str, Form()] = "",
    about: Annotated[str, Form()] = "",
) -> HTMLResponse | RedirectResponse:
    """Raise a finding; a refusal is shown above the form, which keeps what was written."""
    try:
        if severity not in set(Severity):
            raise InvalidError("A severity is needed", remedy=f"Choose {', '.join(Severity)}")
        wish = NewFinding(text, Severity(severity), owner.strip(), due, about or None)
        registry.reviews.add_finding(Reference.parse(reference), wish)
    except (RefusedError, InvalidError, UsageError) as error:
        sent = {"text": text, "severity": severity, "owner": owner, "due": due}
        return _shown(request, registry, reference=reference, about=about, sent=sent, error=error)
    return see(link("/findings", reference=reference))


@router.post("/findings/{finding_id}/resolve", response_model=None)
def resolve(
    request: Request,
    registry: AsActor,
    finding_id: str,
    comment: Annotated[str, Form()] = "",
    reference: Annotated[str, Form()] = "",
) -> HTMLResponse | RedirectResponse:
    """Say that a finding was put right."""
    if not is_id(finding_id):
        raise NotFoundError(f"There is no finding {finding_id[:80]!r}")
    try:
        registry.reviews.resolve_finding(finding_id, comment=comment)
    except (RefusedError, InvalidError, ConflictError) as error:
        return _shown(request, registry, reference=reference, error=error)
    return see(link("/findings", reference=reference))


def _shown(
    request: Request,
    registry: Registry,
    *,
    state: str = "open",
    reference: str = "",
    about: str = "",
    cursor: str | None = None,
    sent: Mapping[str, str] | None = None,
    error: RegistryError | None = None,
) -> HTMLResponse:
    states = [one.value for one in FindingState]
    wanted = FindingState(state) if state in states else None
    version = Reference.parse(reference) if reference else None
    found = registry.reviews.findings(reference=version, state=wanted, page=PageRequest(MOST, cursor))
    following = ""
    if found.next_cursor:
        following = link("/findings", state=state, reference=reference, cursor=found.next_cursor)
    context = FindingsPage(
        findings=found.items,
        state=state,
        states=[*states, "all"],
        reference=reference,
        request_id=about,
        now=datetime.now(UTC),
        next_page=following,
        sent=sent or {},
        error=error,
    )
    api = link("/api/v1/findings", reference=reference, state=wanted.value if wanted else None)
    status = error.family.status if error else 200
    return page(request, "findings.html", context, section="promotions", api=api, status=status)
