"""Webhooks, addresses of e-mail, and the messages to both, as storage keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lineage import Digest
from registry.domain.notifications.mail import Mail, NewMail
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


@dataclass(frozen=True, slots=True)
class Look:
    """What the inbox of a person has that they are told of."""

    person: str
    mails: Sequence[NewMail]


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A message to a person that is this process's to send now."""

    key: int
    person: str
    address: str
    topic: str
    subject: str
    text: str
    attempts: int


class MailRepository(Protocol):
    """Addresses of e-mail, and one message for each thing that a person is told of."""

    def address(self, handle: str) -> str:
        """Empty for somebody without one. Raises: NotFoundError."""
        ...

    def set_address(self, handle: str, address: str) -> None:
        """Keep it; an empty one deletes it with the messages of the person. Raises: NotFoundError."""
        ...

    def newest(self) -> int:
        """The number of the newest entry of the log."""
        ...

    def to_look_at(self, newest: int, now: datetime) -> Sequence[str]:
        """Who has an address and an inbox that may have something new; whose was looked at longest ago comes first."""
        ...

    def add(self, looks: Sequence[Look], newest: int, at: datetime) -> int:
        """Keep the messages that are new by their topic, and that these were looked at; gives how many are new."""
        ...

    def forget_settled(self, before: datetime) -> None:
        """Delete the messages that were settled before then."""
        ...

    def mails(self, *, person_: str | None, state: DeliveryState | None, page: PageRequest) -> Page[Mail]:
        """Newest first. Raises: NotFoundError."""
        ...

    def dead(self) -> int:
        """How many messages were given up."""
        ...

    def is_due(self, now: datetime) -> bool:
        """True when `claim` would give something."""
        ...

    def claim(self, now: datetime, *, until: datetime, limit: int) -> Sequence[ClaimedMail]:
        """Up to `limit` messages that are due, oldest first. Nobody else is given them before `until`."""
        ...

    def record(self, results: Sequence[Result]) -> None:
        """Keep what came of messages; one that another process has recorded meanwhile stays as that has it."""
        ...


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
