"""Signing in on a machine without a browser (RFC 8628): what it asks for, and what it is told.

The machine shows a short code; a person types it in a browser where they are signed in, sees who asks for what, and
allows or refuses it. The long code that the machine keeps to itself is what gets the token.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from registry.domain.people.people import NewToken, Scope
from registry.errors import InvalidError

GOOD_FOR = timedelta(minutes=10)
INTERVAL, SLOWER = 5, 5
"""Seconds between two questions of a machine, and how many more after it asked too soon (RFC 8628 section 3.5)."""
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""Without vowels, so that no word comes of it, and in one case (RFC 8628 section 6.1): eight of them are 34 bits."""
_CODE = re.compile(f"[{_LETTERS}]{{4}}-[{_LETTERS}]{{4}}")


SCOPES = (Scope.READ, Scope.USE, Scope.CONTRIBUTE)
"""What a machine may ask for: who is talked into allowing it gives away no vote."""


class DeviceState(StrEnum):
    """What became of a request, in the words of RFC 8628."""

    PENDING = "authorization_pending"
    SLOW_DOWN = "slow_down"
    GRANTED = "granted"
    DENIED = "access_denied"
    EXPIRED = "expired_token"


@dataclass(frozen=True, slots=True)
class DeviceWish:
    """What a machine asks for: a token with this scope, for so many days."""

    machine: str
    client: str
    scope: Scope = Scope.CONTRIBUTE
    days: int = 90


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """A request as the person who decides sees it. `machine` and `client` are what the machine says of itself."""

    code: str
    machine: str
    client: str
    scope: Scope
    days: int
    address: str
    """Where the request came from."""
    asked_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class BegunDevice:
    """What the machine is told: the code to show, and the one that it keeps. `page` is the path of the page."""

    device_code: str = field(repr=False)
    user_code: str
    page: str
    expires_in: int
    interval: int


@dataclass(frozen=True, slots=True)
class DeviceAnswer:
    """What a machine that asks is told. The token is there once, when it was granted."""

    state: DeviceState
    interval: int
    token: NewToken | None = None


def new_user_code() -> str:
    """Eight random letters such as `WDJB-MJHT`."""
    letters = "".join(secrets.choice(_LETTERS) for _ in range(8))
    return f"{letters[:4]}-{letters[4:]}"


def new_device_code() -> str:
    """256 bits from the operating system's random numbers; only their SHA-256 is stored."""
    return secrets.token_urlsafe(32)


def check_user_code(text: str) -> str:
    """The code that somebody typed, however they wrote it. Raises: InvalidError."""
    letters = re.sub(r"[^A-Z]", "", text[:64].upper())
    code = f"{letters[:4]}-{letters[4:]}"
    if not _CODE.fullmatch(code):
        raise InvalidError("This is no code of a machine", remedy="It has eight letters, such as WDJB-MJHT")
    return code
