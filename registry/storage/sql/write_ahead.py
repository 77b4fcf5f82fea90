"""SQLite's log of changes (WAL) is copied into the database beside the requests, not inside of one.

SQLite itself copies it within the commit that makes the log long, which then takes as long as dozens of others.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from sqlalchemy import Engine

from registry.errors import UnavailableError
from registry.storage.sql.engines import begin_writing

LONG = 2_000
"""Pages of the log (8 MB) from which on it is begun anew even if writers have to wait for that."""


def write_back(engine: Engine) -> None:
    """Copy what the log holds into the database, which makes it durable there. Raises: UnavailableError.

    Writers go on meanwhile, so that some pages of theirs may stay in the log. It begins anew when it holds none; for
    a long one, writers therefore wait for the last few pages.
    """
    if engine.dialect.name != "sqlite":
        return
    pages, copied = _copy(engine)
    if pages > max(copied, LONG):
        with closing(begin_writing(engine)):
            _copy(engine)


def _copy(engine: Engine) -> tuple[int, int]:
    """The pages of the log, and how many of them are in the database now."""
    try:
        with closing(engine.raw_connection()) as connection:
            driver: Any = connection.driver_connection
            _, pages, copied = driver.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except sqlite3.Error as error:
        raise UnavailableError(f"The log of the database cannot be copied into it: {error}") from error
    return pages, copied
