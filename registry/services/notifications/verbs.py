"""The verbs of notifications: webhooks are added, tried, looked at, resumed and removed by admins."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from registry.domain.audit import Event
from registry.domain.ids import is_id, new_id
from registry.domain.notifications.webhooks import (
    OPENLINEAGE,
    TEST,
    Attempt,
    Delivery,
    DeliveryState,
    NewWebhook,
    Sent,
    Webhook,
    check_events,
    check_url,
    fingerprint,
    host_of,
    message_of,
    secret_of,
    written,
)
from registry.domain.paging import Page, PageRequest
from registry.domain.people.people import Permission
from registry.errors import ConflictError, UnavailableError
from registry.outgoing.addresses import places_of
from registry.outgoing.posting import SECONDS
from registry.services.context import Context
from registry.services.keys import registry_key
from registry.services.lookup import found
from registry.services.notifications.delivering import deliver, send
from registry.services.notifications.openlineage import trial_event
from registry.services.unit_of_work import UnitOfWork

MOST = 100
"""Webhooks of one registry."""


@dataclass(frozen=True, slots=True)
class Notifications:
    """Implements `NotificationVerbs`."""

    context: Context

    def add_webhook(self, url: str, events: Sequence[str]) -> NewWebhook:
        """Send these events to `url` from now on; see `NotificationVerbs.add_webhook`."""
        self.context.actor.require(Permission.ADMIN)
        now, patterns, allowed = self.context.clock.now(), check_events(events), self.context.settings.webhook_hosts
        check_url(url, allowed)
        with suppress(UnavailableError):  # it may be known later; each message is checked anew
            places_of(host_of(url), 443, allowed=allowed, seconds=SECONDS)
        one = Webhook(new_id("whk", now), url, patterns, now, self.context.actor.handle)
        secret = secret_of(registry_key(self.context.home, self.context.settings), one.id)
        with self.context.write(Permission.ADMIN) as uow:
            known = uow.notifications.webhooks()
            if len(known) >= MOST or any(other.url == url for other in known):
                raise ConflictError(
                    f"There are {MOST} webhooks already"
                    if len(known) >= MOST
                    else "There is a webhook of this address",
                    remedy="See which: forebear webhook list",
                )
            unseen = tuple(
                pattern for pattern in patterns if pattern != OPENLINEAGE and not uow.notifications.occurs(pattern)
            )
            uow.notifications.add_webhook(one, fingerprint(secret))
            uow.commit(Event("webhook.added", one.id, {"host": host_of(url), "events": list(patterns)}))
        return NewWebhook(one, written(secret), unseen)

    def webhooks(self) -> Sequence[Webhook]:
        """All of them, oldest first."""
        self.context.actor.require(Permission.ADMIN)
        with self.context.read() as uow:
            return uow.notifications.webhooks()

    def webhook(self, webhook_id: str) -> Webhook:
        """One of them. Raises: NotFoundError."""
        self.context.actor.require(Permission.ADMIN)
        with self.context.read() as uow:
            return _known(uow, webhook_id)

    def remove_webhook(self, webhook_id: str) -> Webhook:
        """Send it nothing more, and forget it. Raises: NotFoundError."""
        with self.context.write(Permission.ADMIN) as uow:
            one = _known(uow, webhook_id)
            uow.notifications.remove_webhook(webhook_id)
            uow.commit(Event("webhook.removed", one.id, {"host": host_of(one.url)}))
        return one

    def resume_webhook(self, webhook_id: str) -> Webhook:
        """Try again what was given up, and what comes; see `NotificationVerbs.resume_webhook`."""
        now = self.context.clock.now()
        with self.context.write(Permission.ADMIN) as uow:
            one = _known(uow, webhook_id)
            if one.stopped_at is None and not one.dead:
                return one
            again = uow.notifications.resume_webhook(webhook_id, now)
            resumed = _known(uow, webhook_id)
            uow.commit(Event("webhook.resumed", one.id, {"host": host_of(one.url), "messages": again}))
        return resumed

    def test_webhook(self, webhook_id: str) -> Attempt:
        """Send a message of the type `webhook.test` now; see `NotificationVerbs.test_webhook`."""
        self.context.actor.require(Permission.ADMIN)
        with self.context.read() as uow:
            one = _known(uow, webhook_id)
            known = uow.notifications.fingerprint(webhook_id)
        now = self.context.clock.now()
        body = trial_event(now) if OPENLINEAGE in one.events else message_of(TEST, now, {"webhook": one.id})
        outcome = send(self.context, one.id, one.url, known, f"{one.id}_{int(now.timestamp() * 1000)}t", body)
        return Attempt(outcome.accepted, outcome.status, outcome.problem, outcome.seconds)

    def deliveries(
        self, webhook_id: str | None = None, *, state: DeliveryState | None = None, page: PageRequest = PageRequest()
    ) -> Page[Delivery]:
        """What became of messages, newest first. Raises: NotFoundError."""
        self.context.actor.require(Permission.ADMIN)
        with self.context.read() as uow:
            if webhook_id is not None:
                _known(uow, webhook_id)
            return uow.notifications.deliveries(webhook=webhook_id, state=state, page=page)

    def deliver(self) -> Sent:
        """Send what is due; see `NotificationVerbs.deliver`."""
        self.context.actor.require(Permission.EDIT)
        return deliver(self.context)


def _known(uow: UnitOfWork, webhook_id: str) -> Webhook:
    one = uow.notifications.webhook(webhook_id) if is_id(webhook_id) else None
    return found(one, f"webhook {webhook_id[:80]}", see="webhook list")
