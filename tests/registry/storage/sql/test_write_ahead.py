"""The log of changes is copied into the database: what was committed is in the file itself afterwards."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from registry.errors import UnavailableError
from registry.storage.database import Database
from registry.storage.sql import write_ahead
from tests.builders import event
from tests.fakes.clock import FakeClock


def entries(database: Database, scratch: Path) -> int:
    """How many audit entries the file has without its log."""
    alone = scratch / "alone.db"
    shutil.copy(str(database.engine.url.database), alone)
    with closing(sqlite3.connect(alone)) as connection:
        found: int = connection.execute("SELECT count(*) FROM audit_entry").fetchone()[0]
    return found


def log_of(database: Database) -> Path:
    return Path(f"{database.engine.url.database}-wal")


def test_what_was_committed_is_in_the_database_afterwards(sqlite_database: Database, tmp_path: Path) -> None:
    with sqlite_database.factory(FakeClock())(actor="ana", write=True) as uow:
        uow.commit(event())
    assert entries(sqlite_database, tmp_path) == 0
    sqlite_database.write_back()
    assert entries(sqlite_database, tmp_path) == 1


def test_a_long_log_begins_anew_although_a_reader_kept_its_pages(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_ahead, "LONG", 0)
    units = sqlite_database.factory(FakeClock())
    with units(actor="ana", write=True) as uow:
        uow.commit(event())
    with units(actor="ana") as reader:
        assert len(list(reader.audit.entries())) == 1
        with units(actor="ana", write=True) as uow:
            uow.commit(event())
        sqlite_database.write_back()
        assert entries(sqlite_database, tmp_path) < 2  # the reader still needs the log
    sqlite_database.write_back()
    assert entries(sqlite_database, tmp_path) == 2
    before = log_of(sqlite_database).stat().st_size
    with units(actor="ana", write=True) as uow:
        uow.commit(event())
    assert log_of(sqlite_database).stat().st_size == before


def test_a_log_that_cannot_be_copied_is_said(sqlite_database: Database) -> None:
    sqlite_database.write_back()
    sqlite_database.close()
    Path(str(sqlite_database.engine.url.database)).write_bytes(b"no database" * 1000)
    with pytest.raises(UnavailableError, match="log of the database"):
        sqlite_database.write_back()
