"""The verbs of notifications over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.client.transport.addresses import paging, part
from registry.client.transport.connection import Connection
from registry.domain.notifications.mail import Mail, MailAddress
from registry.domain.notifications.webhooks import Attempt, Delivery, DeliveryState, NewWebhook, Sent, Webhook
from registry.domain.paging import Page, PageRequest
from registry.domain.people.people import check_handle
from registry.errors import NotRemoteError


@dataclass(frozen=True, slots=True)
class RemoteNotifications:
    """Implements `NotificationVerbs`."""

    server: Connection

    def add_webhook(self, url: str, events: Sequence[str]) -> NewWebhook:
        return self.server.send(NewWebhook, "POST", "/webhooks", {"url": url, "events": list(events)})

    def webhooks(self) -> Sequence[Webhook]:
        return self.server.get(tuple[Webhook, ...], "/webhooks")

    def webhook(self, webhook_id: str) -> Webhook:
        return self.server.get(Webhook, f"/webhooks/{part(webhook_id)}")

    def remove_webhook(self, webhook_id: str) -> Webhook:
        return self.server.send(Webhook, "DELETE", f"/webhooks/{part(webhook_id)}")

    def resume_webhook(self, webhook_id: str) -> Webhook:
        return self.server.send(Webhook, "POST", f"/webhooks/{part(webhook_id)}/resume")

    def test_webhook(self, webhook_id: str) -> Attempt:
        return self.server.send(Attempt, "POST", f"/webhooks/{part(webhook_id)}/test")

    def deliveries(
        self, webhook_id: str | None = None, *, state: DeliveryState | None = None, page: PageRequest = PageRequest()
    ) -> Page[Delivery]:
        query = {"webhook": webhook_id, "state": state.value if state is not None else None, **paging(page)}
        return self.server.get(Page[Delivery], "/webhook-deliveries", query)

    def address(self, handle: str) -> MailAddress:
        return self.server.get(MailAddress, _email(handle))

    def set_address(self, handle: str, address: str) -> MailAddress:
        return self.server.send(MailAddress, "PUT", _email(handle), {"address": address})

    def test_mail(self, handle: str) -> Attempt:
        return self.server.send(Attempt, "POST", f"{_email(handle)}/test")

    def mails(
        self, handle: str | None = None, *, state: DeliveryState | None = None, page: PageRequest = PageRequest()
    ) -> Page[Mail]:
        query = {"person": handle, "state": state.value if state is not None else None, **paging(page)}
        return self.server.get(Page[Mail], "/mails", query)

    def deliver(self) -> Sent:
        raise NotRemoteError("The server sends notifications by itself", remedy="See: forebear webhook deliveries")


def _email(handle: str) -> str:
    return f"/people/{check_handle(handle)}/email"
