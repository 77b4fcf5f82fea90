"""The page on which a signed-in person allows a machine without a browser to act as them, or refuses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from registry.auth import Doorkeeper
from registry.domain.people.devices import DeviceRequest, check_user_code
from registry.domain.verbs.registry import Registry
from registry.errors import RegistryError
from registry.web.parts import AsActor
from registry.web.render import page

router = APIRouter()


@dataclass(frozen=True, slots=True)
class DevicePage:
    """The form for a code; with a code, who asks for what; afterwards what was done."""

    code: str
    request: DeviceRequest | None
    done: str
    error: str


@router.get("/device")
def device(request: Request, registry: AsActor, code: str = "") -> HTMLResponse:
    """Who asks for what with this code."""
    if not code:
        return _page(request, DevicePage("", None, "", ""))
    return _answered(request, registry, code, "")


@router.post("/device")
def decide(
    request: Request, registry: AsActor, code: Annotated[str, Form()] = "", deed: Annotated[str, Form()] = ""
) -> HTMLResponse:
    """Allow it, or refuse it."""
    return _answered(request, registry, code, deed)


def _answered(request: Request, registry: Registry, code: str, deed: str) -> HTMLResponse:
    door: Doorkeeper = request.app.state.door
    try:
        with door.codes.counted(registry.actor.handle):
            typed = check_user_code(code)
            if deed == "allow":
                asked = registry.devices.allow(typed)
                return _page(request, DevicePage("", asked, "allowed", ""))
            if deed == "refuse":
                asked = registry.devices.refuse(typed)
                return _page(request, DevicePage("", asked, "refused", ""))
            return _page(request, DevicePage(typed, registry.devices.show(typed), "", ""))
    except RegistryError as error:
        return _page(request, DevicePage("", None, "", str(error)), error.family.status)


def _page(request: Request, context: DevicePage, status: int = 200) -> HTMLResponse:
    return page(request, "device.html", context, section="people", status=status)
