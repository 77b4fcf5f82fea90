"""What an OpenID Connect provider publishes and gives: its metadata, its keys, and ID tokens for codes.

Both documents are kept for `KEPT`; keys are read again when a token names one that is not known, once a minute at most
(OpenID Connect Core 10.1.1). Redirects and proxies are not followed. Addresses are of the internet and encrypted, but
for the provider's own host where a setting allows that.
"""

from __future__ import annotations

import base64
import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit

from registry import __version__
from registry.errors import RegistryError, UnauthenticatedError, UnavailableError, UsageError
from registry.outgoing.connecting import connect, problem_of, target_of
from registry.outgoing.deadlines import Deadline
from registry.settings import Settings

SECONDS, MOST, KEPT, AGAIN = 10.0, 256 * 1024, 3600.0, 60.0
"""Seconds for one request, bytes of an answer, and seconds that documents are kept and keys not asked for again."""
PAUSE = 30.0
"""Seconds that a provider which does not answer is left alone: each try holds a thread of the server."""
ALGORITHMS = ("RS256", "ES256", "EdDSA")
"""Signatures that ID tokens may have: never `none`, and never one that whoever can check it can also make (HS…)."""
SETTING = "FOREBEAR_OIDC_PRIVATE"


@dataclass(frozen=True, slots=True)
class Metadata:
    """What of the discovery document is used (OpenID Connect Discovery 1.0 section 3)."""

    authorization: str
    token: str
    keys: str
    end_session: str
    names_issuer: bool
    """Whether answers of the authorization endpoint carry `iss` (RFC 9207)."""
    by_post: bool
    """Whether the client's secret goes into the form, because the header is not offered."""


