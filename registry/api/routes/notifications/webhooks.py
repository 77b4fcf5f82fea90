"""Webhooks: what other programs are sent when something happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from registry.api.bodies import WebhookWish
from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import AsActor, Paging, answer, body_of, public_id, speaks
from registry.domain.notifications.webhooks import Attempt, Delivery, DeliveryState, NewWebhook, Webhook
from registry.domain.paging import Page
from registry.domain.verbs.registry import Registry

router = APIRouter(tags=["webhooks"], route_class=Route)


def _webhooks(registry: Registry, _: Mapping[str, str]) -> Sequence[Webhook]:
    return registry.notifications.webhooks()


def _webhook(registry: Registry, path: Mapping[str, str]) -> Webhook:
    return registry.notifications.webhook(public_id(path["webhook_id"]))


Unchanged = Annotated[Registry, changes(_webhooks, "/webhooks")]
OneUnchanged = Annotated[Registry, changes(_webhook, "/webhooks/{webhook_id}")]


@router.get("/webhooks", **speaks(Sequence[Webhook]))
def webhooks(registry: AsActor) -> Response:
    """All webhooks, oldest first; never a secret."""
    return answer(registry.notifications.webhooks())


@router.post("/webhooks", **speaks(NewWebhook, takes=WebhookWish, status=201))
def add(registry: Unchanged, body: Annotated[WebhookWish, Depends(body_of(WebhookWish))]) -> Response:
    """Send events to an address from now on. The secret that signs them is in this answer and nowhere else."""
    made = answer(registry.notifications.add_webhook(body.url, body.events), 201)
    made.headers["Cache-Control"] = "no-store"
    return made


@router.get("/webhooks/{webhook_id}", **speaks(Webhook))
def webhook(registry: AsActor, webhook_id: str) -> Response:
    """One webhook; never its secret."""
    return answer(registry.notifications.webhook(public_id(webhook_id)))


@router.delete("/webhooks/{webhook_id}", **speaks(Webhook))
def remove(registry: OneUnchanged, webhook_id: str) -> Response:
    """Send it nothing more, and forget it."""
    return answer(registry.notifications.remove_webhook(public_id(webhook_id)))


@router.post("/webhooks/{webhook_id}/resume", **speaks(Webhook))
def resume(registry: OneUnchanged, webhook_id: str) -> Response:
    """Try again what was given up; one that was stopped is sent again what happens from now on."""
    return answer(registry.notifications.resume_webhook(public_id(webhook_id)))


@router.post("/webhooks/{webhook_id}/test", **speaks(Attempt))
def test(registry: AsActor, webhook_id: str) -> Response:
    """Send a message of the type webhook.test now, once; the answer says what came of it."""
    return answer(registry.notifications.test_webhook(public_id(webhook_id)))


@router.get("/webhook-deliveries", **speaks(Page[Delivery]))
def deliveries(
    registry: AsActor, page: Paging, webhook: str | None = None, state: DeliveryState | None = None
) -> Response:
    """What became of the messages of the last 30 days, newest first."""
    of = public_id(webhook) if webhook else None
    return answer(registry.notifications.deliveries(of, state=state, page=page))
