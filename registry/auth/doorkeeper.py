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
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from itsdangerous import BadData, Signer, URLSafeSerializer

from registry.auth.counting import Attempts, Rates
from registry.domain.people.people import Actor
from registry.domain.verbs.people import PeopleVerbs
from registry.errors import (
    PermissionDeniedError,
    UnauthenticatedError,
)
from registry.ports.clock import Clock

COOKIE = "forebear_session"
LIFETIME = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Session:
    """One session: its token, its person, a random name of its own, and when it ends."""

    token_id: str
    handle: str
    name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Turns what a request carries into an actor. `key` signs cookies: see `services.keys.registry_key`."""

    people: PeopleVerbs
    key: str
    clock: Clock
    attempts: Attempts
    rates: Rates = field(default_factory=Rates)

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