@dataclass
class Provider:
    """The provider of the settings. One for the server: it keeps the documents."""

    issuer: str
    client: str
    secret: str = field(default="", repr=False)
    algorithms: tuple[str, ...] = ALGORITHMS
    private: bool = False
    now: Callable[[], float] = time.monotonic
    _documents: dict[str, tuple[float, dict[str, Any]]] = field(default_factory=dict, repr=False)
    _failed: tuple[float, str] | None = field(default=None, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Provider:
        """The one of the settings. Raises: UsageError for settings that cannot work; nothing is asked yet."""
        issuer, file = settings.oidc_issuer, settings.oidc_secret_file
        parts = urlsplit(issuer)
        if (
            parts.scheme not in {"https", "http"}
            or not parts.hostname
            or parts.query
            or parts.fragment
            or parts.username
        ):
            raise UsageError(
                f"FOREBEAR_OIDC_ISSUER is {issuer[:200]!r}, which is no issuer", remedy="Write https://HOST"
            )
        if parts.scheme == "http" and not settings.oidc_private:
            raise UsageError("FOREBEAR_OIDC_ISSUER is not encrypted", remedy=f"Use https://, or set {SETTING}=1")
        if not settings.oidc_client or not settings.public_url:
            raise UsageError(
                "Signing in by a provider needs FOREBEAR_OIDC_CLIENT and FOREBEAR_PUBLIC_URL", remedy="Set both"
            )
        wrong = set(settings.oidc_algorithms) - set(ALGORITHMS)
        if wrong or not settings.oidc_algorithms:
            raise UsageError(
                f"FOREBEAR_OIDC_ALGORITHMS allows {', '.join(ALGORITHMS)}, not {', '.join(sorted(wrong)) or 'nothing'}",
                remedy="Change or unset it",
            )
        try:
            secret = "" if file is None else file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"FOREBEAR_OIDC_SECRET_FILE {file} cannot be read", remedy="Change or unset it") from error
        return cls(issuer, settings.oidc_client, secret, settings.oidc_algorithms, settings.oidc_private)

    def metadata(self) -> Metadata:
        """Its endpoints. Raises: UnavailableError, and for a document that does not fit the settings."""
        found = self._document(self.issuer.rstrip("/") + "/.well-known/openid-configuration")
        if found.get("issuer") != self.issuer:
            raise UnavailableError(
                f"The provider at {self.issuer} says that it is another one, so nobody signs in by it"
            )
        pkce, signed = found.get("code_challenge_methods_supported"), found.get("id_token_signing_alg_values_supported")
        if isinstance(pkce, list) and "S256" not in pkce:
            raise UnavailableError(f"The provider {self.issuer} does not know PKCE with S256, so nobody signs in by it")
        if isinstance(signed, list) and not set(signed) & set(self.algorithms):
            raise UnavailableError(f"The provider {self.issuer} signs with none of {', '.join(self.algorithms)}")
        ways = found.get("token_endpoint_auth_methods_supported")
        end = found.get("end_session_endpoint")
        return Metadata(
            self._address(found, "authorization_endpoint"),
            self._address(found, "token_endpoint"),
            self._address(found, "jwks_uri"),
            self._address(found, "end_session_endpoint") if end else "",
            found.get("authorization_response_iss_parameter_supported") is True,
            isinstance(ways, list) and "client_secret_basic" not in ways,
        )

    def keys(self, wanted: Callable[[Mapping[str, Any]], bool]) -> list[Mapping[str, Any]]:
        """The published keys that `wanted` picks; they are read again where it picks none. Raises: UnavailableError."""
        where = self.metadata().keys
        for oldest in (KEPT, AGAIN):
            listed = self._document(where, oldest).get("keys")
            found: list[Mapping[str, Any]] = (
                [one for one in listed if isinstance(one, dict) and wanted(one)] if isinstance(listed, list) else []
            )
            if found:
                return found
        return []

    def id_token(self, code: str, verifier: str, redirect: str) -> str:
        """The ID token for a code (RFC 6749 4.1.3, RFC 7636). Raises: UnauthenticatedError, UnavailableError."""
        metadata = self.metadata()
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if not self.secret or metadata.by_post:
            form["client_id"] = self.client
        if self.secret and metadata.by_post:
            form["client_secret"] = self.secret
        elif self.secret:
            pair = f"{quote_plus(self.client)}:{quote_plus(self.secret)}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        status, body = self._ask("POST", metadata.token, urlencode(form).encode(), headers)
        if status == 401 or (status == 400 and b'"invalid_client"' in body):
            raise UnavailableError(
                f"The provider {self.issuer} does not take the client id and the secret of this server",
                remedy="Whoever runs the server corrects FOREBEAR_OIDC_CLIENT or FOREBEAR_OIDC_SECRET_FILE",
            )
        if status in {400, 403}:
            raise UnauthenticatedError(
                "The provider does not take the code that it gave your browser", remedy="Sign in again"
            )
        token = _object(status, body, self.issuer).get("id_token")
        if not isinstance(token, str) or not token:
            raise UnavailableError(
                f"The provider {self.issuer} gives no ID token", remedy="Its client needs the scope openid"
            )
        return token

    def _document(self, url: str, oldest: float = KEPT) -> dict[str, Any]:
        """A document that is younger than `oldest`, in seconds."""
        with self._lock:
            read_at, found = self._documents.get(url, (0.0, {}))
            if not found or self.now() - read_at >= oldest:
                if self._failed is not None and self.now() - self._failed[0] < PAUSE:
                    raise UnavailableError(self._failed[1], remedy="Sign in with a token meanwhile")
                try:
                    status, body = self._ask("GET", url)
                    found = _object(status, body, self.issuer)
                except UnavailableError as error:
                    self._failed = (self.now(), error.message)
                    raise
                self._documents[url], self._failed = (self.now(), found), None
            return found

    def _address(self, found: Mapping[str, Any], name: str) -> str:
        url = found.get(name)
        try:
            parts = urlsplit(url) if isinstance(url, str) else None
            whole = parts is not None and parts.scheme in {"https", "http"} and bool(parts.hostname)
        except ValueError:
            whole = False
        if not whole or not isinstance(url, str) or not url.isascii() or not url.isprintable():
            raise UnavailableError(f"The provider {self.issuer} names no address for {name}")
        if not url.startswith("https://") and not self._is_own(url):
            raise UnavailableError(f"The provider {self.issuer} names an address for {name} that is not encrypted")
        return url

    def _is_own(self, url: str) -> bool:
        """True for an address of the provider's own host that may be one of the own network, or not encrypted."""
        return self.private and urlsplit(url).hostname == urlsplit(self.issuer).hostname

    def _ask(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        parts, host = urlsplit(url), urlsplit(self.issuer).hostname or ""
        sent = {"User-Agent": f"forebear/{__version__}", "Accept": "application/json", **(headers or {})}
        with Deadline(SECONDS) as deadline:
            try:
                allowed = (host,) if self._is_own(url) else ()
                connection = connect(parts, deadline, allowed=allowed, setting=SETTING)
                try:
                    connection.request(method, target_of(parts), body, {**sent, "Accept-Encoding": "identity"})
                    answer = connection.getresponse()
                    content = answer.read(MOST + 1)
                finally:
                    connection.close()
                if deadline.over:  # what was broken off looks whole
                    raise TimeoutError
            except RegistryError:
                raise
            except (OSError, http.client.HTTPException, ValueError) as error:
                late = deadline.over or isinstance(error, TimeoutError)
                problem = (
                    f"{self.issuer} does not answer in time" if late else problem_of(error, f"the provider {host}")
                )
                raise UnavailableError(problem, remedy="Sign in with a token meanwhile") from error
        if len(content) > MOST:
            raise UnavailableError(f"The provider {self.issuer} answers with more than {MOST:,} bytes")
        return answer.status, content


def _object(status: int, body: bytes, issuer: str) -> dict[str, Any]:
    """An answer as a JSON object. Raises: UnavailableError."""
    try:
        found = json.loads(body) if status == 200 else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise UnavailableError(f"The provider {issuer} answers {status}, or not with a JSON object")
    return found
