"""Migrations: they make what the tables say, can be undone, and wait for each other."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, inspect, text

from registry.domain.audit import verify_chain
from registry.domain.catalog.models import SearchQuery
from registry.domain.data.datasets import LabelKind, NumberSummary
from registry.domain.names import Reference
from registry.storage.database import Database, open_database
from registry.storage.migrations import config, upgrade
from registry.storage.revisions import HEAD, REVISIONS
from registry.storage.sql.engines import begin_migrating
from registry.storage.tables import metadata, team
from registry.storage.tables.listing import FULL_TEXT
from tests.builders import dataset_ref
from tests.fakes.clock import FakeClock

ROOT = Path(__file__).parents[3]
OLD = Path(__file__).parent / "old"


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database with nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'registry.db'}"
    make: Callable[[], str] = request.getfixturevalue("new_postgres_url")
    return make()


@pytest.fixture
def database(new_url: str) -> Iterator[Database]:
    with open_database(new_url) as database:
        yield database


def tables(database: Database) -> set[str]:
    with database.engine.connect() as connection:
        found = inspect(connection).get_table_names()
    return {name for name in found if not name.startswith(FULL_TEXT)}


def test_the_program_knows_every_revision_in_order() -> None:
    scripts = ScriptDirectory.from_config(config())
    assert tuple(reversed([script.revision for script in scripts.walk_revisions()])) == REVISIONS
    assert scripts.get_heads() == [HEAD]


def test_migrations_make_exactly_what_the_tables_say(database: Database) -> None:
    database.create_or_upgrade()
    connection = begin_migrating(database.engine)
    try:
        command.check(config(connection))
    finally:
        connection.close()
    assert tables(database) == {*metadata.tables, "alembic_version"}


def test_every_constraint_and_index_has_the_name_that_the_tables_give_it(database: Database) -> None:
    database.create_or_upgrade()
    with database.engine.connect() as connection:
        made = names(connection)
        connection.rollback()
        metadata.drop_all(connection)
        metadata.create_all(connection)
        assert made == names(connection)


def names(connection: Connection) -> set[tuple[str, str | None]]:
    """Every constraint and index with its table."""
    found = inspect(connection)
    everything: set[tuple[str, str | None]] = set()
    for table in metadata.tables:
        everything.add((table, found.get_pk_constraint(table)["name"]))
        for kind in (found.get_foreign_keys, found.get_unique_constraints, found.get_indexes):
            everything |= {(table, constraint["name"]) for constraint in kind(table)}
    return everything


def test_a_column_that_no_migration_makes_is_noticed(database: Database) -> None:
    database.create_or_upgrade()
    connection = begin_migrating(database.engine)
    try:
        connection.execute(text("ALTER TABLE node ADD COLUMN colour VARCHAR"))
        with pytest.raises(Exception, match="colour"):
            command.check(config(connection))
    finally:
        connection.close()


def test_migrations_run_up_and_down_and_up_again(database: Database) -> None:
    database.create_or_upgrade()
    connection = begin_migrating(database.engine)
    command.downgrade(config(connection), "base")
    connection.commit()
    connection.close()
    assert tables(database) == {"alembic_version"}
    database.create_or_upgrade()
    database.check()
    assert tables(database) == {*metadata.tables, "alembic_version"}


def test_a_version_that_would_show_closed_teams_is_not_gone_back_to(database: Database) -> None:
    database.create_or_upgrade()
    connection = begin_migrating(database.engine)
    row = {"folded": "vision", "name": "vision", "closed": True, "changed_at": FakeClock().now(), "changed_by": "ana"}
    connection.execute(insert(team), row)
    connection.commit()
    connection.close()
    connection = begin_migrating(database.engine)
    with pytest.raises(RuntimeError, match="These teams are closed, and the version before would show them: vision"):
        command.downgrade(config(connection), "0047")
    connection.close()


def test_a_migration_that_fails_leaves_the_database_as_it_was(database: Database) -> None:
    connection = begin_migrating(database.engine)
    upgrade(connection, HEAD)
    connection.close()  # as when the program dies before the commit
    assert tables(database) == set()
    assert database.revision() is None


def test_an_upgrade_gives_back_a_trigger_that_somebody_removed(tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path / 'registry.db'}") as database:
        connection = begin_migrating(database.engine)
        upgrade(connection, "0024")
        connection.execute(text("DROP TRIGGER audit_index_update"))
        connection.commit()
        connection.close()
        database.create_or_upgrade()
        with database.engine.connect() as reading:
            triggers = reading.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all()
    assert "audit_index_update" in triggers


def test_processes_that_upgrade_at_once_wait_for_each_other(new_url: str) -> None:
    program = """
