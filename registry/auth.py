"""Authentication: turns a bearer token or a signed session cookie into an `Actor`. Nothing else sets the actor.

A session is made by signing in with a token. Its cookie holds the token's id, the handle, a random name of its own and
when it ends, signed; on each request the token is looked up again, so revoking it ends every session made with it, and
so is whether the session was ended by signing out.
Each session has one CSRF key: a signature of the session's name under another salt. A token is that key under a random
mask, so that no two pages carry the same bytes: the length of a compressed page tells nothing about it (BREACH).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_address, ip_network

from itsdangerous import BadData, Signer, URLSafeSerializer
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from registry.domain.people.people import Actor
from registry.domain.verbs.people import PeopleVerbs
from registry.errors import (
    PermissionDeniedError,
    TooManyAttemptsError,
    UnauthenticatedError,
)
from registry.ports.clock import Clock

COOKIE = "forebear_session"
LIFETIME = timedelta(hours=12)
WRONG_PER_MINUTE = 20
"""Wrong tokens that one address may send in a minute: enough for a person who pastes the wrong text."""


@dataclass(frozen=True, slots=True)
class Session:
    """One session: its token, its person, a random name of its own, and when it ends."""

    token_id: str
    handle: str
    name: str
    expires_at: datetime


class Attempts:
    """Counts the wrong tokens of each address (for IPv6, of each /64 network, which is one customer's).

    After `per_minute` within a minute every token from there is refused, a right one too: otherwise guessing would go
    on. The counts are this process's and end with it.
    """

    def __init__(self, per_minute: int = WRONG_PER_MINUTE) -> None:
        self._limit = RateLimitItemPerMinute(per_minute)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    @contextmanager
    def counted(self, address: str) -> Iterator[None]:
        """Around one try: an UnauthenticatedError is counted. Raises: TooManyAttemptsError before it."""
        who = _network(address)
        if not self._limiter.test(self._limit, who):
            resets_at, _ = self._limiter.get_window_stats(self._limit, who)
            seconds = max(1, math.ceil(resets_at - time.time()))
            raise TooManyAttemptsError(
                "Too many wrong tokens came from your address",
                remedy=f"Wait {seconds} s",
                facts={"retry_after": seconds},
            )
        try:
            yield
        except UnauthenticatedError:
            self._limiter.hit(self._limit, who)
            raise


def _network(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:  # a Unix socket has no address
        return address
    if isinstance(found, IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:  # how a server on an IPv6 socket sees clients with IPv4
        return str(found.ipv4_mapped)
    return str(ip_network((found, 64), strict=False))


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Turns what a request carries into an actor. `key` signs cookies: see `services.keys.registry_key`."""

    people: PeopleVerbs
    key: str
    clock: Clock
    attempts: Attempts

    def actor_of_header(self, authorization: str, address: str) -> Actor:
        """The actor of `Authorization: Bearer fbr_…`. Raises: UnauthenticatedError, TooManyAttemptsError."""
        scheme, _, secret = authorization.strip().partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise UnauthenticatedError(
                "The Authorization header holds no bearer token", remedy="Send Authorization: Bearer fbr_…"
            )
        with self.attempts.counted(address):
            return self.people.authenticate(secret.strip())

    def sign_in(self, secret: str, address: str) -> tuple[str, Session]:
        """A new session for the holder of a token, and the cookie that carries it.

        Raises: UnauthenticatedError, TooManyAttemptsError.
        """
        with self.attempts.counted(address):
            token = self.people.begin_session(secret.strip(), address)
        expires = min(self.clock.now() + LIFETIME, token.expires_at)
        session = Session(token.id, token.person, secrets.token_urlsafe(24), expires)
        return self._cookies().dumps([session.token_id, session.handle, session.name, expires.timestamp()]), session

    def session_of_cookie(self, cookie: str) -> Session:
        """The session that a cookie value carries. Raises: UnauthenticatedError when it is not ours, or has ended."""
        try:
            token_id, handle, name, ends = self._cookies().loads(cookie)
            session = Session(str(token_id), str(handle), str(name), datetime.fromtimestamp(float(ends), UTC))
        except (BadData, TypeError, ValueError) as error:
            raise UnauthenticatedError("This session is not known here", remedy="Sign in again") from error
        if session.expires_at <= self.clock.now():
            raise UnauthenticatedError("This session has ended", remedy="Sign in again")
        return session

    def actor_of_session(self, session: Session) -> Actor:
        """The actor of a session that was not ended; its token must still be valid. Raises: UnauthenticatedError."""
        actor = self.people.actor_of_token(session.token_id, session.name)
        if actor.handle != session.handle:
            raise UnauthenticatedError("This session is not known here", remedy="Sign in again")
        return actor

    def sign_out(self, session: Session) -> None:
        """End the session: its cookie is good for nothing afterwards, wherever a copy of it is."""
        self.people.end_session(session.token_id, session.name, session.expires_at)

    def csrf_token(self, session: Session) -> str:
        """What a form of this session's pages carries: another text each time, good as long as the session lasts."""
        key = self._csrf_key(session)
        mask = secrets.token_bytes(len(key))
        return base64.urlsafe_b64encode(mask + _xor(mask, key)).decode().rstrip("=")

    def check_csrf(self, session: Session, given: str | None) -> None:
        """Raises: PermissionDeniedError when a form was not made for this session. Compared in constant time."""
        key = self._csrf_key(session)
        if not hmac.compare_digest(_unmasked(given or "", len(key)), key):
            raise PermissionDeniedError("This form was not made for your session", remedy="Load the page and repeat")

    def _csrf_key(self, session: Session) -> bytes:
        signer = Signer(self.key, salt="forebear.csrf", digest_method=hashlib.sha256)
        return hashlib.sha256(signer.get_signature(session.name)).digest()

    def _cookies(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.key, salt="forebear.session", signer_kwargs={"digest_method": hashlib.sha256})


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _unmasked(token: str, size: int) -> bytes:
    """The key of `size` bytes that a token hides; empty when the text is not such a token."""
    try:
        both = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""
    return _xor(both[:size], both[size:]) if len(both) == 2 * size else b""
