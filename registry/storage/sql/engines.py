"""Engines for SQLite and PostgreSQL: how each begins to read or to write, and what its failures mean to people."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.pool import NullPool

from registry.domain.credentials import by_form, credential_error
from registry.errors import (
    ConflictError,
    IntegrityError,
    InvalidError,
    MissingExtraError,
    NoSpaceError,
    UnavailableError,
    UsageError,
)
from registry.storage.sql.pool import Connections, connect_writer
from registry.storage.sql.turns import Turns

_TAKE_THE_WRITERS_PLACE = f"SELECT pg_advisory_xact_lock({0x666F7265_62656172})"
"""PostgreSQL's advisory lock until the transaction ends; the key is `forebear` in ASCII."""
PATIENCE_SECONDS = 30
"""How long a writer waits for the one before it."""
_MOST_CONNECTIONS = 45
"""Connections beyond the five that are kept: more than a server has threads, so that readers never wait for writers."""
_LONGEST_LOG = 8_000
"""Pages (32 MB) from which on SQLite copies its log within a commit: servers do it before (`write_ahead`)."""
_MAPPED = 2**31
"""Bytes from the beginning of a SQLite file that are read as memory; SQLite itself maps no more than 2 GiB."""
_MODE, _TURN = "forebear_mode", "forebear_turn"
_TURNS = "forebear_turns"


def make_engine(url: str) -> Engine:
    """An engine for a SQLAlchemy URL. Raises: UsageError, MissingExtraError."""
    parsed = _parse(url)
    try:
        if parsed.get_backend_name() == "sqlite":
            engine = create_engine(
                parsed,
                poolclass=Connections,
                max_overflow=_MOST_CONNECTIONS,
                connect_args={"timeout": PATIENCE_SECONDS},
            )
            _listen_to_sqlite(engine)
        else:
            engine = create_engine(parsed, max_overflow=_MOST_CONNECTIONS, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "PostgreSQL needs a driver that is not installed", remedy='Run: pip install "forebear[postgres]"'
        ) from error
    event.listen(engine, "before_cursor_execute", _refuse_credentials)
    event.listen(engine, "handle_error", _on_error)
    return engine


def make_engine_for_full_disk(url: URL) -> Engine:
    """An engine for a SQLite file beside which no file can be made: its index of the log is kept in memory.

    Each of its connections has the file for itself, so they are kept no longer than they are used.
    """
    engine = create_engine(url, poolclass=NullPool, connect_args={"timeout": PATIENCE_SECONDS})
    event.listen(engine, "connect", lambda connection, _record: connection.execute("PRAGMA locking_mode = EXCLUSIVE"))
    _listen_to_sqlite(engine)
    event.listen(engine, "handle_error", _on_error)
    return engine


def begin_reading(engine: Engine) -> Connection:
    """A connection in a transaction that sees one moment of the database and cannot write."""
    if engine.dialect.name == "postgresql":
        return _begin(engine, {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True})
    return _begin(engine, {_MODE: "read"})


def begin_writing(engine: Engine) -> Connection:
    """A connection in a transaction that has the writer's place. Raises: UnavailableError after `PATIENCE_SECONDS`."""
    if engine.dialect.name == "postgresql":
        return _begin(engine, {}, f"SET LOCAL lock_timeout = '{PATIENCE_SECONDS}s'", _TAKE_THE_WRITERS_PLACE)
    return _begin_in_turn(engine, "write")


def begin_migrating(engine: Engine) -> Connection:
    """A connection in a transaction that may change tables. A second one waits for the first."""
    if engine.dialect.name == "postgresql":
        # While this migration waits for a table that others use, those behind it would wait too.
        return _begin(engine, {}, _TAKE_THE_WRITERS_PLACE, "SET LOCAL lock_timeout = '10s'")
    return _begin_in_turn(engine, "migrate")


def _begin_in_turn(engine: Engine, mode: str) -> Connection:
    """A connection of SQLite whose turn it is: nobody else has it until it is closed."""
    turns: Turns = engine.get_execution_options()[_TURNS]
    if not turns.take(PATIENCE_SECONDS):
        raise _others_are_writing()
    try:
        connection = connect_writer(engine)
    except BaseException:
        turns.give_back()
        raise
    _kept(connection)[_TURN] = True
    return _begun(connection, {_MODE: mode})


def _begin(engine: Engine, options: dict[str, Any], *statements: str) -> Connection:
    try:
        connection = engine.connect()
    except PoolTimeoutError as error:
        raise UnavailableError("Too many processes are using the registry", remedy="Try again in a moment") from error
    return _begun(connection, options, *statements)


def _begun(connection: Connection, options: dict[str, Any], *statements: str) -> Connection:
    try:
        connection = connection.execution_options(**options)
        connection.begin()
        for statement in statements:
            connection.execute(text(statement))
    except BaseException:
        connection.close()
        raise
    return connection


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        if parsed.drivername in {"postgres", "postgresql"}:
            parsed = parsed.set(drivername="postgresql+psycopg")
        backend = parsed.get_backend_name()
        if backend == "postgresql" or (backend == "sqlite" and parsed.database not in {None, "", ":memory:"}):
            return parsed
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise _bad_url() from error
    raise _bad_url()


def _bad_url() -> UsageError:
    # The URL itself stays out of the message: it may hold a password.
    return UsageError(
        "The database URL is not one of SQLite or PostgreSQL",
        remedy="Write sqlite:////folder/registry.db or postgresql://user@host/name",
    )


