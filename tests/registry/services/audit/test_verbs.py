"""The audit chain over a real database: tampering with the file is found, and the export can be verified elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from lineage import Digest
from registry.domain.audit import AuditEntry, verify_chain
from registry.domain.paging import PageRequest
from registry.domain.people.people import Actor
from registry.errors import AuditBrokenError, PermissionDeniedError, RegistryError
from registry.services.audit.verbs import Audit
from registry.storage.database import Database
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.registry.services.teams import Team, populate


@pytest.fixture
def team(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Team:
    team = populate(Team(open_uow, clock, tmp_path))
    for role in ("reader", "auditor", "guest"):
        team.people("root").grant("ana", role)
    return team


def force(database: Database, *statements: str) -> None:
    """What somebody with the file in hand can do: the triggers that refuse it are dropped first."""
    with database.engine.begin() as connection:
        for name in _triggers(connection):
            connection.execute(text(f"DROP TRIGGER {name}"))
        for statement in statements:
            connection.execute(text(statement))


def _triggers(connection: Connection) -> list[str]:
    return [row[0] for row in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))]


def test_the_chain_of_a_used_registry_holds(team: Team) -> None:
    report = Audit(team.context("guest")).verify()
    assert report.intact
    assert report.entries == 14


@pytest.mark.parametrize(
    ("change", "seq", "reason"),
    [
        ("body = CAST(replace(CAST(body AS TEXT), 'root', 'evil') AS BLOB)", 3, "The body of entry 3 was changed"),
        ("leaf = zeroblob(32)", 3, "The body of entry 3 was changed"),
        ("entry = zeroblob(32)", 3, "The hash of entry 3 was changed"),
        ("previous = zeroblob(32)", 3, "Entry 3 does not follow entry 2"),
        ("seq = 30", 3, "Entry 3 is missing: the next row is 4"),
        ("body = 'text'", 3, "Entry 3 cannot be read"),
        ("body = 1000000000000", 3, "Entry 3 cannot be read"),
        ("leaf = x'00'", 3, "Entry 3 cannot be read"),
    ],
)
def test_tampering_with_the_file_is_found_at_its_row(
    team: Team, sqlite_database: Database, change: str, seq: int, reason: str
) -> None:
    force(sqlite_database, f"UPDATE audit_entry SET {change} WHERE seq = 3")
    report = Audit(team.context("guest")).verify()
    assert (report.first_bad, report.reason, report.entries) == (seq, reason, seq - 1)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_entry SET subject = 'models:/vision/other' WHERE seq = 3",
        "UPDATE audit_entry SET action = 'card.revised' WHERE seq = 3",
        "UPDATE audit_index SET actor = 'ben' WHERE seq = 3",
        "UPDATE audit_index SET at = '2020-01-01 00:00:00.000000' WHERE seq = 3",
        "UPDATE audit_index SET at = 'never' WHERE seq = 3",
        "DELETE FROM audit_index WHERE seq = 3",
        "REPLACE INTO audit_index VALUES (3, 'ben', '2020-01-01 00:00:00.000000')",
    ],
)
def test_a_row_that_could_no_longer_be_found_by_what_its_body_says_is_reported(
    team: Team, sqlite_database: Database, change: str
) -> None:
    force(sqlite_database, change)
    report = Audit(team.context("guest")).verify()
    assert report.first_bad == 3
    assert report.reason in {"The columns that find entry 3 do not repeat its body", "Entry 3 cannot be read"}


def test_a_search_refuses_a_row_whose_body_says_something_else(team: Team, sqlite_database: Database) -> None:
    force(sqlite_database, "UPDATE audit_entry SET action = 'card.revised' WHERE seq = 3")
    with pytest.raises(AuditBrokenError, match="do not repeat its body"):
        Audit(team.context("guest")).search(action="card.revised")


@pytest.mark.parametrize("table", ["audit_entry", "audit_index"])
@pytest.mark.parametrize("seq", ["seq", "seq + 100", "NULL"])
def test_with_the_triggers_in_place_no_row_takes_the_place_of_another(
    team: Team, sqlite_database: Database, table: str, seq: str
) -> None:
    with sqlite_database.engine.connect() as connection:
        columns = [column["name"] for column in inspect(connection).get_columns(table)]
    values = ", ".join(columns).replace("seq", seq, 1)
    with (
        pytest.raises((DBAPIError, RegistryError), match="only appended"),
        sqlite_database.engine.begin() as connection,
    ):
        connection.execute(text(f"REPLACE INTO {table} SELECT {values} FROM {table} WHERE seq = 3"))
    assert Audit(team.context("guest")).verify().intact


def test_a_deleted_row_is_found_where_it_was(team: Team, sqlite_database: Database) -> None:
    force(sqlite_database, "DELETE FROM audit_entry WHERE seq = 3")
    assert Audit(team.context("guest")).verify().reason == "Entry 3 is missing: the next row is 4"


def test_the_newest_entry_is_recorded_in_the_registry_folder_too(
    sqlite_database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    file = tmp_path / "audit-head.json"
    team = populate(Team(sqlite_database.factory(clock, file.parent), clock, tmp_path))
    audit = Audit(team.context("guest"))
    assert audit.verify().warnings == ()
    force(sqlite_database, "DELETE FROM audit_entry WHERE seq = 2")
    assert audit.verify().first_bad == 2
    force(sqlite_database, "DELETE FROM audit_entry")
    assert audit.verify().reason == "Entries 1 to 11 are missing: the registry folder recorded entry 11"
    file.write_text("{}")
    with pytest.raises(AuditBrokenError, match=r"audit-head\.json is not a record"):
        audit.verify()
    file.unlink()
    assert audit.verify().intact


def test_a_folder_that_cannot_be_written_does_not_stop_a_commit_and_the_gap_is_reported(
    sqlite_database: Database, clock: FakeClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "gone" / "audit-head.json"
    file.parent.mkdir()
    team = populate(Team(sqlite_database.factory(clock, file.parent), clock, tmp_path))
    file.parent.rename(tmp_path / "elsewhere")
    team.people("root").grant("ana", "validator")
    assert "could not be recorded" in caplog.text
    (tmp_path / "elsewhere").rename(file.parent)
    team.people("root").grant("ana", "auditor")
    (warning,) = Audit(team.context("guest")).verify().warnings
    assert warning.startswith("Entry 12 is not recorded in the registry folder")


def test_a_cut_tail_is_seen_only_against_a_head_kept_elsewhere(team: Team, sqlite_database: Database) -> None:
    audit = Audit(team.context("guest"))
    kept = audit.verify().head
    force(sqlite_database, "DELETE FROM audit_entry WHERE seq > 3")
    report = audit.verify()
    assert report.intact
    assert report.head != kept


def test_the_export_verifies_without_the_registry(team: Team) -> None:
    lines = [json.loads(line) for line in Audit(team.context("guest")).export()]
    entries = [
        AuditEntry(
            line["seq"],
            line["body"].encode(),
            Digest(line["previous"]),
            Digest(line["leaf"]),
            Digest(line["entry"]),
        )
        for line in lines
    ]
    assert verify_chain(entries).head == Audit(team.context("guest")).verify().head


def test_entries_are_found_by_subject_and_action_newest_first(team: Team) -> None:
    audit = Audit(team.context("guest"))
    found = audit.search(subject="person:ana", action="role.granted", page=PageRequest(2))
    assert [entry.detail["role"] for entry in found.items] == ["guest", "auditor"]
    rest = audit.search(subject="person:ana", action="role.granted", page=PageRequest(2, found.next_cursor))
    assert [entry.detail["role"] for entry in rest.items] == ["reader"]


def test_nobody_without_a_role_reads_the_log(team: Team) -> None:
    audit = Audit(team.context_of(Actor("eve", frozenset())))
    with pytest.raises(PermissionDeniedError):
        audit.verify()
    with pytest.raises(PermissionDeniedError):
        audit.export()
