"""Webhooks and their messages as storage keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lineage import Digest
from registry.domain.notifications.webhooks import Delivery, DeliveryState, Webhook
from registry.domain.paging import Page, PageRequest


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is this process's to send now, with the entry of the log that it is about."""

    key: int
    webhook: str
    url: str
    fingerprint: Digest
    attempts: int
    seq: int
    body: bytes
    events: tuple[str, ...]
    """What its webhook is sent: see `Webhook.events`."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a message. `next_at` is None where it is not tried again, `tried_at` where it was not tried."""

    key: int
    attempts: int
    state: DeliveryState
    problem: str
    tried_at: datetime | None
    next_at: datetime | None


class NotificationRepository(Protocol):
    """Webhooks, and one message for each entry of the audit log that a webhook is sent."""

    def add_webhook(self, webhook: Webhook, fingerprint: Digest) -> None:
        """Keep a webhook; it is sent what is written to the log from this transaction on."""
        ...

    def webhooks(self) -> Sequence[Webhook]: ...
    def webhook(self, webhook_id: str) -> Webhook | None: ...
    def fingerprint(self, webhook_id: str) -> Digest:
        """Raises: NotFoundError."""
        ...

    def remove_webhook(self, webhook_id: str) -> None: ...
    def stop_webhook(self, webhook_id: str, problem: str, at: datetime) -> bool:
        """Send it nothing more; what waits is dead. False when it was stopped or removed already."""
        ...

    def resume_webhook(self, webhook_id: str, at: datetime) -> int:
        """Send it again what comes from now on, and what is dead; gives how many of those there are."""
        ...

    def occurs(self, pattern: str) -> bool:
        """True when an entry of the log has an action that `pattern` names."""
        ...

    def deliveries(self, *, webhook: str | None, state: DeliveryState | None, page: PageRequest) -> Page[Delivery]:
        """Newest first."""
        ...

    def is_behind(self) -> bool:
        """True when the log has entries that `queue` has not looked at."""
        ...

    def queue(self, at: datetime, *, limit: int, forget: datetime) -> bool:
        """Write the messages about the next `limit` entries; delete those that were settled before `forget`.

        True when there are more entries.
        """
        ...

    def is_due(self, now: datetime) -> bool:
        """True when `claim` would give something."""
        ...

    def claim(self, now: datetime, *, until: datetime, limit: int) -> Sequence[Claimed]:
        """Up to `limit` messages that are due, oldest first. Nobody else is given them before `until`."""
        ...

    def record(self, results: Sequence[Result]) -> None:
        """Keep what came of messages; one that another process has recorded meanwhile stays as that has it."""
        ...