def _listen_to_sqlite(engine: Engine) -> None:
    turns = Turns()

    def begin(connection: Connection) -> None:
        _on_sqlite_begin(connection, turns)

    def end(_connection: object, entry: Any) -> None:
        if entry.record_info.pop(_TURN, False):
            turns.give_back()

    engine.update_execution_options(**{_TURNS: turns})
    event.listen(engine, "connect", _on_sqlite_connect)
    event.listen(engine, "begin", begin)
    event.listen(engine, "checkin", end)  # after COMMIT or ROLLBACK, also of a connection that was lost


def _on_sqlite_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver begins nothing on its own: _on_sqlite_begin does
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_LONGEST_LOG}")
    connection.execute(f"PRAGMA mmap_size = {_MAPPED}")


def _on_sqlite_begin(connection: Connection, turns: Turns) -> None:
    mode = connection.get_execution_options().get(_MODE, "write")
    driver: Any = connection.connection.driver_connection  # spares each transaction a third of a millisecond
    if connection.info.get(_MODE) != mode:  # not each time: SQLite then prepares every statement of it anew
        connection.info[_MODE] = None
        # Batch mode of migrations rebuilds tables that others refer to.
        driver.execute(f"PRAGMA foreign_keys = {'OFF' if mode == 'migrate' else 'ON'}")
        driver.execute(f"PRAGMA query_only = {'ON' if mode == 'read' else 'OFF'}")
        connection.info[_MODE] = mode
    if mode == "read":
        driver.execute("BEGIN")  # touches no file
    else:
        kept = _kept(connection)
        if not kept.get(_TURN):
            if not turns.take(PATIENCE_SECONDS):
                raise _others_are_writing()
            kept[_TURN] = True
        try:
            driver.execute("BEGIN IMMEDIATE")  # waits for other processes
        except sqlite3.Error as error:
            _tell(error, lost=False)
            raise


def _kept(connection: Connection) -> dict[Any, Any]:
    """What the pool keeps beside the connection until it is given back."""
    pooled: Any = connection.connection
    found: dict[Any, Any] = pooled.record_info
    return found


def _refuse_credentials(
    _connection: Connection, _cursor: object, statement: str, parameters: Any, _context: object, _many: bool
) -> None:
    """Write no text with the form of a credential, through whichever door it came. Raises: CredentialError.

    Those who take text refuse it earlier, with the name of the field and by more than its form.
    """
    if not statement.startswith(("INSERT", "UPDATE")):
        return
    for row in parameters if isinstance(parameters, list) else [parameters]:
        for value in row.values() if isinstance(row, Mapping) else row:
            text = value.decode("latin-1") if isinstance(value, bytes) and len(value) > _DIGEST else value
            if isinstance(text, str) and (found := next(by_form(text), None)) is not None:
                raise credential_error(found, "", f"text for the table {statement.split()[1 + (statement[0] == 'I')]}")


_DIGEST = 32
"""Bytes of a digest, the shortest kind of bytes in a row."""
_SQLITE = {
    sqlite3.SQLITE_BUSY: "busy",
    sqlite3.SQLITE_LOCKED: "busy",
    sqlite3.SQLITE_FULL: "full",
    sqlite3.SQLITE_CORRUPT: "broken",
    sqlite3.SQLITE_NOTADB: "broken",
    sqlite3.SQLITE_CANTOPEN: "gone",
    sqlite3.SQLITE_READONLY: "gone",
    sqlite3.SQLITE_IOERR: "gone",
    sqlite3.SQLITE_IOERR_SHMSIZE: "full",  # no room for the index of the log, which even a reader makes
}
_POSTGRES = {"55P03": "busy", "40P01": "busy", "40001": "busy", "53100": "full", "XX001": "broken", "XX002": "broken"}


def _on_error(context: ExceptionContext) -> None:
    """Turn a failure of the database into an error of the registry, whose cause it is."""
    _tell(context.original_exception, lost=context.is_disconnect)


def _tell(error: BaseException, *, lost: bool) -> None:
    code = getattr(error, "sqlite_errorcode", None)
    state = getattr(error, "sqlstate", None)
    meaning = _SQLITE.get(code, _SQLITE.get(code & 0xFF)) if code is not None else _POSTGRES.get(state or "")
    if meaning == "busy":
        raise _others_are_writing() from error
    if meaning == "full":
        raise NoSpaceError("The disk of the database is full; nothing was written") from error
    if meaning == "broken":
        raise IntegrityError(
            f"The database is damaged: {error}", remedy="Restore it from a backup; do not write to it"
        ) from error
    if meaning == "gone" or lost or _is_connection_failure(error, state):
        raise UnavailableError(f"The database cannot be reached: {error}".strip()) from error
    if isinstance(error, UnicodeEncodeError | OverflowError) or _is_psycopg(error, "DataError"):
        raise InvalidError(f"The database cannot hold this value: {error}".strip()) from error
    if (code is not None and code & 0xFF == sqlite3.SQLITE_CONSTRAINT) or (state or "").startswith("23"):
        raise ConflictError(f"The database refuses this: {error}".strip()) from error


def _others_are_writing() -> UnavailableError:
    return UnavailableError("Others are writing to the registry", remedy="Try again in a moment")


def _is_connection_failure(error: BaseException, state: str | None) -> bool:
    """A psycopg OperationalError without a state never reached the server."""
    return _is_psycopg(error, "OperationalError") and not state


def _is_psycopg(error: BaseException, name: str) -> bool:
    """Whether `error` is psycopg's class of this name, without importing psycopg."""
    return any(c.__name__ == name and c.__module__.startswith("psycopg") for c in type(error).__mro__)
