"""Signing in by the identity provider, and binding an account there to one's own account here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.requests import Request

from registry.auth import COOKIE as SESSION
from registry.auth import Doorkeeper
from registry.auth.oidc import COOKIE, Returned, Way
from registry.auth.oidc.flow import MINUTES, PATH
from registry.domain.people.identities import BoundIdentity
from registry.domain.verbs.registry import Registry
from registry.errors import NotFoundError, RegistryError, TooManyAttemptsError, UnauthenticatedError
from registry.web.parts import AsActor, see
from registry.web.people.signing_in import client_address, cookie_header, own_address, sign_in_page, with_session
from registry.web.render import page

router = APIRouter()
OWN = "/identities"


@dataclass(frozen=True, slots=True)
class IdentitiesPage:
    """The accounts of the provider that are bound. `where` leads to it, once somebody has asked to bind one.

    `bound` says whether one is good now, `error` what was wrong with the proof that was given.
    """

    provider: str
    identities: Sequence[BoundIdentity]
    where: str
    bound: bool
    error: str


def begin(request: Request, next: str = "/") -> Response:
    """Send the browser to the provider."""
    try:
        where, cookie = _way(request).begin(own_address(next))
    except RegistryError as error:
        return sign_in_page(request, next=own_address(next), error=str(error), status=error.family.status)
    return _with_cookie(request, RedirectResponse(where, 303), cookie)


def returned(request: Request) -> Response:
    """Where the provider sends the browser back to: a session, or an account that is bound from now on."""
    try:  # not counted as a wrong try: nothing here can be guessed, and any page could send a browser here
        found = _way(request).finish(dict(request.query_params), request.cookies.get(COOKIE, ""))
        answer = _bind(request, found) if found.session else _sign_in(request, found, client_address(request))
    except RegistryError as error:
        answer = sign_in_page(request, next="/", error=str(error), status=error.family.status)
    answer.delete_cookie(COOKIE, path=PATH)
    return answer


@router.get(OWN)
def identities(request: Request, registry: AsActor) -> HTMLResponse:
    """The accounts of the provider that one signs in with."""
    return _page(request, registry, "")


@router.post(OWN)
def ask_to_bind(request: Request, registry: AsActor, proof: Annotated[str, Form()] = "") -> Response:
    """Ask to bind one, with a fresh sign-in; without one, to sign in there anew with what is bound already.

    The page has the address of the provider then, since a form leads to no other site.
    """
    session = getattr(request.state, "session", None)
    if session is None:
        raise UnauthenticatedError("An account is bound in a browser", remedy="Sign in there")
    if proof:
        door: Doorkeeper = request.app.state.door
        try:
            with door.guessing(registry.actor.handle, client_address(request)):
                registry.sessions.prove(proof)
        except (UnauthenticatedError, TooManyAttemptsError) as error:
            return _page(request, registry, "", str(error), error.family.status)
    where, cookie = _way(request).begin(OWN, session.id)
    return _with_cookie(request, _page(request, registry, where), cookie)


@router.post(f"{OWN}/unbind")
def unbind(registry: AsActor) -> Response:
    """Sign in by the provider no more; sessions end, this one too."""
    registry.identities.unbind(registry.actor.handle)
    return see("/sign-in")


def _sign_in(request: Request, found: Returned, address: str) -> Response:
    door: Doorkeeper = request.app.state.door
    system: Registry = request.app.state.system
    started = system.identities.begin(found.identity, found.spent, address)
    door.end_before(request.cookies.get(SESSION))
    return with_session(request, started, own_address(found.next))


def _bind(request: Request, found: Returned) -> Response:
    """Bind it to whoever is signed in here, if that is the session that asked for it."""
    door: Doorkeeper = request.app.state.door
    system: Registry = request.app.state.system
    visit = door.visit(request.cookies.get(SESSION, ""))
    if visit.session.id != found.session:
        raise UnauthenticatedError("Somebody else is signed in here than asked for it", remedy="Begin again")
    system.as_actor(visit.actor).identities.bind(found.identity, found.spent)
    answer = see(OWN)
    if visit.cookie is not None:
        answer.headers.append("Set-Cookie", cookie_header(request, visit.session, visit.cookie))
    return answer


def _page(request: Request, registry: Registry, where: str, error: str = "", status: int = 200) -> HTMLResponse:
    way, who = _way(request), registry.actor.handle
    known = registry.identities.of(who)
    context = IdentitiesPage(way.provider.issuer, known, where, any(one.live for one in known), error)
    api = f"/api/v1/people/{who}/identities"
    return page(request, "identities.html", context, section="people", api=api, status=status)


def _way(request: Request) -> Way:
    way: Way | None = request.app.state.way
    if way is None:
        raise NotFoundError("Nobody signs in by an identity provider here", remedy="Sign in with a token")
    return way


def _with_cookie(request: Request, answer: Response, cookie: str) -> Response:
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, cookie, max_age=MINUTES * 60, path=PATH, httponly=True, samesite="lax", secure=secure)
    return answer
