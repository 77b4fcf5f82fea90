"""The server's connections: one whose request header does not come in time is closed."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


def protocol(header_seconds: float) -> type[H11Protocol]:
    """The protocol class for uvicorn that closes a connection when a header takes longer than `header_seconds`.

    The time begins when the connection is opened, or with the first byte of a further request; bytes that come
    meanwhile do not extend it. Between two requests uvicorn's own limit holds, and for bodies that of the guard.
    """

    class Connection(H11Protocol):
        waiting: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._look()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._look()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop()
            super().connection_lost(exc)

        def _look(self) -> None:
            """Let the time run while a header is awaited, and no request is being answered."""
            if self.cycle is not None and not self.cycle.response_complete:
                self._stop()
            elif self.waiting is None:
                self.waiting = self.loop.call_later(header_seconds, self.timeout_keep_alive_handler)

        def _stop(self) -> None:
            if self.waiting is not None:
                self.waiting.cancel()
                self.waiting = None

    return Connection
