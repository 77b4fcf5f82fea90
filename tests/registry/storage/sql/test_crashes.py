"""A crash at any point of a write leaves a database that opens, with a log that is a prefix of the whole one."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from registry import bootstrap
from registry.domain.audit import AuditEntry
from registry.settings import Settings
from registry.storage.database import default_url, open_database
from tests.fakes.clock import FakeClock

OFF = Settings(mlflow_uri="off")
HEADER, FRAME_HEADER = 32, 24
"""Bytes of the header of a write-ahead log, and of each frame's (sqlite.org/walformat.html)."""
PAGE = 4096


def chain_of(home: Path) -> list[AuditEntry]:
    with open_database(default_url(home)) as database:
        database.check()
        with database.factory(FakeClock())(actor="root") as uow:
            return list(uow.audit.entries())


def crashes(tmp_path: Path, writes: int, step: int) -> int:
    """Cut the log of `writes` changes after each page and in the middle of it; how many cuts were tried."""
    home, crashed = tmp_path / "home", tmp_path / "crashed"
    bootstrap.init(home, settings=OFF, actor="ana")
    file, log = home / "registry.db", home / "registry.db-wal"
    keeper = sqlite3.connect(file)  # while it is open nothing is moved from the log into the database
    keeper.execute("PRAGMA wal_autocheckpoint = 0")
    keeper.execute("SELECT count(*) FROM audit_entry").fetchone()
    with bootstrap.open(home, settings=OFF, actor="ana") as registry:
        for number in range(writes):
            registry.people.add(f"person-{number}", f"Person {number}")
        database, written = file.read_bytes(), log.read_bytes()
        whole = chain_of(home)
    keeper.close()
    frames, seen = (len(written) - HEADER) // (FRAME_HEADER + PAGE), set[int]()
    ends = [HEADER + frame * (FRAME_HEADER + PAGE) for frame in range(0, frames + 1, step)]
    cuts = [0, HEADER - 1, *ends, *(end + 2000 for end in ends[:-1])]
    for cut in cuts:
        crashed.mkdir()
        (crashed / "registry.db").write_bytes(database)
        (crashed / "registry.db-wal").write_bytes(written[:cut])
        found = chain_of(crashed)
        assert found == whole[: len(found)]
        seen.add(len(found))
        with bootstrap.open(crashed, settings=OFF, actor="ana") as registry:
            assert registry.audit.verify().intact
            registry.people.add("after-the-crash", "After the crash")
        (state,) = sqlite_check(crashed / "registry.db")
        assert state == "ok"
        shutil.rmtree(crashed)
    assert min(seen) < max(seen) == len(whole)
    return len(cuts)


def sqlite_check(file: Path) -> list[str]:
    connection = sqlite3.connect(file)
    try:
        return [str(row[0]) for row in connection.execute("PRAGMA integrity_check")]
    finally:
        connection.close()


def test_a_log_that_was_cut_at_some_pages_is_a_prefix_of_the_whole_one(tmp_path: Path) -> None:
    assert crashes(tmp_path, writes=3, step=6) > 4


@pytest.mark.slow
def test_a_log_that_was_cut_at_every_page_is_a_prefix_of_the_whole_one(tmp_path: Path) -> None:
    tried = crashes(tmp_path, writes=60, step=1)
    print(f"{tried} prefixes of the write-ahead log, 0 that were not a prefix of the audit log")
    assert tried > 400
