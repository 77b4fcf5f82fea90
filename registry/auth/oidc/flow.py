"""The way of a browser to the provider and back: authorization code with PKCE, bound to the browser that began.

All that belongs to one sign-in comes from one random secret in a signed cookie of ten minutes: `state` and `nonce` and
PKCE's verifier are digests of it. Who does not have the cookie can finish no sign-in, and who has only what the
provider saw can make none of it. The server keeps nothing until the sign-in is finished; then its secret is spent.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode

from lineage import Digest
from registry.auth.oidc.claims import identity_of, library
from registry.auth.oidc.provider import Provider
from registry.domain.people.identities import Identity
from registry.errors import UnauthenticatedError
from registry.settings import Settings

COOKIE = "forebear_sign_in"
MINUTES = 10
PATH = "/sign-in/provider"
RETURN = f"{PATH}/return"
_AGAIN = "Begin again: the page Sign in"
_KNOWN = frozenset({"access_denied", "login_required", "consent_required", "temporarily_unavailable", "server_error"})


@dataclass(frozen=True, slots=True)
class Returned:
    """Who came back, where they wanted to go, and for whose account: empty for a sign-in."""

    identity: Identity
    spent: Digest
    next: str
    session: str


@dataclass(frozen=True, slots=True)
class Way:
    """Begins and finishes sign-ins by the provider. `key` signs the cookies."""

    provider: Provider
    redirect: str
    """The one address that the provider sends browsers back to, exactly as it is registered there."""
    scopes: str
    groups: str
    key: str = field(repr=False)
    now: Callable[[], float] = time.time
    """Seconds since 1970."""

    @classmethod
    def of(cls, settings: Settings, key: str) -> Way | None:
        """That of the settings; None where they name no provider. Raises: UsageError, MissingExtraError."""
        if not settings.oidc_issuer:
            return None
        library()
        redirect = settings.public_url.rstrip("/") + RETURN
        return cls(Provider.of(settings), redirect, settings.oidc_scopes, settings.oidc_groups_claim, key)

    def begin(self, next: str, session: str = "") -> tuple[str, str]:
        """Where to send the browser, and the cookie that it must bring back. `session` binds an account.

        Raises: UnavailableError.
        """
        where = self.provider.metadata().authorization
        secret = secrets.token_urlsafe(32)
        challenge = _base64(hashlib.sha256(self._part(secret, "verifier").encode()).digest())
        asked = {
            "response_type": "code",
            "client_id": self.provider.client,
            "redirect_uri": self.redirect,
            "scope": self.scopes,
            "state": self._part(secret, "state"),
            "nonce": self._part(secret, "nonce"),
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **({"prompt": "login", "max_age": "0"} if session else {}),
        }
        until = int(self.now()) + MINUTES * 60
        body = _base64(json.dumps([secret, until, next, session, self.provider.issuer]).encode())
        return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}", f"{body}.{self._signature(body)}"

    def finish(self, query: Mapping[str, str], cookie: str) -> Returned:
        """Who comes back with this query and cookie. Raises: UnauthenticatedError, UnavailableError."""
        secret, began, wanted, session = self._opened(cookie)
        if not hmac.compare_digest(query.get("state", "").encode(), self._part(secret, "state").encode()):
            raise UnauthenticatedError("This sign-in was not begun in this browser", remedy=_AGAIN)
        issuer = query.get("iss")
        if issuer != self.provider.issuer and (issuer is not None or self.provider.metadata().names_issuer):
            raise UnauthenticatedError("Another provider answered than was asked (RFC 9207)", remedy=_AGAIN)
        if "error" in query:
            why = query["error"] if query["error"] in _KNOWN else "an error"
            raise UnauthenticatedError(f"The provider signed nobody in: {why}", remedy=_AGAIN)
        code = query.get("code", "")
        if not code or len(code) > 4096:
            raise UnauthenticatedError("The provider gave your browser no code", remedy=_AGAIN)
        token = self.provider.id_token(code, self._part(secret, "verifier"), self.redirect)
        nonce = self._part(secret, "nonce")
        identity = identity_of(token, self.provider, nonce=nonce, now=self.now(), groups=self.groups, began=began)
        return Returned(identity, Digest.of(secret.encode()), wanted, session)

    def leave(self, back: str) -> str:
        """Where the provider ends its own session; empty where it does not say. Raises: UnavailableError."""
        where = self.provider.metadata().end_session
        asked = {"client_id": self.provider.client, "post_logout_redirect_uri": back}
        return f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}" if where else ""

    def _opened(self, cookie: str) -> tuple[str, float, str, str]:
        body, _, signature = cookie.partition(".")
        if not cookie or not hmac.compare_digest(signature.encode(), self._signature(body).encode()):
            raise UnauthenticatedError("This sign-in was not begun in this browser", remedy=_AGAIN)
        secret, until, wanted, session, issuer = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        if until <= self.now() or issuer != self.provider.issuer:
            raise UnauthenticatedError(f"This sign-in was begun more than {MINUTES} minutes ago", remedy=_AGAIN)
        return secret, until - MINUTES * 60, wanted, session

    def _part(self, secret: str, what: str) -> str:
        """43 characters that nobody knows without the secret of the cookie and our key."""
        return _base64(hmac.digest(self.key.encode(), f"forebear.oidc.{what} {secret}".encode(), "sha256"))

    def _signature(self, body: str) -> str:
        return hmac.digest(self.key.encode(), f"forebear.oidc.cookie {body}".encode(), "sha256").hex()


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
