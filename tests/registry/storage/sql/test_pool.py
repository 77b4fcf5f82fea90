"""One connection writes, whoever asks for it; what was prepared on a connection stays so."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from registry.errors import UnavailableError
from registry.storage.database import Database
from registry.storage.sql import engines
from registry.storage.sql.engines import begin_migrating, begin_reading, begin_writing


def driver_of(connection: Connection) -> Any:
    return connection.connection.driver_connection


def used(begin: Callable[[Engine], Connection], engine: Engine) -> Any:
    """The driver's connection of one transaction."""
    with closing(begin(engine)) as connection:
        return driver_of(connection)


def test_whoever_writes_has_the_same_connection(sqlite_database: Database) -> None:
    engine, found = sqlite_database.engine, list[Any]()
    threads = [Thread(target=lambda: found.append(used(begin_writing, engine))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {used(begin_writing, engine)}
    with closing(begin_writing(engine)) as writing:
        assert used(begin_reading, engine) is not driver_of(writing)


def test_who_reads_has_the_connection_that_was_used_last(sqlite_database: Database) -> None:
    engine = sqlite_database.engine
    with closing(begin_reading(engine)) as one, closing(begin_reading(engine)) as other:
        last = driver_of(one)
        assert driver_of(other) is not last
        other.close()
    assert [used(begin_reading, engine) for _ in range(3)] == [last] * 3


@pytest.mark.parametrize("begin", [begin_reading, begin_writing])
def test_a_second_transaction_sets_nothing(begin: Callable[[Engine], Connection], sqlite_database: Database) -> None:
    engine, said = sqlite_database.engine, list[str]()
    used(begin, engine).set_trace_callback(said.append)
    used(begin, engine)
    assert [one.split()[0] for one in said] == ["BEGIN", "ROLLBACK"]


def test_who_reads_cannot_write_and_who_writes_after_a_migration_checks_what_refers_to_what(
    sqlite_database: Database,
) -> None:
    engine = sqlite_database.engine
    for begin, foreign_keys, query_only in (
        (begin_writing, 1, 0),
        (begin_migrating, 0, 0),
        (begin_writing, 1, 0),
        (begin_reading, 1, 1),
    ):
        with closing(begin(engine)) as connection:
            assert connection.execute(text("PRAGMA foreign_keys")).scalar_one() == foreign_keys
            assert connection.execute(text("PRAGMA query_only")).scalar_one() == query_only
            assert connection.execute(text("PRAGMA synchronous")).scalar_one() == 2  # each commit waits for the disk


def test_a_connection_that_cannot_be_made_gives_its_turn_back(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_engine: Engine) -> Connection:
        raise UnavailableError("No connection")

    with monkeypatch.context() as during:
        during.setattr(engines, "connect_writer", fails)
        with pytest.raises(UnavailableError, match="No connection"):
            begin_writing(sqlite_database.engine)
    monkeypatch.setattr(engines, "PATIENCE_SECONDS", 0.05)
    begin_writing(sqlite_database.engine).close()


def test_what_is_written_while_the_database_is_closed_is_committed(sqlite_database: Database) -> None:
    with closing(begin_writing(sqlite_database.engine)) as connection:
        connection.execute(text("CREATE TABLE late (id INTEGER)"))
        sqlite_database.engine.dispose()
        connection.commit()
    with closing(begin_reading(sqlite_database.engine)) as connection:
        assert connection.execute(text("SELECT count(*) FROM late")).scalar_one() == 0
