"""Which addresses a request may go to: by default none of the own machine, the own network or a cloud's metadata.

A name is looked up once, every address that it has is checked, and the connection is made to one of those very
addresses: a name that means something else a moment later (DNS rebinding) leads nowhere.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from registry.errors import RefusedError, RegistryError, UnavailableError

T = TypeVar("T")
SETTING = "FOREBEAR_WEBHOOK_HOSTS"
_GLOBAL = IPv6Network("2000::/3")
"""What of IPv6 is given out for the internet (RFC 4291 section 2.4)."""
_CARRIERS = (IPv6Network("2002::/16"), IPv6Network("2001::/32"))
"""6to4 and Teredo: addresses that carry an IPv4 address which a relay connects to."""
_NAT64 = IPv6Network("64:ff9b::/96")
"""A translator connects to the IPv4 address in the last 32 bits (RFC 6052 section 2.1)."""


@dataclass(frozen=True, slots=True)
class Place:
    """One address of a host, as a socket takes it."""

    family: int
    address: tuple[object, ...]


def is_public(text: str) -> bool:
    """True for a unicast address of the internet; an address that stands for another one is judged by that."""
    found = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(found, IPv6Address):
        inside = found.ipv4_mapped or (IPv4Address(int(found) & 0xFFFFFFFF) if found in _NAT64 else None)
        if inside is None:
            carried = any(found in network for network in _CARRIERS)
            return found in _GLOBAL and found.is_global and not carried
        found = inside
    return found.is_global and not found.is_multicast and not found.is_reserved


def places_of(
    host: str, port: int, *, allowed: Collection[str] = (), seconds: float, setting: str = SETTING
) -> Sequence[Place]:
    """Every address of `host`. Raises: UnavailableError when it has none or none comes in time.

    RefusedError, when one of them is not of the internet and `allowed` does not name the host as it is written here;
    `setting` is what it says that an admin can change.
    """
    found = within(seconds, lambda: _looked_up(host, port), f"The address of {host} was not found in time")
    places = list(dict.fromkeys(Place(family, address) for family, _, _, _, address in found))
    if host.lower() not in {one.lower() for one in allowed}:
        for one in places:
            if not is_public(str(one.address[0])):
                has = "" if host == one.address[0] else f" has the address {one.address[0]}, which"
                raise RefusedError(
                    f"{host}{has} is not an address of the internet",
                    remedy=f"To allow this host, name it in the setting {setting} of the server",
                )
    return places


def within(seconds: float, call: Callable[[], T], late: str) -> T:
    """What `call` gives, unless it takes longer: looking up a name has no time limit of its own.

    Raises: what `call` raises as an OSError or RegistryError; UnavailableError with the message `late`.
    """
    results: SimpleQueue[T | OSError | RegistryError] = SimpleQueue()

    def run() -> None:
        try:
            results.put(call())
        except (OSError, RegistryError) as error:
            results.put(error)

    Thread(target=run, name="look-up", daemon=True).start()
    try:
        result = results.get(timeout=seconds)
    except Empty:
        raise UnavailableError(late) from None
    if isinstance(result, OSError | RegistryError):
        raise result
    return result


def _looked_up(host: str, port: int) -> list[tuple[int, int, int, str, tuple[object, ...]]]:
    try:
        return [tuple(one) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]  # type: ignore[misc]
    except (socket.gaierror, UnicodeError) as error:
        raise UnavailableError(f"The host {host} has no address") from error
