"""Requests to the server of a registry: what is sent, what is tried again, and which error a failure is.

Only what is safe is tried again. A request that changes something carries an `Idempotency-Key`, so that the server
carries it out once however often it comes; one that only reads needs none. Certificates are always verified.
"""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from ipaddress import ip_address
from secrets import token_hex
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from registry import __version__
from registry.client.transport.problems import MEDIA_TYPE, error_in, of_other_version, other_version
from registry.domain.codec import from_json, to_json
from registry.domain.drafts.uploads import MAX_PIECE
from registry.errors import (
    CertificateRefusedError,
    NotAServerError,
    RegistryError,
    RepeatedRequestError,
    ServerUnreachableError,
    TooLargeError,
    TooManyRequestsError,
    UnauthenticatedError,
    UsageError,
)

if TYPE_CHECKING:
    import httpx2

T = TypeVar("T")
PREFIX = "/api/v1"
VERSION = "Forebear-Version"
"""The header in which the server names its version to who has signed in."""
ATTEMPTS = 5
FIRST_WAIT, LONGEST_WAIT = 0.2, 10.0
"""Seconds between attempts: each wait is about twice the one before."""
ORDINARY, LONG = 60.0, 900.0
"""Seconds to wait for the next bytes of an answer; `LONG` where the server may have to convert or compare models."""
MAX_ANSWER = 64 * 1024**2
"""Bytes of an answer that is read as a whole."""
TRIED_AGAIN = frozenset({502, 503, 504})
Body = Callable[[], Iterator[bytes]]
_INTERNAL = re.compile(r"\[(?:Errno -?[0-9]+|[A-Z0-9]+: [A-Z0-9_]+)\] ?| ?\(_ssl\.c:[0-9]+\)")
"""What Python adds to the sentences of the operating system and of OpenSSL."""


def check_address(url: str, *, secret: bool, allow_http: bool = False) -> str:
    """The address of a server without a slash at its end.

    Raises: UsageError for what is not the address of a server, and for a token (`secret`) that would be sent to another
    machine without encryption unless `allow_http` says that this is meant.
    """
    parts = urlsplit(url.strip())
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host or re.search(r"\s", host) or parts.query or parts.fragment:
        raise UsageError(
            f"{url[:200]!r} is not the address of a server", remedy="Write https://HOST or https://HOST:PORT"
        )
    if parts.username is not None:
        raise UsageError(
            "The address of a server holds no user and no password", remedy="Sign in with a token: forebear login URL"
        )
    if secret and parts.scheme == "http" and not _is_loopback(host) and not allow_http:
        raise UsageError(
            f"The token would be sent to {host} without encryption",
            remedy="Use https://, or add --allow-http (FOREBEAR_ALLOW_HTTP=1) if the network between is your own",
        )
    return url.strip().rstrip("/")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass
