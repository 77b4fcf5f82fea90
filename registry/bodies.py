"""Large bodies of requests, read from the socket into the pieces that the application gets: h11 copies them five times.

h11 reads the header of a request and the first bytes of its body. The rest but for the last byte goes by `Straight`,
which takes the place of the protocol meanwhile and tells h11 how much came; with the last byte h11 ends the request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import h11
from h11._readers import ContentLengthReader
from starlette.types import Message
from uvicorn.protocols.http.h11_impl import H11Protocol

PIECE = 1024**2
"""Bytes that the application is given at once, at most. A body of which no more is to come goes by h11."""
FIRST = 64 * 1024
"""Bytes of the first piece. Each further one is twice as long while they come quickly: a stalled body holds little."""
WAIT = 0.1
"""Seconds after which it is given what has come of a piece."""


def outstanding(connection: h11.Connection) -> int:
    """The bytes of the present body that are still to come; 0 where their number was not announced."""
    reader = connection._reader  # h11 says it in no other way
    if connection.they_are_waiting_for_100_continue or not isinstance(reader, ContentLengthReader):
        return 0
    return reader._remaining


class Straight(asyncio.BufferedProtocol):
    """Reads `left` bytes of a body, and gives the connection back to its own protocol; `done` is called at its end."""

    def __init__(self, connection: H11Protocol, left: int, done: Callable[[], None]) -> None:
        self._connection, self._left, self._done = connection, left, done
        self._cycle: Any = connection.cycle
        self._h11: Any = connection.conn._reader
        self._ready: list[bytes | bytearray] = [bytes(self._cycle.body)] if self._cycle.body else []
        self._cycle.body = bytearray()  # from now on it holds what comes after these bytes
        self._size = FIRST
        self._piece, self._filled = bytearray(min(FIRST, left)), 0
        self._timer: asyncio.TimerHandle | None = None
        connection.transport.set_protocol(self)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - any size is right
        """Where the next bytes go: never beyond this body."""
        return memoryview(self._piece)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Count what came."""
        self._filled += nbytes
        self._left -= nbytes
        self._h11._remaining -= nbytes
        if self._cycle.response_complete:  # it was answered already: h11 drops the rest
            self._give_back()
            self._done()
        elif self._filled < len(self._piece):
            self._timer = self._timer or self._connection.loop.call_later(WAIT, self._cycle.message_event.set)
        else:
            self._ready.append(self._piece)
            self._size = min(2 * self._size, PIECE)
            self._renew()
            self._cycle.message_event.set()
            if self._left:
                self._connection.flow.pause_reading()  # until the application asks for more
            else:
                self._give_back()

    def hand_over(self, message: Message) -> None:
        """Put what came into `message`, whose body has what came after these bytes."""
        if not self._left:
            message["body"] = b"".join([*self._ready, message["body"]])
            self._done()
            return
        if not self._ready:
            self._ready.append(self._piece[: self._filled])
            self._size = FIRST
            self._renew()
        message["body"] = self._ready.pop(0)
        if self._ready:
            self._cycle.message_event.set()

    def _renew(self) -> None:
        self._piece, self._filled = bytearray(min(self._size, self._left)), 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_back(self) -> None:
        self._renew()
        self._connection.transport.set_protocol(self._connection)

    # --- what is the connection's own -------------------------------------------------------------------------------

    def eof_received(self) -> None:
        """The client sends no more."""
        self._connection.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client has gone."""
        self._renew()
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        """It has read."""
        self._connection.resume_writing()
