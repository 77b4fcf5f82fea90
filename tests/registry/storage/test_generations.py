"""The compiled graph in the registry folder: shared, replaced, and never used where it is not that of the table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from registry.services.storage.impact import CompiledState
from registry.storage.database import Database
from registry.storage.lineage import generations
from registry.storage.lineage.generations import ABOUT, Generations
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import add_version
from tests.fakes.clock import FakeClock


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(generations, "SAVED_FROM", 1)
    folder = tmp_path / "folder"
    folder.mkdir()
    yield folder
    assert not [one for one in (folder / "graph").iterdir() if not one.name.isdecimal()], "nothing half-made is left"


def process(database: Database, home: Path) -> SqlUnitOfWorkFactory:
    """As another process has it: nothing in memory."""
    return SqlUnitOfWorkFactory(database.engine, FakeClock(), None, home / "graph")


def grow(database: Database, count: int = 1) -> None:
    with SqlUnitOfWorkFactory(database.engine, FakeClock())(actor="ana", write=True) as uow:
        for _ in range(count):
            add_version(uow, "vision/line", parents=[add_version(uow, "vision/base")])
        uow.commit_unaudited()


def edges(opened: SqlUnitOfWorkFactory) -> int:
    with opened(actor="ana") as uow:
        return len(uow.impact.graph())


def state(opened: SqlUnitOfWorkFactory) -> CompiledState | None:
    with opened(actor="ana") as uow:
        return uow.impact.state()


def folders(home: Path) -> list[str]:
    return sorted(one.name for one in (home / "graph").iterdir())


def test_another_process_maps_what_one_has_made_and_reads_what_is_newer_from_the_table(
    sqlite_database: Database, home: Path
) -> None:
    grow(sqlite_database)
    assert edges(process(sqlite_database, home)) == 3
    assert folders(home) == ["3"]
    grow(sqlite_database)
    other = process(sqlite_database, home)
    with other(actor="ana") as uow:
        graph = uow.impact.graph()
    assert (len(graph), graph.newer) == (6, 3)
    assert isinstance(graph.base.targets.base, np.memmap)
    assert not graph.base.targets.flags.writeable
    assert folders(home) == ["3"], "few are newer: nothing is written"
    assert (home / "graph").stat().st_mode & 0o077 == 0


def test_an_older_one_is_removed_when_a_newer_one_is_there_and_who_has_it_keeps_it(
    sqlite_database: Database, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(sqlite_database)
    edges(process(sqlite_database, home))
    reader = process(sqlite_database, home)
    with reader(actor="ana") as uow:
        old = uow.impact.graph()
    monkeypatch.setattr(generations, "MOST_NEWER", 2)
    grow(sqlite_database)
    assert edges(process(sqlite_database, home)) == 6
    assert folders(home) == ["6"]
    assert len(old) == 3
    assert int(old.base.targets.sum()) >= 0
    assert edges(reader) == 6


def test_a_file_with_other_bytes_is_not_used_and_is_made_anew(sqlite_database: Database, home: Path) -> None:
    grow(sqlite_database)
    edges(process(sqlite_database, home))
    for name in ("targets.npy", ABOUT):
        file = home / "graph" / "3" / name
        data = bytearray(file.read_bytes())
        data[-1] ^= 1
        file.write_bytes(data)
        assert edges(process(sqlite_database, home)) == 3
        assert state(process(sqlite_database, home)) is not None


def test_one_of_another_form_is_left_and_not_read(sqlite_database: Database, home: Path) -> None:
    grow(sqlite_database)
    edges(process(sqlite_database, home))
    about = home / "graph" / "3" / ABOUT
    about.write_text(json.dumps({"form": 99}))
    assert state(process(sqlite_database, home)) is None
    assert edges(process(sqlite_database, home)) == 3


def test_one_of_another_registry_or_of_a_time_that_was_undone_is_not_used(
    sqlite_database: Database, home: Path, tmp_path: Path
) -> None:
    grow(sqlite_database, 2)
    edges(process(sqlite_database, home))
    assert folders(home) == ["6"]
    with sqlite_database.engine.begin() as connection:  # as an older backup has it
        connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        connection.exec_driver_sql("DELETE FROM edge WHERE id > 3")
    assert edges(process(sqlite_database, home)) == 3
    with sqlite_database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE edge SET created_at = '2020-01-01 00:00:00.000000'")
    assert edges(process(sqlite_database, home)) == 3


def test_what_the_table_does_not_say_is_told(sqlite_database: Database, home: Path) -> None:
    grow(sqlite_database, 2)
    opened = process(sqlite_database, home)
    edges(opened)
    found = state(opened)
    assert found is not None
    assert (found.through, found.edges, found.newer, found.right) == (6, 6, 0, True)
    with sqlite_database.engine.begin() as connection:  # by hand, past the registry
        connection.exec_driver_sql("UPDATE edge SET from_node = 1 WHERE id = 4")
    wrong = state(opened)
    assert wrong is not None
    assert not wrong.right


def test_what_cannot_be_the_same_graph_is_made_anew(sqlite_database: Database, home: Path) -> None:
    grow(sqlite_database, 2)
    opened = process(sqlite_database, home)
    edges(opened)
    with sqlite_database.engine.begin() as connection:  # closes an edge that the compiled graph has otherwise
        connection.exec_driver_sql(
            "INSERT INTO edge (id, from_node, to_node, role, assurance, created_at) "
            "SELECT 7, from_node, to_node, role, assurance, created_at FROM edge WHERE id = 2"
        )
        connection.exec_driver_sql("UPDATE edge SET role = 'other', superseded_by = 7 WHERE id = 2")
    wrong = state(opened)
    assert wrong is not None
    assert not wrong.right
    assert edges(opened) == 6
    found = state(opened)
    assert found is not None
    assert (found.right, found.newer) == (True, 0)


def test_where_nothing_can_be_written_the_answer_is_right_all_the_same(
    sqlite_database: Database, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    grow(sqlite_database)
    (home / "graph").mkdir()
    taken = home / "graph" / "3"
    taken.write_text("a file where the folder should be")
    opened = process(sqlite_database, home)
    assert edges(opened) == 3
    assert "could not be kept" in caplog.text
    taken.unlink()


def test_without_a_folder_it_is_kept_in_memory(sqlite_database: Database) -> None:
    grow(sqlite_database)
    kept = Generations(None)
    with sqlite_database.engine.connect() as connection:
        first = kept.current(connection)
        assert kept.current(connection).base is first.base
        kept.remove()
        assert kept.state(connection) is None


def test_a_small_graph_is_not_written(sqlite_database: Database, tmp_path: Path) -> None:
    grow(sqlite_database)
    assert edges(process(sqlite_database, tmp_path)) == 3
    assert not (tmp_path / "graph").exists()
