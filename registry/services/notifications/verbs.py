"""The verbs of notifications: admins add, try, resume and remove webhooks; people say where they get e-mail."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from registry.domain.audit import Event
from registry.domain.ids import is_id, new_id
from registry.domain.notifications.mail import Mail, MailAddress, check_address
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
from registry.domain.people.people import Permission, Scope
from registry.errors import ConflictError, PermissionDeniedError, UnavailableError
from registry.outgoing.addresses import places_of
from registry.outgoing.mailing import Letter, send_letters
from registry.outgoing.posting import SECONDS
from registry.services.context import Context
from registry.services.keys import registry_key
from registry.services.lookup import found
from registry.services.notifications.delivering import send
from registry.services.notifications.mailing import server_of
from registry.services.notifications.openlineage import trial_event
from registry.services.notifications.rounds import deliver
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

    def address(self, handle: str) -> MailAddress:
        """Where a person is told of what waits for them, for themselves and admins. Raises: NotFoundError."""
        self._require_own(handle)
        with self.context.read() as uow:
            return self._address(uow, handle)

    def set_address(self, handle: str, address: str) -> MailAddress:
        """Keep the address of oneself, or as an admin of anybody; see `NotificationVerbs.set_address`."""
        self._require_own(handle)
        actor = self.context.actor
        if actor.scope is not Scope.ADMIN:
            raise PermissionDeniedError(
                f"A token with the scope {actor.scope} changes no address",
                remedy="Sign in with one that has no limit (scope admin)",
                facts={"permission": "admin", "scope": actor.scope.value},
            )
        if address:
            check_address(address)
        with self.context.write(Permission.READ) as uow:
            if uow.mail.address(handle) == address:
                return self._address(uow, handle)
            uow.mail.set_address(handle, address)
            changed = self._address(uow, handle)
            uow.commit(Event("person.email_set" if address else "person.email_removed", f"person:{handle}"))
        return changed

    def test_mail(self, handle: str) -> Attempt:
        """Send a person a message now, to try it. Raises: NotFoundError, ConflictError."""
        self._require_own(handle)
        server = server_of(self.context.settings)
        with self.context.read() as uow:
            address = uow.mail.address(handle)
        if server is None:
            raise ConflictError("This registry sends no e-mail", remedy="Name a mail server: FOREBEAR_SMTP_URL")
        if not address:
            raise ConflictError(f"{handle} has no address", remedy=f"Set it: forebear mail address {handle} ADDRESS")
        subject, text = "A test from Forebear", "This is a test. You are told here of what waits for you.\n"
        letter = Letter(f"test.{secrets.token_hex(12)}", address, subject, text, self.context.clock.now())
        (outcome,) = send_letters(server, [letter])
        return Attempt(outcome.accepted, outcome.status, outcome.problem, outcome.seconds)

    def mails(
        self, handle: str | None = None, *, state: DeliveryState | None = None, page: PageRequest = PageRequest()
    ) -> Page[Mail]:
        """What became of messages to a person, or as an admin to anybody (None: to all), newest first."""
        self._require_own(handle)
        with self.context.read() as uow:
            return uow.mail.mails(person_=handle, state=state, page=page)

    def _require_own(self, handle: str | None) -> None:
        own = handle == self.context.actor.handle
        self.context.actor.require(Permission.READ if own else Permission.ADMIN)

    def _address(self, uow: UnitOfWork, handle: str) -> MailAddress:
        return MailAddress(handle, uow.mail.address(handle), self.context.settings.smtp_url is not None)

    def deliver(self) -> Sent:
        """Send what is due; see `NotificationVerbs.deliver`."""
        self.context.actor.require(Permission.EDIT)
        return deliver(self.context)


def _known(uow: UnitOfWork, webhook_id: str) -> Webhook:
    one = uow.notifications.webhook(webhook_id) if is_id(webhook_id) else None
    return found(one, f"webhook {webhook_id[:80]}", see="webhook list")
