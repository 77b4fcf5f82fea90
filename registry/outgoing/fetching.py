"""Reads from a site over HTTP: of hosts that a setting names alone, at addresses that were checked, up to a limit.

A Hub sends its large files from other hosts. A redirect is followed to a host of the list only, each one is checked
as the first address was, and the token goes to the site itself and nowhere else.
"""

from __future__ import annotations

import base64
import http.client
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urljoin, urlsplit

from registry import __version__
from registry.errors import NotFoundError, RefusedError, RegistryError, TooLargeError, UnavailableError, UsageError
from registry.outgoing.connecting import connect, problem_of, target_of
from registry.outgoing.deadlines import Deadline

HOPS = 5
"""Redirects that are followed."""
CHUNK = 1024**2
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DENIED = frozenset({401, 403})
_MISSING = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Names:
    """What messages call a site, and the settings that say what of it is allowed."""

    what: str
    url: str
    private: str
    token: str
    example: str
    """How its address is written."""
    hosts: str = ""
    """The setting with the further hosts that it may send to; empty: it sends to none."""


HUB = Names(
    "Hub", "FOREBEAR_HUB_URL", "FOREBEAR_HUB_PRIVATE_HOSTS", "FOREBEAR_HUB_TOKEN", "https://HOST", "FOREBEAR_HUB_HOSTS"
)


@dataclass(frozen=True, slots=True)
class Site:
    """A server that is read from: its address, and what the settings allow.

    `hosts` are `HOST`, or `HOST:PORT` for an unusual port. `private` are hosts whose address may be one of the own
    network, and which may be asked without encryption. A token with a colon is a user and a password.
    """

    url: str
    hosts: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    token: str | None = field(default=None, repr=False)
    names: Names = HUB

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            whole = False
        if not whole or parts.query or parts.fragment or parts.username is not None:
            raise UsageError(
                f"{self.names.url} is {self.url[:200]!r}, which is not the address of a {self.names.what}",
                remedy=f"Write it as {self.names.example}",
            )

    @property
    def place(self) -> str:
        """The host, and its port where that is not the usual one of the scheme."""
        return place_of(urlsplit(self.url))

    def check(self, parts: SplitResult) -> None:
        """Raises: RefusedError unless the settings allow to ask this address."""
        host = (parts.hostname or "").lower()
        if place_of(parts) not in {self.place, *(one.lower() for one in self.hosts)}:
            admin = f"If its files come from there, an admin of the registry names it in {self.names.hosts}"
            raise RefusedError(
                f"{place_of(parts) or 'An address without a host'} is no host that models may be fetched from",
                remedy=admin if self.names.hosts else f"A {self.names.what} has to send its files itself",
            )
        if parts.username is not None or parts.password is not None:
            raise RefusedError(f"The address at {host} holds a user or a password, so it is not asked")
        if parts.scheme != "https" and not (parts.scheme == "http" and host in {one.lower() for one in self.private}):
            raise RefusedError(
                f"{host} is not asked without encryption",
                remedy=f"Use https://, or name the host in {self.names.private}",
            )

    def is_own(self, parts: SplitResult) -> bool:
        """True for an address of the site itself, which gets the token."""
        own = urlsplit(self.url)
        return (parts.scheme, place_of(parts)) == (own.scheme, place_of(own))

    @property
    def authorization(self) -> str | None:
        """The header of this name; None without a token."""
        if self.token is None:
            return None
        return (
            f"Basic {base64.b64encode(self.token.encode()).decode()}" if ":" in self.token else f"Bearer {self.token}"
        )


def place_of(parts: SplitResult) -> str:
    """The host, and its port where that is not the usual one of the scheme."""
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    host = (parts.hostname or "").lower()
    return host if parts.port in {None, usual} else f"{host}:{parts.port}"


def fetch(
    site: Site, path: str, *, most: int, seconds: float, into: Callable[[bytes], object], start: int = 0
) -> Mapping[str, str]:
    """Give the bytes at `path` of the site to `into`, from `start`; the header of the answer that the site itself gave.

    Raises: RefusedError for a host that is not allowed and for what the site refuses, NotFoundError, TooLargeError for
    more than `most` bytes, UnavailableError for what the network does; what `into` raises.
    """
    url = site.url.rstrip("/") + path
    with Deadline(seconds) as deadline:
        try:
            return _fetched(site, url, most, deadline, into, start)
        except RegistryError:
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:
            if deadline.over or isinstance(error, TimeoutError):
                raise UnavailableError(f"{site.url} was too slow: no answer within {seconds:g} s") from error
            raise UnavailableError(problem_of(error, f"the {site.names.what} {site.url}")) from error


def _fetched(
    site: Site, url: str, most: int, deadline: Deadline, into: Callable[[bytes], object], start: int
) -> Mapping[str, str]:
    own: dict[str, str] = {}
    for _ in range(HOPS + 1):
        parts = urlsplit(url)
        site.check(parts)
        connection = connect(parts, deadline, allowed=site.private, setting=site.names.private)
        try:
            connection.request("GET", target_of(parts), headers=_headers(site, parts, start))
            answer = connection.getresponse()
            if site.is_own(parts):
                own |= {name.lower(): value for name, value in answer.getheaders()}
            if answer.status in _REDIRECTS:
                url = urljoin(url, answer.getheader("Location") or "")
                continue
            _check(site, answer, start)
            _read(answer, most, deadline, into)
            return own
        finally:
            connection.close()
    raise UnavailableError(f"{site.url} sends from one address to the next, and to more than {HOPS}")


def _headers(site: Site, parts: SplitResult, start: int) -> dict[str, str]:
    sent = {"User-Agent": f"forebear/{__version__}", "Accept-Encoding": "identity"}
    if start:
        sent["Range"] = f"bytes={start}-"
    if site.authorization is not None and site.is_own(parts):
        sent["Authorization"] = site.authorization
    return sent


def _check(site: Site, answer: http.client.HTTPResponse, start: int) -> None:
    """Raises: the error that the answer is, where it is not what was asked for."""
    status = answer.status
    if status == (206 if start else 200):
        come = answer.getheader("Content-Range", "")
        if start and not come.startswith(f"bytes {start}-"):
            raise UnavailableError(f"{site.url} answered another part of the file than was asked for")
        if answer.getheader("Content-Encoding", "identity") != "identity":
            raise UnavailableError(f"{site.url} packs what it sends, although it was asked not to")
        return
    if status in _DENIED:
        raise RefusedError(
            f"{site.url} refuses it ({status}): it does not exist, is private, or asks for an agreement",
            remedy=f"An admin of the registry can set {site.names.token}, with the token of somebody who may read it",
        )
    if status in _MISSING:
        raise NotFoundError(f"{site.url} does not have it ({status})", remedy="Check what was named")
    raise UnavailableError(f"{site.url} answers {status}", remedy="Try again in a moment")


def _read(answer: http.client.HTTPResponse, most: int, deadline: Deadline, into: Callable[[bytes], object]) -> None:
    come = 0
    while chunk := answer.read(CHUNK):
        come += len(chunk)
        if come > most:
            raise TooLargeError(f"More came than the {most:,} bytes that are read of this")
        into(chunk)
    if deadline.over:  # what was broken off looks whole
        raise TimeoutError
