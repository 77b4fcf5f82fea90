"""The page on which people set their own password."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response
from starlette.requests import Request

from registry.auth import Doorkeeper
from registry.domain.people.passwords import LEAST, MOST
from registry.domain.verbs.registry import Registry
from registry.errors import ConflictError, InvalidError, NotFoundError, TooManyAttemptsError, UnauthenticatedError
from registry.web.parts import AsActor, see
from registry.web.people.signing_in import client_address
from registry.web.render import page

router = APIRouter()


@dataclass(frozen=True, slots=True)
class PasswordPage:
    """Since when there is a password, and the form that sets one; `error` is what was wrong with the last try."""

    since: datetime | None
    error: str
    least: int = LEAST
    most: int = MOST


def _page(request: Request, registry: Registry, error: str = "", status: int = 200) -> HTMLResponse:
    try:
        since = registry.passwords.of(registry.actor.handle).set_at
    except NotFoundError:
        since = None
    return page(request, "password.html", PasswordPage(since, error), section="people", status=status)


@router.get("/password")
def password(request: Request, registry: AsActor) -> HTMLResponse:
    """One's own password."""
    return _page(request, registry)


@router.post("/password")
def set_password(
    request: Request,
    registry: AsActor,
    proof: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    again: Annotated[str, Form()] = "",
    revoke_tokens: Annotated[bool, Form()] = False,
) -> Response:
    """Set it; then one signs in with it."""
    door: Doorkeeper = request.app.state.door
    if password != again:
        return _page(request, registry, "The two new passwords are not the same. Type them again", 422)
    who = registry.actor.handle
    try:
        with door.guessing(who, client_address(request)):
            registry.passwords.set(who, password, proof=proof, revoke_tokens=revoke_tokens)
    except (UnauthenticatedError, InvalidError, ConflictError, TooManyAttemptsError) as error:
        return _page(request, registry, str(error), error.family.status)
    return see("/sign-in")


@router.post("/password/remove")
def remove_password(registry: AsActor, revoke_tokens: Annotated[bool, Form()] = False) -> Response:
    """Take it away; sessions end."""
    registry.passwords.remove(registry.actor.handle, revoke_tokens=revoke_tokens)
    return see("/sign-in")
