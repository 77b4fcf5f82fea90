"""Webhooks: which entries of the audit log are sent where, signed how (Standard Webhooks 1.0.0), and tried how often.

The entry is the event: its action is the type, and it is written in the transaction of the change that it records.
A message names the entry, its subject and who acted, and nothing else: the receiver reads more with a token of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from lineage import Digest
from registry.domain.credentials import refuse_credentials
from registry.errors import InvalidError

TEST = "webhook.test"
"""The type of a message that is sent to try a webhook; no entry has it."""
MAX_URL, MAX_PATTERNS = 2000, 50
DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
"""The waits after each failure, as the specification proposes; after the last one a message is given up."""
LONGEST = DELAYS[-1] * 1.1
"""With what is added by chance. A time further off was written by a clock that was wrong."""
OPENLINEAGE = "openlineage"
"""In place of patterns: the receiver is sent OpenLineage events of steps."""
STEPS = {
    "transfer.started": ("START",),
    "transfer.succeeded": ("COMPLETE",),
    "transfer.failed": ("FAIL",),
    "transfer.cancelled": ("ABORT",),
    "model_version.imported": ("START", "COMPLETE"),
    "dataset_version.added": ("START", "COMPLETE"),
}
"""The OpenLineage events that an entry with such an action stands for."""
_PATTERN = re.compile(r"\*|[a-z_]{1,64}\.(?:\*|[a-z_]{1,64})")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]+")


class DeliveryState(StrEnum):
    """What became of a message."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"
    """Given up: after the last attempt, or because the webhook was stopped."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is sent the entries of the audit log that `events` name: `scope.action`, `scope.*` or `*`.

    With `openlineage` alone it is sent the OpenLineage events of steps.
    """

    id: str
    url: str
    events: tuple[str, ...]
    created_at: datetime
    created_by: str
    waiting: int = 0
    """Messages that will be tried, or tried again."""
    dead: int = 0
    """Messages that were given up."""
    stopped_at: datetime | None = None
    """When its receiver answered that it wants no more (410); nothing is sent since."""


@dataclass(frozen=True, slots=True)
class NewWebhook:
    """A webhook as it is shown once, when it is made, with the secret that signs its messages."""

    webhook: Webhook
    secret: str
    unseen: tuple[str, ...] = ()
    """Those of `events` that no entry of the log so far has: new, or misspelt."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message: the entry that it is about, and what became of it so far."""

    webhook: str
    entry: int
    event: str
    state: DeliveryState
    attempts: int
    problem: str
    """Why the last attempt failed; empty before the first and after one that did not."""
    tried_at: datetime | None
    next_at: datetime | None
    """When it is tried next; None once it is not."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of a message that was sent to try a webhook."""

    accepted: bool
    status: int | None
    """The status of the answer; None when nothing answered."""
    problem: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Sent:
    """What one round of sending did."""

    delivered: int = 0
    failed: int = 0


def check_events(events: Sequence[str]) -> tuple[str, ...]:
    """The patterns, each once. Raises: InvalidError."""
    if not 1 <= len(events) <= MAX_PATTERNS:
        raise InvalidError(f"A webhook has 1 to {MAX_PATTERNS} kinds of events, not {len(events)}")
    if set(events) == {OPENLINEAGE}:
        return (OPENLINEAGE,)
    for one in events:
        if one == OPENLINEAGE:
            raise InvalidError(
                "A receiver of OpenLineage events is sent no others", remedy="Add one webhook for each of the two forms"
            )
        if not _PATTERN.fullmatch(one):
            raise InvalidError(
                f"{one[:80]!r} names no events",
                remedy="Write an action of the audit log such as promotion.approved, a scope such as recall.*, * for "
                f"all of them, or {OPENLINEAGE}",
            )
    return tuple(dict.fromkeys(events))


def matches(events: Collection[str], action: str) -> bool:
    """True when one of the patterns names the action."""
    if OPENLINEAGE in events:
        return action in STEPS
    return not {"*", action, f"{action.partition('.')[0]}.*"}.isdisjoint(events)


def check_url(url: str, allowed: Collection[str]) -> str:
    """`url` if it can be that of a webhook: https, or http for a host in `allowed`. Raises: InvalidError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidError("The address of the webhook cannot be read", remedy=_REMEDY) from None
    if not (url.isascii() and url.isprintable()) or " " in url or "\\" in url or len(url) > MAX_URL:
        raise InvalidError(
            f"The address of a webhook is at most {MAX_URL:,} printable ASCII characters", remedy=_REMEDY
        )
    if parts.scheme not in {"https", "http"} or not _HOST.fullmatch(host) or port == 0:
        raise InvalidError("The address of a webhook begins with https:// and a host", remedy=_REMEDY)
    if "@" in parts.netloc or "#" in url:
        raise InvalidError("The address of a webhook has no user and no fragment", remedy=_REMEDY)
    if parts.scheme == "http" and host not in {one.lower() for one in allowed}:
        raise InvalidError(
            "The address of a webhook begins with https://, so that nobody reads on the way",
            remedy="Only hosts that the setting FOREBEAR_WEBHOOK_HOSTS of the server names may have http://",
        )
    refuse_credentials(url, "address of the webhook")
    return url


_REMEDY = "Write for example https://hooks.example.org/forebear"


def host_of(url: str) -> str:
    """The host of an address: the log and messages name it alone, since a path may be secret."""
    return urlsplit(url).hostname or ""


def secret_of(key: str, webhook: str) -> bytes:
    """The 32 bytes that sign the messages of a webhook: made from the key of the registry, and stored nowhere."""
    return hmac.digest(key.encode(), f"forebear webhook\0{webhook}".encode(), "sha256")


def written(secret: bytes) -> str:
    """A secret as the specification writes it."""
    return "whsec_" + base64.b64encode(secret).decode()


def fingerprint(secret: bytes) -> Digest:
    """What tells whether the key of the registry is still the one that the secret was made from."""
    return Digest(hashlib.sha256(b"forebear webhook fingerprint\0" + secret).hexdigest())


def message_of(kind: str, at: datetime, data: dict[str, object]) -> bytes:
    """The body of a message, which is signed as it is sent."""
    return json.dumps({"type": kind, "timestamp": at.isoformat(), "data": data}, separators=(",", ":")).encode()


def headers_of(secret: bytes, message: str, at: datetime, body: bytes) -> dict[str, str]:
    """The header of an attempt at `at`: `message` is the same in every attempt, and neither has a full stop."""
    moment = str(int(at.timestamp()))
    signed = hmac.digest(secret, b".".join((message.encode(), moment.encode(), body)), "sha256")
    return {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": moment,
        "webhook-signature": "v1," + base64.b64encode(signed).decode(),
    }


def next_attempt(failures: int, now: datetime, chance: float, wait: float = 0.0) -> datetime | None:
    """When to try again after so many failures; None for never. `chance` is 0 to 1: receivers are not met all at once.

    `wait`: seconds that the receiver asked for, at most a day of which is granted.
    """
    if failures > len(DELAYS):
        return None
    delay = DELAYS[failures - 1] * (1 + 0.1 * chance)
    return now + max(delay, min(timedelta(seconds=wait), DELAYS[-1]))
