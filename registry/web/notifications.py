"""Webhooks, for admins: what is sent where, what became of it, and the forms to add, try and remove one; e-mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import Request

from registry.domain.ids import is_id
from registry.domain.notifications.mail import Mail
from registry.domain.notifications.webhooks import Attempt, Delivery, DeliveryState, NewWebhook, Webhook
from registry.domain.paging import PageRequest
from registry.domain.people.people import Permission
from registry.domain.verbs.registry import Registry
from registry.errors import ConflictError, InvalidError, NotFoundError, RefusedError, RegistryError
from registry.web.parts import AsActor, see
from registry.web.render import link, page

router = APIRouter()


@dataclass(frozen=True, slots=True)
class WebhooksPage:
    """All webhooks, and one page of their messages."""

    webhooks: Sequence[Webhook]
    deliveries: Sequence[Delivery]
    next_page: str
    state: str
    states: Sequence[str]
    mails: Sequence[Mail]
    """The newest messages by e-mail that are not delivered."""
    made: NewWebhook | None = None
    """The one that was just added: its secret is shown now and never again."""
    attempt: Attempt | None = None
    """What came of the message that was just sent to try one."""
    url: str = ""
    events: str = ""
    """What was written into the form that was refused."""
    error: RegistryError | None = None


@router.get("/webhooks")
def webhooks(request: Request, registry: AsActor, state: str = "", cursor: str | None = None) -> HTMLResponse:
    """All webhooks, and what became of messages."""
    return _shown(request, registry, state=state, cursor=cursor)


@router.post("/webhooks")
def add(
    request: Request, registry: AsActor, url: Annotated[str, Form()] = "", events: Annotated[str, Form()] = ""
) -> HTMLResponse:
    """Add a webhook, and show its secret; a refusal is shown above the form, which keeps what was written."""
    try:
        made = registry.notifications.add_webhook(url.strip(), events.replace(",", " ").split() or ["*"])
    except (RefusedError, InvalidError, ConflictError) as error:
        registry.actor.require(Permission.ADMIN)
        return _shown(request, registry, url=url, events=events, error=error)
    shown = _shown(request, registry, made=made)
    shown.headers["Cache-Control"] = "no-store"
    return shown


@router.post("/webhooks/{webhook_id}/{deed}", response_model=None)
def act(request: Request, registry: AsActor, webhook_id: str, deed: str) -> HTMLResponse | RedirectResponse:
    """Try a webhook, resume it or remove it."""
    verbs = registry.notifications
    deeds = {"test": verbs.test_webhook, "resume": verbs.resume_webhook, "remove": verbs.remove_webhook}
    if not is_id(webhook_id) or deed not in deeds:
        raise NotFoundError(f"There is no webhook {webhook_id[:80]!r}")
    done = deeds[deed](webhook_id)
    return _shown(request, registry, attempt=done) if isinstance(done, Attempt) else see("/webhooks")


def _undelivered(registry: Registry) -> Sequence[Mail]:
    states, some = (DeliveryState.WAITING, DeliveryState.DEAD), PageRequest(20)
    return [one for state in states for one in registry.notifications.mails(state=state, page=some).items]


def _shown(
    request: Request,
    registry: Registry,
    *,
    state: str = "",
    cursor: str | None = None,
    made: NewWebhook | None = None,
    attempt: Attempt | None = None,
    url: str = "",
    events: str = "",
    error: RegistryError | None = None,
) -> HTMLResponse:
    wanted = next((one for one in DeliveryState if one.value == state), None)
    found = registry.notifications.deliveries(state=wanted, page=PageRequest(50, cursor))
    following = link("/webhooks", state=state, cursor=found.next_cursor) if found.next_cursor else ""
    context = WebhooksPage(
        registry.notifications.webhooks(),
        found.items,
        following,
        wanted.value if wanted else "",
        [one.value for one in DeliveryState],
        _undelivered(registry),
        made,
        attempt,
        url,
        events,
        error,
    )
    status = error.family.status if error else 200
    return page(request, "webhooks.html", context, section="webhooks", api="/api/v1/webhooks", status=status)
