"""Signing in and out: the form, and the cookie that a browser then has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.requests import Request

from registry.auth import COOKIE, Doorkeeper
from registry.domain.people.sessions import SessionSummary
from registry.errors import TooManyAttemptsError, UnauthenticatedError
from registry.web.render import page

router = APIRouter()


@dataclass(frozen=True, slots=True)
class SignInPage:
    """The form that takes a token; `error` is what was wrong with the last one."""

    next: str
    error: str


def sign_in_page(request: Request, *, next: str, error: str = "", status: int = 200) -> HTMLResponse:
    """The form that takes a token."""
    return page(request, "signin.html", SignInPage(next, error), section="signin", status=status)


def sign_in_form(request: Request, next: str = "/") -> Response:
    """The sign-in page."""
    return sign_in_page(request, next=own_address(next))


def sign_in(request: Request, token: Annotated[str, Form()] = "", next: Annotated[str, Form()] = "/") -> Response:
    """A session for the owner of the token, in a cookie that scripts cannot read."""
    door: Doorkeeper = request.app.state.door
    try:
        started = door.sign_in(token, client_address(request), before=request.cookies.get(COOKIE))
    except (UnauthenticatedError, TooManyAttemptsError) as error:
        answer = sign_in_page(request, next=own_address(next), error=str(error), status=error.family.status)
        if "retry_after" in error.facts:
            answer.headers["Retry-After"] = str(error.facts["retry_after"])
        return answer
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
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(COOKIE, path="/")
    return answer


def client_address(request: Request) -> str:
    """Where the request comes from; behind a trusted proxy, what the proxy says."""
    return request.client.host if request.client else ""


def own_address(text: str) -> str:
    """`text` if it is an address on this server, else the first page: sign-in never leads to another site."""
    parts = urlsplit(text) if text.isprintable() else None
    own = parts is not None and not parts.scheme and not parts.netloc and text.startswith("/")
    return text if own and not text.startswith(("//", "/\\")) and "\\" not in text else "/"
