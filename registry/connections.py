"""The server's connections: headers that come too slowly, or are ambiguous, end them; files go out by the kernel.

uvicorn speaks HTTP by h11. `protocol` adds to it a limit on the time of headers, a shorter way for large bodies
(`bodies`), and the extension
`http.response.zerocopysend` of ASGI: the bytes of a file go from the page cache to the socket (sendfile(2)) and are
neither read nor copied by this process.
"""

from __future__ import annotations

import asyncio
import io
import os
from typing import Any

import h11
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from registry.bodies import PIECE, Straight, outstanding

EXTENSION = "http.response.zerocopysend"
MAX_HEADER = 16 * 1024
"""Bytes of the address and the fields of a request. h11 counts those of a header alone that comes in pieces."""


class _Length:
    """Stands for bytes of a file where h11 counts them."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count


class Connection(H11Protocol):
    """One connection, which is closed when a header takes longer than `header_seconds`.

    The time begins when the connection is opened, or with the first byte of a further request; bytes that come
    meanwhile do not extend it. Between two requests uvicorn's own limit holds, and for bodies that of the guard.
    """

    header_seconds: float
    waiting: asyncio.TimerHandle | None = None
    straight: Straight | None = None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._inner = self.app
        self.app = self._with_files

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let the time run."""
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        super().data_received(data)
        self._look()
        if self.straight is None and self.cycle is not None and not self.cycle.response_complete:
            rest = outstanding(self.conn) - 1  # the last byte ends the request, which h11 does
            if rest >= PIECE:
                self.straight = Straight(self, rest, self._all_came)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._stop()
        super().connection_lost(exc)

    def _all_came(self) -> None:
        self.straight = None

    def _look(self) -> None:
        """Let the time run while a header is awaited, and no request is being answered."""
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop()
        elif self.waiting is None:
            self.waiting = self.loop.call_later(self.header_seconds, self.timeout_keep_alive_handler)

    def _stop(self) -> None:
        if self.waiting is not None:
            self.waiting.cancel()
            self.waiting = None

    async def _with_files(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application, whose answers may hold parts of files."""

        async def sending(message: Message) -> None:
            if message["type"] == EXTENSION:
                await self._send_file(message["file"], message["offset"], message["count"])
            else:
                await send(message)

        async def receiving() -> Message:
            message = await receive()
            if self.straight is not None and message["type"] == "http.request":
                self.straight.hand_over(message)
            return message

        if scope["type"] == "http":
            scope.setdefault("extensions", {})[EXTENSION] = {}
            refused = _refused(scope)
            if refused is not None:
                await _refuse(send, *refused)
                return
        await self._inner(scope, receiving, sending)

    async def _send_file(self, file: int, offset: int, count: int) -> None:
        """Send bytes of the body of the answer that was begun. Raises: ClientDisconnect."""
        if self.transport.is_closing():
            raise ClientDisconnect
        counted: Any = _Length(count)
        for part in self.conn.send_with_data_passthrough(h11.Data(data=counted)) or ():
            if part is not counted:  # what frames the bytes, where the length was not announced
                self.transport.write(part)
                continue
            with io.FileIO(os.dup(file), "rb") as source:
                try:
                    sent = await self.loop.sendfile(self.transport, source, offset, count)
                except (OSError, RuntimeError) as error:  # the client has gone
                    raise ClientDisconnect from error
            if sent < count:  # the file is shorter than was announced
                self.transport.close()
                raise ClientDisconnect


def _refused(scope: Scope) -> tuple[int, bytes] | None:
    """Why a request is not taken, with the status; None for one that is.

    With two framings, a proxy may take another part of the connection for the body than this server does, and what
    is left for a request of somebody else (RFC 9112 section 6.1).
    """
    size, names = len(scope["raw_path"]) + len(scope["query_string"]), set[bytes]()
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        names.add(name)
    if size > MAX_HEADER:
        return 431, b"The header of a request has at most %d bytes" % MAX_HEADER
    if names >= {b"content-length", b"transfer-encoding"}:
        return 400, b"A request has Content-Length or Transfer-Encoding, and not both"
    return None


async def _refuse(send: Send, status: int, sentence: bytes) -> None:
    """Answer, and close the connection: what comes after is not looked at."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(sentence)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": sentence})


def protocol(seconds: float) -> type[Connection]:
    """The protocol class for uvicorn with this limit."""

    class Limited(Connection):
        header_seconds = seconds

    return Limited
