"""Authentication: turns a bearer token or the cookie of a session into an `Actor`. Nothing else sets the actor.

What a cookie holds means nothing by itself: the session is looked up on each request, with the token that it was begun
with, so that it ends at once when either does (`registry/services/people/sessions.py`).
Each session has one CSRF key: a signature of the session's id. A token is that key under a random mask, so that no two
pages carry the same bytes: the length of a compressed page tells nothing about it (BREACH).
"""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from registry.auth.counting import Attempts, Begun, Guesses, Rates
from registry.auth.known import Known
from registry.auth.links import Links
from registry.domain.people.people import Actor
from registry.domain.people.sessions import SessionSummary, StartedSession, Visit
from registry.domain.verbs.people import SessionVerbs
from registry.domain.verbs.signing_in import PasswordVerbs
from registry.errors import PermissionDeniedError, UnauthenticatedError

COOKIE = "forebear_session"


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Turns what a request carries into an actor. `key` makes the tokens of forms: see `services.keys.registry_key`."""

    sessions: SessionVerbs
    key: str
    attempts: Attempts
    rates: Rates = field(default_factory=Rates)
    guesses: Guesses = field(default_factory=lambda: Guesses("password"))
    codes: Guesses = field(default_factory=lambda: Guesses("code"))
    begun: Begun = field(default_factory=Begun)
    known: Known | None = None
    """Who was looked up already; None looks everybody up with each request."""

    def actor_of_header(self, authorization: str, address: str) -> Actor:
        """The actor of `Authorization: Bearer fbr_…`. Raises: UnauthenticatedError, TooManyAttemptsError."""
        secret = _secret_in(authorization)
        with self.attempts.noted(address):
            standing = self.known.standing(secret) if self.known else None  # before anything is read
            actor = self.sessions.authenticate(secret)
        if self.known is not None:
            self.known.keep(secret, actor, standing)
        return actor

    def known_actor(self, authorization: str) -> Actor | None:
        """The same without reading the database, where nothing has changed since; None if it has to be read.

        Raises: UnauthenticatedError for a header without a token.
        """
        secret = _secret_in(authorization)
        return self.known.get(secret) if self.known else None

    @property
    def links(self) -> Links:
        """Addresses that are good for a while without a token."""
        return Links(self.sessions, self.key)

    def sign_in(self, secret: str, address: str, *, before: str | None = None) -> StartedSession:
        """A new session for the holder of a token. The one of the cookie `before`, which it takes the place of, ends.

        Raises: UnauthenticatedError, TooManyAttemptsError.
        """
        with self.attempts.counted(address):
            started = self.sessions.begin(secret.strip(), address)
        self.end_before(before)
        return started

    def sign_in_by_password(
        self, passwords: PasswordVerbs, handle: str, password: str, address: str, *, before: str | None = None
    ) -> StartedSession:
        """The same for who knows the password of `handle`. Raises: as `sign_in`."""
        with self.guessing(handle, address):
            started = passwords.begin(handle, password, address)
        self.end_before(before)
        return started

    @contextmanager
    def guessing(self, handle: str, address: str) -> Iterator[None]:
        """Around one try of a password: a wrong one counts for the address and for the person.

        Raises: TooManyAttemptsError before it.
        """
        with self.attempts.counted(address), self.guesses.counted(handle):
            yield

    def end_before(self, before: str | None) -> None:
        """End the session that the browser had: a cookie that somebody planted leads nowhere."""
        if before is not None:
            with suppress(UnauthenticatedError):
                self.sign_out(self.visit(before).session)

    def visit(self, cookie: str) -> Visit:
        """Who asks with this cookie. Raises: UnauthenticatedError."""
        return self.sessions.visit(cookie)

    def still(self, session: SessionSummary) -> Actor:
        """Who a session belongs to, while it lasts; asking is not using it. Raises: UnauthenticatedError."""
        return self.sessions.still(session.id)

    def sign_out(self, session: SessionSummary) -> None:
        """End the session: its cookie is good for nothing afterwards, wherever a copy of it is."""
        self.sessions.end(session.id)

    def csrf_token(self, session: SessionSummary) -> str:
        """What a form of this session's pages carries: another text each time, good as long as the session lasts."""
        key = self._csrf_key(session)
        mask = secrets.token_bytes(len(key))
        return base64.urlsafe_b64encode(mask + _xor(mask, key)).decode().rstrip("=")

    def check_csrf(self, session: SessionSummary, given: str | None) -> None:
        """Raises: PermissionDeniedError when a form was not made for this session. Compared in constant time."""
        key = self._csrf_key(session)
        if not hmac.compare_digest(_unmasked(given or "", len(key)), key):
            raise PermissionDeniedError("This form was not made for your session", remedy="Load the page and repeat")

    def _csrf_key(self, session: SessionSummary) -> bytes:
        return hmac.digest(self.key.encode(), f"forebear.csrf {session.id}".encode(), "sha256")


def _secret_in(authorization: str) -> str:
    scheme, _, secret = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise UnauthenticatedError(
            "The Authorization header holds no bearer token", remedy="Send Authorization: Bearer fbr_…"
        )
    return secret.strip()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


def _unmasked(token: str, size: int) -> bytes:
    """The key of `size` bytes that a token hides; empty when the text is not such a token."""
    try:
        both = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except ValueError:
        return b""
    return _xor(both[:size], both[size:]) if len(both) == 2 * size else b""
