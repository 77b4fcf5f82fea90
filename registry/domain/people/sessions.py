"""Sessions of browsers: how one began, how long it lasts, and what its cookie holds."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from registry.domain.people.people import Actor

ROTATED_EVERY = timedelta(minutes=15)
"""After this time a request gets a new cookie."""
STAYS_GOOD = timedelta(minutes=1)
"""How long the cookie before is good once the new one was used: for requests that were on their way."""
_COOKIE = re.compile("[A-Za-z0-9_-]{43}")


class Means(StrEnum):
    """What somebody signed in with."""

    TOKEN = "token"  # noqa: S105 - the word
    PASSWORD = "password"  # noqa: S105 - as above
    PROVIDER = "provider"

    @property
    def label(self) -> str:
        """In words."""
        return {"token": "a token", "password": "a password", "provider": "the identity provider"}[self.value]


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session as lists show it: never what its cookie holds."""

    id: str
    person: str
    means: Means
    token: str
    """The id of the token that it was begun with, and ends with; empty where there was none."""
    started_at: datetime
    used_at: datetime
    """When it was last used, as far as it is recorded."""
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class StartedSession:
    """A session that has just begun, and the cookie that carries it."""

    summary: SessionSummary
    cookie: str


@dataclass(frozen=True, slots=True)
class Visit:
    """A request within a session: who asks, and the cookie that takes the place of the one that was sent, if any."""

    actor: Actor
    session: SessionSummary
    cookie: str | None = None


def new_cookie() -> str:
    """256 bits from the operating system's random numbers; only their SHA-256 is stored."""
    return secrets.token_urlsafe(32)


def is_cookie(text: str) -> bool:
    """True where `text` has the form of a session's cookie."""
    return _COOKIE.fullmatch(text) is not None
