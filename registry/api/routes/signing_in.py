"""Passwords, accounts of the identity provider, and machines without a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from starlette.requests import Request

from registry.api.bodies import DevicePoll, PasswordSignIn, PasswordWish
from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import AsActor, address_of, answer, body_of, secrets_of, speaks
from registry.auth import Doorkeeper
from registry.domain.people.devices import BegunDevice, DeviceAnswer, DeviceRequest, DeviceWish, check_user_code
from registry.domain.people.identities import BoundIdentity
from registry.domain.people.passwords import PasswordSummary
from registry.domain.people.people import NewToken, check_handle
from registry.domain.people.signing_in import AskedToken
from registry.domain.verbs.registry import Registry

router = APIRouter(tags=["people"], route_class=Route)
anonymous = APIRouter(tags=["people"])
"""Routes for who is not signed in yet."""


def _password(registry: Registry, path: Mapping[str, str]) -> PasswordSummary:
    return registry.passwords.of(check_handle(path["handle"]))


def _identities(registry: Registry, path: Mapping[str, str]) -> Sequence[BoundIdentity]:
    return registry.identities.of(check_handle(path["handle"]))


Unchanged = Annotated[Registry, changes(_password, "/people/{handle}/password")]
IdentitiesUnchanged = Annotated[Registry, changes(_identities, "/people/{handle}/identities")]


@router.get("/people/{handle}/password", **speaks(PasswordSummary))
def password(registry: AsActor, handle: str) -> Response:
    """Since when you have a password, or as an admin anybody."""
    return answer(registry.passwords.of(check_handle(handle)))


@router.put("/people/{handle}/password", **speaks(PasswordSummary, takes=PasswordWish))
def set_password(
    request: Request, registry: Unchanged, handle: str, body: Annotated[PasswordWish, Depends(secrets_of(PasswordWish))]
) -> Response:
    """Set your password, with a fresh sign-in; nobody does that for somebody else."""
    door: Doorkeeper = request.app.state.door
    with door.guessing(registry.actor.handle, address_of(request)):
        return answer(
            registry.passwords.set(
                check_handle(handle), body.password, proof=body.proof, revoke_tokens=body.revoke_tokens
            )
        )


@router.delete("/people/{handle}/password", **speaks(PasswordSummary))
def remove_password(registry: Unchanged, handle: str, revoke_tokens: bool = False) -> Response:
    """Take a password away: yours, or as an admin anybody's. Their sessions in browsers end."""
    return answer(registry.passwords.remove(check_handle(handle), revoke_tokens=revoke_tokens))


@router.get("/people/{handle}/identities", **speaks(Sequence[BoundIdentity]))
def identities(registry: AsActor, handle: str) -> Response:
    """The accounts of the identity provider that you sign in with, or as an admin somebody else."""
    return answer(registry.identities.of(check_handle(handle)))


@router.delete("/people/{handle}/identities", **speaks(Sequence[BoundIdentity]))
def unbind(registry: IdentitiesUnchanged, handle: str) -> Response:
    """End what you sign in by the identity provider with, or as an admin somebody else; gives what ended."""
    return answer(registry.identities.unbind(check_handle(handle)))


def _device(registry: Registry, path: Mapping[str, str]) -> DeviceRequest:
    return registry.devices.show(check_user_code(path["code"]))


def _codes(request: Request, registry: Registry) -> AbstractContextManager[None]:
    """Around one try of a short code: wrong ones are counted."""
    door: Doorkeeper = request.app.state.door
    return door.codes.counted(registry.actor.handle)


DeviceUnchanged = Annotated[Registry, changes(_device, "/device/{code}", _codes)]


@router.get("/device/{code}", **speaks(DeviceRequest))
def device(request: Request, registry: AsActor, code: str) -> Response:
    """Which machine asks with this code, and for what."""
    with _codes(request, registry):
        return answer(registry.devices.show(check_user_code(code)))


@router.post("/device/{code}/allow", **speaks(DeviceRequest))
def allow(request: Request, registry: DeviceUnchanged, code: str) -> Response:
    """Allow the machine that shows this code to act as you, as far as the scope that it asks for."""
    with _codes(request, registry):
        return answer(registry.devices.allow(check_user_code(code)))


@router.post("/device/{code}/refuse", **speaks(DeviceRequest))
def refuse(request: Request, registry: DeviceUnchanged, code: str) -> Response:
    """Refuse the machine that shows this code."""
    with _codes(request, registry):
        return answer(registry.devices.refuse(check_user_code(code)))


@anonymous.post("/device", **speaks(BegunDevice, takes=DeviceWish, status=201))
def begin_device(request: Request, body: Annotated[DeviceWish, Depends(body_of(DeviceWish))]) -> Response:
    """Ask for a token on a machine without a browser, without being signed in: a person allows it (RFC 8628)."""
    door: Doorkeeper = request.app.state.door
    system: Registry = request.app.state.system
    address = address_of(request)
    door.begun.count(address)
    made = answer(system.devices.begin(body, address), 201)
    made.headers["Cache-Control"] = "no-store"
    return made


@anonymous.post("/device/token", **speaks(DeviceAnswer, takes=DevicePoll))
def poll_device(request: Request, body: Annotated[DevicePoll, Depends(secrets_of(DevicePoll))]) -> Response:
    """What became of it; the token, once."""
    system: Registry = request.app.state.system
    made = answer(system.devices.poll(body.device_code))
    made.headers["Cache-Control"] = "no-store"
    return made


@anonymous.post("/sign-in/token", **speaks(NewToken, takes=PasswordSignIn, status=201))
def token(request: Request, body: Annotated[PasswordSignIn, Depends(secrets_of(PasswordSignIn))]) -> Response:
    """Make a token with a handle and a password, without being signed in. Its secret is in this answer alone."""
    door: Doorkeeper = request.app.state.door
    address, wish = address_of(request), AskedToken(body.label, body.scope, body.days)
    system: Registry = request.app.state.system
    with door.guessing(body.handle, address):
        made = answer(system.passwords.token(body.handle, body.password, wish, address), 201)
    made.headers["Cache-Control"] = "no-store"
    return made
