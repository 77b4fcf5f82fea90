"""One HTTP connection to an address that was checked: no proxy, and certificates are always verified."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Collection
from urllib.parse import SplitResult

from registry.outgoing.addresses import SETTING, places_of
from registry.outgoing.deadlines import Deadline


def connect(
    parts: SplitResult, deadline: Deadline, *, allowed: Collection[str], setting: str = SETTING
) -> http.client.HTTPConnection:
    """A connection to the host of an address, open until the deadline. `allowed`: see `places_of`.

    Raises: RegistryError as `places_of` does, OSError and ValueError of the network.
    """
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    connected = deadline.connect(places_of(host, port, allowed=allowed, seconds=deadline.left, setting=setting))
    if secure:
        context = ssl.create_default_context()
        connected = context.wrap_socket(connected, server_hostname=host, do_handshake_on_connect=False)
        deadline.watch(connected)
        connected.do_handshake()
    connection = http.client.HTTPConnection(host, port)
    connection.sock = connected
    return connection


def target_of(parts: SplitResult) -> str:
    """What the first line of a request names."""
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def problem_of(error: Exception, who: str) -> str:
    """What went wrong on a connection to `who`, such as `the receiver`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of {who} cannot be verified: {error.verify_message.rstrip('.')}"
    if isinstance(error, ssl.SSLError):
        return f"No encrypted connection to {who}: {error.reason or 'it ended'}"
    said = who[:1].upper() + who[1:]
    if isinstance(error, OSError) and error.strerror:
        return f"{said} cannot be reached: {error.strerror}"
    return f"{said} ended the connection or did not answer in HTTP"
