"""One time limit for all that happens on a connection: time limits of sockets begin anew with every byte."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Sequence
from threading import Timer
from types import TracebackType
from typing import Self

from registry.outgoing.addresses import Place


class Deadline:
    """Ends a connection after `seconds`: whoever waits for it fails then. Use it in a `with`."""

    def __init__(self, seconds: float) -> None:
        self._until = time.monotonic() + seconds
        self._socket: socket.socket | None = None
        self._timer = Timer(seconds, self._end)
        self._timer.daemon = True
        self.over = False

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        if self._socket is not None:
            self._socket.close()

    @property
    def left(self) -> float:
        """Seconds that are left, a little at least."""
        return max(0.01, self._until - time.monotonic())

    def watch(self, connected: socket.socket | None) -> None:
        """Make `connected` the connection that ends."""
        self._socket = connected
        if self.over:
            self._end()

    def connect(self, places: Sequence[Place]) -> socket.socket:
        """A connection to the first of `places` that answers. Raises: OSError of the last one."""
        failed: OSError = OSError("The host has no address")
        for place in places:
            connected = socket.socket(place.family, socket.SOCK_STREAM)
            self.watch(connected)
            connected.settimeout(self.left)
            try:
                connected.connect(place.address)
            except OSError as error:
                connected.close()
                failed = error
            else:
                return connected
        raise failed

    def _end(self) -> None:
        self.over = True
        if self._socket is not None:
            with contextlib.suppress(OSError):
                # That of the plain socket: an encrypted one must not be told while another thread reads from it.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
