"""Opening a database: what is refused, with which words."""

from __future__ import annotations

import sqlite3
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event, text

from registry.domain.people.people import Person, TokenSummary
from registry.errors import (
    ConflictError,
    HomeNotFoundError,
    IntegrityError,
    InvalidError,
    MissingExtraError,
    NewDatabaseError,
    NoSpaceError,
    OldDatabaseError,
    RegistryError,
    UnavailableError,
    UsageError,
)
from registry.storage import database as module
from registry.storage.database import Database, default_url, open_database
from registry.storage.revisions import HEAD
from registry.storage.sql import engines
from tests.builders import NOW, digest
from tests.builders import event as audit_event
from tests.fakes.clock import FakeClock


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found


def set_revision(database: Database, revision: str) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :to"), {"to": revision})


def test_reading_a_registry_folder_without_a_database_creates_none(tmp_path: Path) -> None:
    with open_database(default_url(tmp_path)) as database:
        assert database.revision() is None
        with pytest.raises(HomeNotFoundError, match="forebear init"):
            database.check()
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_this_program_is_used(database: Database) -> None:
    database.check()
    database.create_or_upgrade()
    assert database.revision() == HEAD


def test_an_older_database_asks_for_an_upgrade(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REVISIONS", ("0000", HEAD))
    set_revision(database, "0000")
    with pytest.raises(OldDatabaseError, match="forebear init --upgrade") as caught:
        database.check()
    assert caught.value.facts == {"found": "0000", "needed": HEAD}


def test_a_newer_database_is_refused_and_left_alone(database: Database) -> None:
    set_revision(database, "9999")
    for use in (database.check, database.create_or_upgrade):
        with pytest.raises(NewDatabaseError, match=f"9999.*{HEAD}"):
            use()
    assert database.revision() == "9999"


def test_a_check_costs_next_to_nothing(database: Database) -> None:
    database.check()
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "PRAGMA" not in statement:
            statements.append(statement)

    event.listen(database.engine, "before_cursor_execute", count)
    database.check()
    assert len(statements) <= 3


def test_a_file_that_is_no_database_is_damage(tmp_path: Path) -> None:
    (tmp_path / "registry.db").write_bytes(b"this was a photograph" * 100)
    with open_database(default_url(tmp_path)) as database, pytest.raises(IntegrityError, match="damaged"):
        database.check()


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    with open_database(default_url(tmp_path)) as database:
        database.create_or_upgrade()
    assert (tmp_path / "registry.db").stat().st_mode & 0o077 == 0


def test_a_registry_folder_that_cannot_be_created_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file in the way")
    with open_database(default_url(tmp_path / "home")) as database, pytest.raises(RegistryError):
        database.create_or_upgrade()


@pytest.mark.parametrize(
    "url",
    ["", "mysql://ana:secret@host/db", "not a url", "oracle+x://h/secret", "sqlite", "sqlite://", "sqlite:///:memory:"],
)
def test_a_url_of_another_database_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(UsageError, match="SQLite or PostgreSQL") as caught:
        open_database(url)
    assert "secret" not in str(caught.value)


def test_a_missing_driver_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtraError) as caught:
        open_database("postgresql://ana@localhost/registry")
    assert 'pip install "forebear[postgres]"' in str(caught.value)


def test_a_server_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    with open_database(f"postgresql://ana:secret@/registry?host={tmp_path}") as database:
        with pytest.raises(UnavailableError) as caught:
            database.check()
        assert "secret" not in str(caught.value) + database.location


def test_a_writer_that_waits_too_long_gets_an_error_that_others_are_writing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "PATIENCE_SECONDS", 1)
    with open_database(database.engine.url.render_as_string(hide_password=False)) as impatient:
        first, second = database.factory(FakeClock()), impatient.factory(FakeClock())
        with first(actor="ana", write=True) as uow:
            with pytest.raises(UnavailableError, match="Others are writing"), second(actor="bo", write=True):
                pass
            uow.commit(audit_event())
        with second(actor="bo", write=True) as uow:
            uow.commit(audit_event())
        with first(actor="ana") as uow:
            assert [entry.seq for entry in uow.audit.entries()] == [1, 2]


def test_a_full_disk_keeps_nothing_of_the_change(sqlite_database: Database) -> None:
    def small(connection: sqlite3.Connection, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 150").close()

    event.listen(sqlite_database.engine, "connect", small)
    open_uow = sqlite_database.factory(FakeClock())
    with pytest.raises(NoSpaceError), open_uow(actor="ana", write=True) as uow:
        uow.commit(*(audit_event(note="x" * 4000) for _ in range(200)))
    with open_uow(actor="ana") as uow:
        assert list(uow.audit.entries()) == []


def test_what_the_database_itself_refuses_is_a_conflict(database: Database) -> None:
    open_uow = database.factory(FakeClock())
    with open_uow(actor="ana", write=True) as uow:
        uow.people.add(Person("ana", "Ana", (), NOW))
        token = TokenSummary("tok-1", "ana", "laptop", "x9Qz", NOW, NOW, None, None)
        uow.people.add_token(token, digest("secret"))
        with pytest.raises(ConflictError):
            uow.people.add_token(replace(token, id="tok-2"), digest("secret"))


def test_text_that_is_no_unicode_is_invalid(database: Database) -> None:
    with (
        database.factory(FakeClock())(actor="ana", write=True) as uow,
        pytest.raises(InvalidError, match="cannot hold"),
    ):
        uow.people.add(Person("ana", "\ud800", (), NOW))


@pytest.mark.postgres
def test_text_that_postgres_cannot_hold_is_invalid(postgres_database: Database) -> None:
    open_uow = postgres_database.factory(FakeClock())
    for name in ("\x00", "x" * 200):
        person = Person("ana", name, (), NOW) if name == "\x00" else Person(name, "Ana", (), NOW)
        with open_uow(actor="ana", write=True) as uow, pytest.raises(InvalidError, match="cannot hold"):
            uow.people.add(person)
