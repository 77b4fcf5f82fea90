"""What the pages share: the registry of whoever is signed in, and the guard on every form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import Request

from registry.domain.verbs.registry import Registry
from registry.errors import ConflictError, InvalidError, RefusedError, RegistryError, UsageError


async def _registry(request: Request) -> Registry:
    registry: Registry = request.state.registry
    return registry


AsActor = Annotated[Registry, Depends(_registry)]


async def check_form(request: Request) -> None:
    """Every form of a signed-in browser brings its session's token. Raises: PermissionDeniedError."""
    session = getattr(request.state, "session", None)
    if request.method in {"GET", "HEAD"} or session is None:
        return
    given = (await request.form()).get("csrf")
    request.app.state.door.check_csrf(session, given if isinstance(given, str) else None)


def see(address: str) -> RedirectResponse:
    """After a form: go and look (303, so that a reload does not send the form again)."""
    return RedirectResponse(address, status_code=303)


def done(
    act: Callable[[], object], shown: Callable[[RegistryError], HTMLResponse], address: str
) -> HTMLResponse | RedirectResponse:
    """After a form: act, then go to `address` and look; of a refusal, the page that `shown` makes of it."""
    try:
        act()
    except (RefusedError, InvalidError, ConflictError, UsageError) as error:
        return shown(error)
    return see(address)
