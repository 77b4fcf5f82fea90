"""Reads from one Hub over HTTP: of hosts that a setting names alone, at addresses that were checked, up to a limit.

The Hub sends its large files from other hosts. A redirect is followed to a host of the list only, each one is checked
as the first address was, and the token goes to the Hub itself and nowhere else.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urljoin, urlsplit

from registry import __version__
from registry.errors import NotFoundError, RefusedError, RegistryError, TooLargeError, UnavailableError, UsageError
from registry.outgoing.connecting import connect, problem_of, target_of
from registry.outgoing.deadlines import Deadline

PRIVATE = "FOREBEAR_HUB_PRIVATE_HOSTS"
HOSTS = "FOREBEAR_HUB_HOSTS"
HOPS = 5
"""Redirects that are followed."""
CHUNK = 1024**2
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DENIED = frozenset({401, 403})
_MISSING = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class Hub:
    """A Hub: its address, and what the settings allow. `hosts` are `HOST`, or `HOST:PORT` for an unusual port.

    `private` are hosts whose address may be one of the own network, and which may be asked without encryption.
    """

    url: str
    hosts: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            whole = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            whole = False
        if not whole or parts.query or parts.fragment or parts.username is not None:
            raise UsageError(
                f"FOREBEAR_HUB_URL is {self.url[:200]!r}, which is not the address of a Hub",
                remedy="Write it as https://HOST",
            )

    def check(self, parts: SplitResult) -> None:
        """Raises: RefusedError unless the settings allow to ask this address."""
        host = (parts.hostname or "").lower()
        if _place(parts) not in {_place(urlsplit(self.url)), *(one.lower() for one in self.hosts)}:
            raise RefusedError(
                f"{_place(parts) or 'An address without a host'} is no host that models may be fetched from",
                remedy=f"If its files come from there, an admin of the registry names it in {HOSTS}",
            )
        if parts.username is not None or parts.password is not None:
            raise RefusedError(f"The address at {host} holds a user or a password, so it is not asked")
        if parts.scheme != "https" and not (parts.scheme == "http" and host in {one.lower() for one in self.private}):
            raise RefusedError(
                f"{host} is not asked without encryption", remedy=f"Use https://, or name the host in {PRIVATE}"
            )

    def is_own(self, parts: SplitResult) -> bool:
        """True for an address of the Hub itself, which gets the token."""
        own = urlsplit(self.url)
        return (parts.scheme, _place(parts)) == (own.scheme, _place(own))


def _place(parts: SplitResult) -> str:
    """The host, and its port where that is not the usual one of the scheme."""
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    host = (parts.hostname or "").lower()
    return host if parts.port in {None, usual} else f"{host}:{parts.port}"


def fetch(
    hub: Hub, path: str, *, most: int, seconds: float, into: Callable[[bytes], object], start: int = 0
) -> Mapping[str, str]:
    """Give the bytes at `path` of the Hub to `into`, from `start`; the header of the answer that the Hub itself gave.

    Raises: RefusedError for a host that is not allowed and for what the Hub refuses, NotFoundError, TooLargeError for
    more than `most` bytes, UnavailableError for what the network does; what `into` raises.
    """
    url = hub.url.rstrip("/") + path
    with Deadline(seconds) as deadline:
        try:
            return _fetched(hub, url, most, deadline, into, start)
        except RegistryError:
            raise
        except (OSError, http.client.HTTPException, ValueError) as error:
            if deadline.over or isinstance(error, TimeoutError):
                raise UnavailableError(f"{hub.url} was too slow: no answer within {seconds:g} s") from error
            raise UnavailableError(problem_of(error, f"the Hub {hub.url}")) from error


def _fetched(
    hub: Hub, url: str, most: int, deadline: Deadline, into: Callable[[bytes], object], start: int
) -> Mapping[str, str]:
    own: dict[str, str] = {}
    for _ in range(HOPS + 1):
        parts = urlsplit(url)
        hub.check(parts)
        connection = connect(parts, deadline, allowed=hub.private, setting=PRIVATE)
        try:
            connection.request("GET", target_of(parts), headers=_headers(hub, parts, start))
            answer = connection.getresponse()
            if hub.is_own(parts):
                own |= {name.lower(): value for name, value in answer.getheaders()}
            if answer.status in _REDIRECTS:
                url = urljoin(url, answer.getheader("Location") or "")
                continue
            _check(hub, answer, start)
            _read(answer, most, deadline, into)
            return own
        finally:
            connection.close()
    raise UnavailableError(f"{hub.url} sends from one address to the next, and to more than {HOPS}")


def _headers(hub: Hub, parts: SplitResult, start: int) -> dict[str, str]:
    sent = {"User-Agent": f"forebear/{__version__}", "Accept-Encoding": "identity"}
    if start:
        sent["Range"] = f"bytes={start}-"
    if hub.token is not None and hub.is_own(parts):
        sent["Authorization"] = f"Bearer {hub.token}"
    return sent


def _check(hub: Hub, answer: http.client.HTTPResponse, start: int) -> None:
    """Raises: the error that the answer is, where it is not what was asked for."""
    status = answer.status
    if status == (206 if start else 200):
        come = answer.getheader("Content-Range", "")
        if start and not come.startswith(f"bytes {start}-"):
            raise UnavailableError(f"{hub.url} answered another part of the file than was asked for")
        if answer.getheader("Content-Encoding", "identity") != "identity":
            raise UnavailableError(f"{hub.url} packs what it sends, although it was asked not to")
        return
    if status in _DENIED:
        raise RefusedError(
            f"{hub.url} refuses it ({status}): the repository does not exist, is private, or asks for an agreement",
            remedy="An admin of the registry can set FOREBEAR_HUB_TOKEN, the token of somebody who may read it",
        )
    if status in _MISSING:
        raise NotFoundError(f"{hub.url} does not have it ({status})", remedy="Check the name and the revision")
    raise UnavailableError(f"{hub.url} answers {status}", remedy="Try again in a moment")


def _read(answer: http.client.HTTPResponse, most: int, deadline: Deadline, into: Callable[[bytes], object]) -> None:
    come = 0
    while chunk := answer.read(CHUNK):
        come += len(chunk)
        if come > most:
            raise TooLargeError(f"More came than the {most:,} bytes that are read of this")
        into(chunk)
    if deadline.over:  # what was broken off looks whole
        raise TimeoutError
