"""E-mail: where people are told of what waits for them, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from registry.api.bodies import AddressWish
from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import AsActor, Paging, answer, body_of, speaks
from registry.domain.notifications.mail import Mail, MailAddress
from registry.domain.notifications.webhooks import Attempt, DeliveryState
from registry.domain.paging import Page
from registry.domain.people.people import check_handle
from registry.domain.verbs.registry import Registry

router = APIRouter(tags=["e-mail"], route_class=Route)


def _address(registry: Registry, path: Mapping[str, str]) -> MailAddress:
    return registry.notifications.address(check_handle(path["handle"]))


Unchanged = Annotated[Registry, changes(_address, "/people/{handle}/email")]


@router.get("/people/{handle}/email", **speaks(MailAddress))
def address(registry: AsActor, handle: str) -> Response:
    """Where a person is told of what waits for them; for themselves and admins."""
    return answer(registry.notifications.address(check_handle(handle)))


@router.put("/people/{handle}/email", **speaks(MailAddress, takes=AddressWish))
def set_address(
    registry: Unchanged, handle: str, body: Annotated[AddressWish, Depends(body_of(AddressWish))]
) -> Response:
    """Tell a person there; an empty address ends it and deletes what was sent."""
    return answer(registry.notifications.set_address(check_handle(handle), body.address))


@router.post("/people/{handle}/email/test", **speaks(Attempt))
def test(registry: AsActor, handle: str) -> Response:
    """Send a person a message now, once; the answer says what came of it."""
    return answer(registry.notifications.test_mail(check_handle(handle)))


@router.get("/mails", **speaks(Page[Mail]))
def mails(registry: AsActor, page: Paging, person: str | None = None, state: DeliveryState | None = None) -> Response:
    """What became of the e-mail of the last 30 days, newest first, to one `person` or to all."""
    return answer(registry.notifications.mails(check_handle(person) if person else None, state=state, page=page))
