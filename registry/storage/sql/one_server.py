"""At most one server at a time for a database, by a lock that ends with the process that has it."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, text

from registry.errors import ConflictError, RegistryError, UnavailableError

_KEY = 0x666F7265_73727672
"""Of PostgreSQL's advisory lock: `foresrvr` in ASCII."""


@contextmanager
def locked_database(engine: Engine) -> Iterator[None]:
    """Hold the lock of a PostgreSQL database. Raises: ConflictError while another server has it."""
    connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        if not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _KEY}).scalar_one():
            raise _taken("this database")
        yield
    finally:
        connection.invalidate()  # ends the session, and the lock with it
        connection.close()


@contextmanager
def locked_place(file: Path, what: str) -> Iterator[None]:
    """Hold the lock that is `file`, which is made. Raises: ConflictError, UnavailableError."""
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise UnavailableError(f"The lock file {file} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
            raise _taken(what) from None
        raise UnavailableError(f"The file {file} cannot be locked: {error.strerror}") from error
    try:
        yield
    finally:
        os.close(handle)


def _taken(what: str) -> RegistryError:
    return ConflictError(
        f"Another server works with {what}",
        remedy="Stop that one first; a registry has one server at a time, and any number of commands and workers",
    )
