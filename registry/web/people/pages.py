"""People with their roles, and where somebody is signed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import Request

from registry.domain.paging import PageRequest
from registry.domain.people.people import Person, RoleOffer, check_handle, check_role
from registry.domain.people.sessions import SessionSummary
from registry.domain.people.teams import Team
from registry.web.parts import AsActor, see
from registry.web.render import link, page

router = APIRouter()


@dataclass(frozen=True, slots=True)
class PeoplePage:
    """Everyone who may sign in."""

    people: Sequence[Person]
    next_page: str
    offers: Sequence[RoleOffer] = ()
    teams: Sequence[Team] = ()
    """Closed ones that one belongs to or, as an admin, all."""


@dataclass(frozen=True, slots=True)
class SessionsPage:
    """Where somebody is signed in; `current` is the session that asks."""

    person: str
    sessions: Sequence[SessionSummary]
    current: str
    next_page: str


@router.get("/people")
def people(request: Request, registry: AsActor, cursor: str | None = None) -> HTMLResponse:
    """Everyone who may sign in, with their roles."""
    found = registry.people.search(PageRequest(100, cursor))
    following = link("/people", cursor=found.next_cursor) if found.next_cursor else ""
    closed = [one for one in registry.teams.list() if one.closed]
    return page(
        request,
        "people.html",
        PeoplePage(found.items, following, registry.people.offers(), closed),
        section="people",
        api="/api/v1/people",
    )


@router.post("/people/{handle}/{role}/confirm")
def confirm(registry: AsActor, handle: str, role: str) -> RedirectResponse:
    """Confirm a role that somebody else offered."""
    registry.people.confirm(check_handle(handle), check_role(role))
    return see("/people")


@router.get("/people/{handle}/sessions")
def sessions(request: Request, registry: AsActor, handle: str, cursor: str | None = None) -> HTMLResponse:
    """The sessions of a person: one's own, or as an admin anybody's."""
    where = f"/people/{check_handle(handle)}/sessions"
    found = registry.sessions.of(handle, PageRequest(50, cursor))
    following = link(where, cursor=found.next_cursor) if found.next_cursor else ""
    session = getattr(request.state, "session", None)  # none with a bearer token
    context = SessionsPage(handle, found.items, session.id if session is not None else "", following)
    return page(request, "sessions.html", context, section="people", api=f"/api/v1{where}")


@router.post("/people/{handle}/sessions")
def sign_out_everywhere(registry: AsActor, handle: str) -> RedirectResponse:
    """Sign a person out of every browser, this one included."""
    registry.sessions.end_all(check_handle(handle))
    return see("/people" if handle != registry.actor.handle else "/sign-in")
