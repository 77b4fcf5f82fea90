"""Signing in and out: the form, and the cookie that a browser then has."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.requests import Request

from registry.auth import COOKIE, Doorkeeper
from registry.auth.oidc import Way
from registry.domain.people.sessions import Means, SessionSummary, StartedSession
from registry.domain.verbs.registry import Registry
from registry.errors import ConflictError, RefusedError, TooManyAttemptsError, UnauthenticatedError, UnavailableError
from registry.settings import Settings
from registry.web.render import page

router = APIRouter()


@dataclass(frozen=True, slots=True)
class SignInPage:
    """The forms that take a token or a password; `error` is what was wrong with the last one."""

    next: str
    error: str
    passwords: bool
    provider: str
    """What the provider is called; empty where there is none."""
    leave: str = ""
    """Where the provider ends its own session."""


def sign_in_page(request: Request, *, next: str, error: str = "", status: int = 200, leave: str = "") -> HTMLResponse:
    """The ways to sign in."""
    settings: Settings = request.app.state.settings
    name = settings.oidc_name if settings.oidc_issuer else ""
    context = SignInPage(next, error, settings.passwords, name, leave)
    return page(request, "signin.html", context, section="signin", status=status)


def sign_in_form(request: Request, next: str = "/", left: bool = False) -> Response:
    """The sign-in page; for who has just `left`, also the way to end the provider's session."""
    way: Way | None = request.app.state.way
    leave = ""
    if left and way is not None:
        with suppress(UnavailableError, RefusedError):  # the page works without it
            leave = way.leave(f"{request.app.state.settings.public_url.rstrip('/')}/sign-in")
    return sign_in_page(request, next=own_address(next), leave=leave)


def sign_in(request: Request, token: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/") -> Response:
    """A session for the owner of the token, in a cookie that scripts cannot read."""
    door: Doorkeeper = request.app.state.door
    before = request.cookies.get(COOKIE)
    return _signed_in(request, next, lambda: door.sign_in(token, client_address(request), before=before))


def sign_in_by_password(
    request: Request,
    handle: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """A session for who knows the password of a person."""
    door: Doorkeeper = request.app.state.door
    registry: Registry = request.app.state.system
    before, who = request.cookies.get(COOKIE), handle.strip()[:64]
    return _signed_in(
        request,
        next,
        lambda: door.sign_in_by_password(registry.passwords, who, password, client_address(request), before=before),
    )


def _signed_in(request: Request, next: str, sign_in: Callable[[], StartedSession]) -> Response:
    """The page that was wanted, with the cookie of the new session; else the forms again."""
    try:
        started = sign_in()
    except (UnauthenticatedError, TooManyAttemptsError, ConflictError, UnavailableError) as error:
        answer = sign_in_page(request, next=own_address(next), error=str(error), status=error.family.status)
        if "retry_after" in error.facts:
            answer.headers["Retry-After"] = str(error.facts["retry_after"])
        return answer
    return with_session(request, started, next)


def with_session(request: Request, started: StartedSession, next: str) -> Response:
    """The page that was wanted, with the cookie of a new session."""
    moved = RedirectResponse(own_address(next), 303)
    moved.headers.append("Set-Cookie", cookie_header(request, started.summary, started.cookie))
    return moved


def cookie_header(request: Request, session: SessionSummary, value: str) -> str:
    """The header that gives a browser the cookie of a session, until the session ends by itself."""
    answer = Response()
    secure, seconds = request.url.scheme == "https", int((session.expires_at - datetime.now(UTC)).total_seconds())
    answer.set_cookie(COOKIE, value, max_age=seconds, path="/", httponly=True, samesite="lax", secure=secure)
    return answer.headers["set-cookie"]


@router.post("/sign-out")
def sign_out(request: Request) -> RedirectResponse:
    """End the session, here and on the server. Revoking the token ends every session made with it."""
    session = getattr(request.state, "session", None)  # none with a bearer token
    if session is not None:
        request.app.state.door.sign_out(session)
    left = session is not None and session.means is Means.PROVIDER
    answer = RedirectResponse("/sign-in?left=true" if left else "/sign-in", 303)
    answer.delete_cookie(COOKIE, path="/")
    answer.headers["Clear-Site-Data"] = '"cache"'  # the pages that the browser has kept
    return answer


def client_address(request: Request) -> str:
    """Where the request comes from; behind a trusted proxy, what the proxy says."""
    return request.client.host if request.client else ""


def own_address(text: str) -> str:
    """`text` if it is an address on this server, else the first page: sign-in never leads to another site."""
    parts = urlsplit(text) if text.isprintable() else None
    own = parts is not None and not parts.scheme and not parts.netloc and text.startswith("/")
    return text if own and not text.startswith(("//", "/\\")) and "\\" not in text else "/"
