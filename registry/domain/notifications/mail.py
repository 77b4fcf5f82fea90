"""E-mail: the addresses of people, and one message for each thing that waits for a person."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import unquote, urlsplit

from registry.domain.governance.reviews.inbox import Errand, InboxItem
from registry.domain.notifications.webhooks import DeliveryState
from registry.errors import InvalidError, UsageError

MAX_ADDRESS = 254
"""Characters of an address (RFC 5321 section 4.5.3.1.3)."""
SOON = timedelta(days=3)
"""How long before its day a finding is said to be due."""
_WORD, _LABEL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_WORD}(?:\.{_WORD})*@{_LABEL}(?:\.{_LABEL})*")
"""Without quotes, comments and letters beyond ASCII, which RFC 5321 and 6531 allow."""
_OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class MailAddress:
    """Where a person is told of what waits for them; empty when they are not."""

    person: str
    address: str
    enabled: bool
    """False where the registry has no mail server, so that nobody is told."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One message to a person, and what became of it so far."""

    person: str
    subject: str
    state: DeliveryState
    attempts: int
    problem: str
    tried_at: datetime | None
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewMail:
    """A message that is to be sent once to a person for each `topic`."""

    topic: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class MailServer:
    """The server that takes e-mail. `encrypted`: from the first byte, rather than after STARTTLS."""

    host: str
    port: int
    encrypted: bool
    user: str
    password: str
    sender: str

    @property
    def is_own_machine(self) -> bool:
        """True for a server on this machine, to which a connection may be plain."""
        return self.host in _OWN_MACHINE

    def __repr__(self) -> str:
        return f"MailServer({self.host}:{self.port})"  # never the password


def check_address(text: str) -> str:
    """`text` if it can be an address of e-mail. Raises: InvalidError."""
    if len(text) > MAX_ADDRESS or not _ADDRESS.fullmatch(text):
        raise InvalidError("That is not an address of e-mail", remedy="Write one such as ana@example.org")
    return text


def read_server(url: str, sender: str) -> MailServer:
    """The server that the settings name. Raises: UsageError, which never repeats the address: it has a password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UsageError(_UNREADABLE, remedy=_REMEDY) from None
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path not in {"", "/"} or parts.query:
        raise UsageError(_UNREADABLE, remedy=_REMEDY)
    if not _ADDRESS.fullmatch(sender):
        raise UsageError(
            "FOREBEAR_MAIL_FROM is not an address of e-mail",
            remedy="Write the address that messages come from, such as forebear@example.org",
        )
    encrypted = parts.scheme == "smtps"
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    return MailServer(parts.hostname, port or (465 if encrypted else 587), encrypted, user, password, sender)


_UNREADABLE = "FOREBEAR_SMTP_URL is not the address of a mail server"
_REMEDY = "Write smtp://user:password@mail.example.org:587 or smtps://user:password@mail.example.org:465"


def message_about(item: InboxItem, now: datetime, server: str) -> NewMail:
    """What a person is told about an entry of their inbox; `server` is the address of the pages, or empty.

    The topic changes when there is something new to say: a finding that is due soon and then overdue, or a vote that
    went stale for another reason.
    """
    lines = [item.title, "", f"{item.detail}."]
    if item.due is not None and item.errand is not Errand.FINDING:
        lines.append(f"The day until which it can be done is {item.due:%Y-%m-%d}.")
    where = f"{server.rstrip('/')}/inbox" if server else "forebear inbox"
    lines += ["", f"What waits for you: {where}", ""]
    return NewMail(_topic(item, now), f"{_BEGINS[item.errand]}: {one_line(item.title)}"[:200], "\n".join(lines))


_BEGINS = {
    Errand.VOTE: "Your approval is asked for",
    Errand.STALE_VOTE: "Your approval went stale",
    Errand.REQUEST: "Your request",
    Errand.FINDING: "A finding for you",
    Errand.WAIVER: "A waiver needs your approval",
    Errand.EMERGENCY: "An emergency was declared",
    Errand.RECALL: "A recall reaches versions of yours",
    Errand.CORRECTION: "A correction needs a second person",
    Errand.POLICY: "A policy needs your approval",
}


def one_line(text: str) -> str:
    """`text` without line ends and other characters that a header of e-mail may not have."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def _topic(item: InboxItem, now: datetime) -> str:
    said = ""
    if item.errand is Errand.FINDING and item.due is not None:
        said = "overdue" if item.due <= now else "soon" if item.due - now <= SOON else ""
    elif item.errand is Errand.STALE_VOTE:
        said = sha256(item.detail.encode()).hexdigest()[:16]
    return f"{item.errand.value} {item.id} {said}".strip()
