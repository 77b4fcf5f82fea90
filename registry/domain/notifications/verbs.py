"""Verbs of notifications: what is sent to other programs and to people when something happens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from registry.domain.notifications.mail import Mail, MailAddress
from registry.domain.notifications.webhooks import Attempt, Delivery, DeliveryState, NewWebhook, Sent, Webhook
from registry.domain.paging import Page, PageRequest


class NotificationVerbs(Protocol):
    """Webhooks, for admins, and e-mail."""

    def add_webhook(self, url: str, events: Sequence[str]) -> NewWebhook:
        """Send these events to `url` from now on; the secret that signs the messages is given here alone.

        `events` are actions of the audit log, `scope.*` or `*`. Raises: InvalidError, RefusedError for an address that
        is not of the internet, ConflictError for one that has a webhook already.
        """
        ...

    def webhooks(self) -> Sequence[Webhook]: ...
    def webhook(self, webhook_id: str) -> Webhook:
        """Raises: NotFoundError."""
        ...

    def remove_webhook(self, webhook_id: str) -> Webhook:
        """Send it nothing more, and forget it with what became of its messages. Raises: NotFoundError."""
        ...

    def resume_webhook(self, webhook_id: str) -> Webhook:
        """Try again what was given up; one that was stopped is sent again what happens from now on.

        Raises: NotFoundError.
        """
        ...

    def test_webhook(self, webhook_id: str) -> Attempt:
        """Send a message of the type `webhook.test` now, once. Raises: NotFoundError."""
        ...

    def deliveries(
        self, webhook_id: str | None = None, *, state: DeliveryState | None = None, page: PageRequest = PageRequest()
    ) -> Page[Delivery]:
        """What became of the messages of the last 30 days, newest first. Raises: NotFoundError."""
        ...

    def address(self, handle: str) -> MailAddress:
        """Where a person is told by e-mail of what waits for them, for themselves and admins. Raises: NotFoundError."""
        ...

    def set_address(self, handle: str, address: str) -> MailAddress:
        """Tell a person there, oneself or as an admin anybody; an empty address ends it and deletes what was sent.

        Raises: NotFoundError, InvalidError.
        """
        ...

    def test_mail(self, handle: str) -> Attempt:
        """Send a person a message now, once. Raises: NotFoundError, ConflictError without a server or an address."""
        ...

    def mails(
        self, handle: str | None = None, *, state: DeliveryState | None = None, page: PageRequest = PageRequest()
    ) -> Page[Mail]:
        """What became of the e-mail to a person, or as an admin to all, of the last 30 days, newest first.

        Raises: NotFoundError.
        """
        ...

    def deliver(self) -> Sent:
        """Send what is due, for a minute at most: the server does it by itself. Raises: NotRemoteError over HTTP."""
        ...
