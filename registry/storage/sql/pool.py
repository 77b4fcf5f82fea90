"""The connections of one SQLite file: one for whoever has the turn to write, and others for those who read.

SQLite throws away the pages that a connection has read as soon as another one has written: the one that alone writes
keeps them. Those who read take the connection that was used last, which has its statements prepared.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from sqlalchemy import Connection, Engine
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

_writing = ContextVar("writing", default=False)


def connect_writer(engine: Engine) -> Connection:
    """The connection for writing, in the turn of the caller: nobody else asks for it until it is closed."""
    before = _writing.set(True)
    try:
        return engine.connect()
    finally:
        _writing.reset(before)


class Connections(QueuePool):
    """Those for reading are lent as `QueuePool` lends them."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **(named | {"use_lifo": True}))
        self._writer: ConnectionPoolEntry | None = None

    def dispose(self) -> None:
        """Close what is not in use."""
        writer, self._writer = self._writer, None
        if writer is not None and not writer.in_use:
            writer.close()
        super().dispose()

    def _do_get(self) -> ConnectionPoolEntry:
        if not _writing.get():
            return super()._do_get()
        if self._writer is None:
            self._writer = self._create_connection()
        return self._writer

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        if record is not self._writer:
            super()._do_return_conn(record)
