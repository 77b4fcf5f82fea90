"""Whether a database was changed, told without reading a table."""

from __future__ import annotations

import sqlite3
from threading import Lock


class ChangeMark:
    """SQLite's own count of changes, by a connection that never changes anything itself (`PRAGMA data_version`)."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None

    def read(self) -> int | None:
        """Another number after each commit of any connection of any process; None if that cannot be told now."""
        try:
            with self._lock:
                if self._connection is None:
                    self._connection = sqlite3.connect(self._file, timeout=0, check_same_thread=False)
                number: int = self._connection.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error:
            return None
        return number

    def close(self) -> None:
        """Release the connection; `read` opens another."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