class Connection:
    """A server and the token to sign in to it with. Close it, or use it in a `with`.

    `http` is the HTTP client to use; None: one is made with the first request. Raises: UsageError, see `check_address`.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    allow_http: bool = False
    http: httpx2.Client | None = field(default=None, repr=False)
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    server_version: str = ""
    """The version that the server named in its last answer."""

    def __post_init__(self) -> None:
        self.url = check_address(self.url, secret=self.token is not None, allow_http=self.allow_http)

    @cached_property
    def _client(self) -> httpx2.Client:
        import httpx2  # noqa: PLC0415 - with the first request: `import registry.client` stays light

        if self.http is not None:
            return self.http
        timeout = httpx2.Timeout(ORDINARY, connect=15.0)
        try:
            return httpx2.Client(timeout=timeout, limits=httpx2.Limits(max_connections=8))
        except OSError as error:
            raise UsageError(
                f"The certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read: {_plain(error)}",
                remedy="Name a file of certificates in PEM form, or unset the variable",
            ) from error
        except (ImportError, ValueError, httpx2.InvalidURL) as error:  # whose text may hold the password of a proxy
            raise UsageError(
                "The proxy that HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names cannot be used",
                remedy="Write it as http://HOST:PORT, or unset the variable",
            ) from error

    def close(self) -> None:
        """Close the connections that are open."""
        if "_client" in self.__dict__:
            self._client.close()

    def get(
        self, kind: type[T], path: str, params: Mapping[str, object] | None = None, *, seconds: float = ORDINARY
    ) -> T:
        """What GET answers at `path`, as a value of type `kind`."""
        return self.read(kind, self.request("GET", path, params=params, seconds=seconds))

    def send(
        self,
        kind: type[T],
        method: str,
        path: str,
        body: object = None,
        *,
        params: Mapping[str, object] | None = None,
        seconds: float = ORDINARY,
    ) -> T:
        """Send `body` as JSON and give the answer as a value of type `kind`."""
        return self.read(kind, self.change(method, path, body, params=params, seconds=seconds))

    def change(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        params: Mapping[str, object] | None = None,
        seconds: float = ORDINARY,
    ) -> bytes:
        """Send `body` as JSON; the answer as it came."""
        content = None if body is None else json.dumps(to_json(body)).encode()
        kind = {"Content-Type": "application/json"} if content is not None else {}
        return self.request(method, path, content=content, params=params, headers=kind, seconds=seconds, changes=True)

    def read(self, kind: type[T], answer: bytes) -> T:
        """An answer in JSON as a value of type `kind`. Raises: OtherVersionError, NotAServerError."""
        try:
            return from_json(kind, json.loads(answer))
        except (ValueError, RegistryError) as error:
            if self.server_version and self.server_version != __version__:
                raise other_version(self.server_version, "The answer of the server cannot be read") from error
            raise NotAServerError(f"The answer of {self.url} cannot be read: {error}") from error

    def request(
        self,
        method: str,
        path: str,
        *,
        content: bytes | Body | None = None,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = ORDINARY,
        changes: bool = False,
    ) -> bytes:
        """The body of the answer; `changes` says that the request changes something. Tried again where that is safe.

        `content` is called anew for each attempt. Raises: every RegistryError that the server answers with, and
        ServerUnreachableError, CertificateRefusedError, NotAServerError, OtherVersionError.
        """
        own = {**(headers or {}), **({"Idempotency-Key": token_hex(16)} if changes else {})}
        deadline = time.monotonic() + seconds

        def once() -> bytes:
            body = content() if callable(content) else content
            with self._open(method, path, content=body, params=params, headers=own, seconds=seconds) as response:
                return self._whole(response)

        return self._tried(once, waiting_until=deadline)

    @contextmanager
    def stream(
        self,
        path: str,
        *,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = ORDINARY,
    ) -> Iterator[httpx2.Response]:
        """An answer to be read as it comes, not tried again. Raises: as `request`, also while it is read."""
        with self._open("GET", path, params=params, headers=headers, seconds=seconds) as response:
            self._check(response)
            yield response

    def _tried(self, once: Callable[[], bytes], *, waiting_until: float) -> bytes:
        for attempt in range(1, ATTEMPTS * 100):
            try:
                return once()
            except TooManyRequestsError as error:  # it was not looked at, so it is safe
                if attempt >= ATTEMPTS:
                    raise
                self.sleep(float(str(error.facts.get("retry_after", LONGEST_WAIT))))
                continue
            except (ServerUnreachableError, RepeatedRequestError) as error:
                going = isinstance(error, RepeatedRequestError) and not error.facts.get("answered")
                if not (going and time.monotonic() < waiting_until) and (
                    attempt >= ATTEMPTS or not isinstance(error, ServerUnreachableError)
                ):
                    raise
            self.pause(attempt)
        raise AssertionError("the last attempt raises")

    def pause(self, attempt: int) -> None:
        """Wait before the next attempt; a little differently each time, so that many clients do not come at once."""
        self.sleep(min(FIRST_WAIT * 2 ** (attempt - 1), LONGEST_WAIT) * random.uniform(0.75, 1.25))  # noqa: S311 - no secret

    @contextmanager
    def _open(
        self,
        method: str,
        path: str,
        *,
        content: bytes | Iterator[bytes] | None = None,
        params: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = ORDINARY,
    ) -> Iterator[httpx2.Response]:
        import httpx2  # noqa: PLC0415 - as above

        sent = {"User-Agent": f"forebear/{__version__}", "Accept": "application/json, */*", **(headers or {})}
        if self.token is not None:
            sent["Authorization"] = f"Bearer {self.token}"
        address, asked = self.url + PREFIX + path, _query(params)
        timeout = httpx2.Timeout(seconds, connect=15.0)
        try:
            with self._client.stream(
                method, address, content=content, params=asked, headers=sent, timeout=timeout
            ) as response:
                self.server_version = response.headers.get(VERSION, self.server_version)
                yield response
        except httpx2.TransportError as error:
            raise self._unreachable(error) from error
        except httpx2.InvalidURL as error:
            raise UsageError(f"{self.url!r} is not the address of a server: {error}") from error

    def _whole(self, response: httpx2.Response) -> bytes:
        self._check(response)
        return self._capped(response)

    def _capped(self, response: httpx2.Response) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > MAX_ANSWER:
                raise NotAServerError(f"The answer of {self.url} is longer than {MAX_ANSWER:,} bytes")
        return bytes(body)

    def _check(self, response: httpx2.Response) -> None:
        """Raises: the error that the answer is."""
        kind, status = response.headers.get("content-type", "").partition(";")[0], response.status_code
        if status < 300 or status == 304:
            if kind == "text/html":
                raise self._stranger(f"a page ({kind})")
            return
        if kind == MEDIA_TYPE:
            try:
                body = json.loads(self._capped(response))
            except ValueError as error:
                raise self._stranger(f"{status} with a body that is not JSON") from error
            if isinstance(body, dict) and "code" in body:
                told = of_other_version(error_in(body, status), self.server_version)
                if isinstance(told, UnauthenticatedError):
                    told.remedy = f"Sign in with a token that is valid: forebear login {self.url}"
                raise told
        if status in TRIED_AGAIN:
            raise ServerUnreachableError(
                f"{self.url} answers {status} {response.reason_phrase}: the server behind it is not there",
                remedy="Try again in a moment",
                facts={"url": self.url, "status": status},
            )
        if status == 413:
            raise TooLargeError(
                f"{self.url}, or something before it, takes no body of this size ({status})",
                remedy=f"Ask its admin to let proxies pass {MAX_PIECE:,} bytes on (nginx: client_max_body_size 16m)",
                facts={"url": self.url, "status": status},
            )
        if 300 <= status < 400:
            raise NotAServerError(
                f"{self.url} sends to another address: {response.headers.get('location', '')[:200]}",
                remedy="Give that address, if it is the server that you mean",
                facts={"url": self.url, "status": status},
            )
        raise self._stranger(f"{status} {response.reason_phrase}".strip())

    def _stranger(self, answered: str) -> NotAServerError:
        return NotAServerError(
            f"{self.url} is not a Forebear server: it answers {answered}",
            remedy="Check the address",
            facts={"url": self.url},
        )

    def _unreachable(self, error: Exception) -> RegistryError:
        text = f"{error} {error.__cause__ or ''} {error.__context__ or ''}"
        if "CERTIFICATE" in text.upper():
            reason = text.partition("certificate verify failed: ")[2].partition(" (_ssl")[0] or "it does not verify"
            return CertificateRefusedError(
                f"The certificate of {self.url} is refused: {reason}",
                remedy="Ask its admin for a valid one. SSL_CERT_FILE=FILE adds the authority of your own network",
                facts={"url": self.url},
            )
        if "WRONG_VERSION_NUMBER" in text:
            reason, remedy = "what is there does not speak TLS", "If the server is at http://, write that"
        else:
            reason, remedy = _plain(error), "Check the address and the network, and that the server runs"
        return ServerUnreachableError(
            f"{self.url} cannot be reached: {reason}",
            remedy=remedy,
            facts={"url": self.url},
        )


def _plain(error: Exception) -> str:
    """Why something failed, in words for people."""
    return " ".join(_INTERNAL.sub("", str(error)).split()) or type(error).__name__


def _query(params: Mapping[str, object] | None) -> tuple[tuple[str, str], ...]:
    """Query parameters as the API reads them; None is left out, and several values repeat their name."""
    pairs: list[tuple[str, str]] = []
    for name, value in (params or {}).items():
        for one in value if isinstance(value, tuple | list) else (value,):
            if one is not None:
                written: Any = to_json(one)
                pairs.append((name, str(written).lower() if isinstance(written, bool) else str(written)))
    return tuple(pairs)


def signed_in(server: Connection, kind: type[T], method: str, path: str, body: Mapping[str, str], token: str) -> T:
    """Send `body` with a token that was typed anew, and give the answer as a value of type `kind`."""
    headers = {"Content-Type": "application/json", "Forebear-Sign-In": token}
    content = json.dumps(body).encode()
    return server.read(kind, server.request(method, path, content=content, headers=headers, seconds=LONG, changes=True))