import sys
from registry.storage.database import open_database
sys.stdin.readline()
with open_database(sys.argv[1]) as database:
    database.create_or_upgrade()
    database.check()
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", program, new_url],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    errors = [process.communicate(timeout=60)[1] for process in processes]
    assert errors == [""] * 2
    with open_database(new_url) as database, database.engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [HEAD]


def test_a_developer_uses_alembic_from_the_root(new_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FOREBEAR_DATABASE_URL", new_url)
    ini = Config(ROOT / "alembic.ini")
    command.upgrade(ini, "head")
    command.check(ini)
    with open_database(new_url) as database:
        database.check()


@pytest.mark.parametrize("dump", sorted(OLD.glob("*.sql")), ids=lambda path: path.stem)
def test_every_old_database_is_read_for_ever(dump: Path, tmp_path: Path) -> None:
    file = tmp_path / "registry.db"
    with sqlite3.connect(file) as raw:
        raw.executescript(dump.read_text())
    raw.close()
    with open_database(f"sqlite:///{file}") as database:
        database.create_or_upgrade()
        database.check()
        with database.factory(FakeClock())(actor="ana") as uow:
            found = uow.catalog.search(SearchQuery(text="digits")).items
            assert [str(item.name) for item in found] == ["vision/digits"]
            ref = uow.catalog.resolve(Reference.parse("models:/vision/digits@champion"))
            assert ref is not None
            detail = uow.catalog.version(ref)
            assert detail is not None
            assert [parent.label for parent in detail.parents] == ["vision/base/1"]
            assert detail.summary.metrics == {"accuracy": 0.93}
            assert detail.card is not None
            assert detail.card.text == "# Digits"
            scans = uow.datasets.version(dataset_ref("vision/scans/1"))
            assert scans is not None
            assert (scans.summary.labels, scans.summary.classes) == (LabelKind.CLASS, ("cat", "dog"))
            assert all(split.numbers is None for split in scans.summary.splits)
            ratings = uow.datasets.version(dataset_ref("text/ratings/1"))
            assert (ratings is None) == (dump.stem == "0001"), "before there were numbers"
            if ratings is not None:
                assert ratings.summary.labels is LabelKind.NUMBER
                assert ratings.summary.splits[0].numbers == NumberSummary(-1.5, 0.25, 3.0)
            person = uow.people.get("ana")
            assert person is not None
            assert person.roles == ("admin",)
            assert verify_chain(uow.audit.entries()).intact


def test_points_of_an_old_curve_are_numbered_in_the_order_of_training(tmp_path: Path) -> None:
    file = tmp_path / "registry.db"
    with sqlite3.connect(file) as raw:
        raw.executescript((OLD / "0001.sql").read_text())
        for step_id in (1, 3):
            for epoch, role in ((10, "train"), (2, "train"), (2, "validation")):
                raw.execute("INSERT INTO curve_point VALUES (?, 'loss', ?, ?, ?, 0.5)", (step_id, role, epoch, epoch))
    raw.close()
    with open_database(f"sqlite:///{file}") as database:
        database.create_or_upgrade()
        with database.engine.connect() as connection:
            found = connection.execute(text("SELECT step_id, number, epoch, role FROM curve_point ORDER BY 1, 2"))
            order = [(1, 2, "train"), (2, 2, "validation"), (3, 10, "train")]
            assert found.all() == [(step_id, *point) for step_id in (1, 3) for point in order]
