"""Signed checkpoints of a real registry: when they are taken, what they find, and who may sign."""

from __future__ import annotations

import json
import logging
import os
import stat
from pathlib import Path

import pytest
from sqlalchemy import event, text

from registry.domain.audit import Event, chain_hash, leaf_hash
from registry.domain.codec.write import to_json
from registry.domain.verifier import Witness, read_checkpoints, read_keys, verify_export, verify_proof
from registry.errors import AuditBrokenError, NotFoundError, PermissionDeniedError, UnavailableError
from registry.services.audit.verbs import Audit
from registry.services.governance.reviews.due import tick
from registry.storage.audit.checkpoints import Checkpoints, Rule
from registry.storage.audit.tree import grow
from registry.storage.database import Database
from tests.fakes.clock import FakeClock
from tests.registry.services.audit.test_verbs import force
from tests.registry.services.teams import Team, bring_to, populate, ref_of


def team_with(database: Database, home: Path, rule: Rule) -> Team:
    clock = FakeClock()
    return populate(Team(database.factory(clock, home, rule), clock, home))


@pytest.fixture
def team(sqlite_database: Database, tmp_path: Path) -> Team:
    """No checkpoint is due by itself."""
    return team_with(sqlite_database, tmp_path, Rule(0, 0))


def change(team: Team, count: int = 1, action: str = "card.revised") -> None:
    for _ in range(count):
        with team.open_uow(actor="ana", write=True) as uow:
            uow.commit(Event(action, "models:/vision/digits/1"))


def sizes(team: Team) -> list[int]:
    return [one.entries for one in Audit(team.context("guest")).checkpoints()]


def test_a_checkpoint_is_due_after_so_many_entries(sqlite_database: Database, tmp_path: Path) -> None:
    team = team_with(sqlite_database, tmp_path, Rule(3, 0))
    first = sizes(team)
    change(team, 6)
    assert [size - first[-1] for size in sizes(team)[len(first) :]] == [3, 6]


def test_a_checkpoint_is_due_with_the_first_change_after_so_many_seconds(
    sqlite_database: Database, tmp_path: Path
) -> None:
    team = team_with(sqlite_database, tmp_path, Rule(0, 300))
    assert len(sizes(team)) == 1
    change(team)
    assert len(sizes(team)) == 1
    os.utime(tmp_path / "audit" / "checkpoints.txt", (0, 0))
    change(team)
    assert len(sizes(team)) == 2


def test_what_was_changed_last_is_signed_by_the_next_tick(sqlite_database: Database, tmp_path: Path) -> None:
    team = team_with(sqlite_database, tmp_path, Rule(0, 300))
    change(team)
    file = tmp_path / "audit" / "checkpoints.txt"
    for age, signed in ((0, 1), (400, 2), (400, 2)):
        os.utime(file, (file.stat().st_mtime - age,) * 2)
        tick(team.context("root"))
        assert len(sizes(team)) == signed
    file.write_text("no checkpoint\n")
    tick(team.context("root"))


def test_a_checkpoint_is_taken_after_each_promotion(team: Team) -> None:
    change(team)
    assert sizes(team) == []
    change(team, action="model_version.promoted")
    assert sizes(team) == [13]


def test_the_log_is_signed_as_it_is_after_a_promotion_into_production(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    before = len(sizes(team))
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = team.promotions("ana").request(ref_of(ref), "production").summary.id
    team.promotions("ben").approve(request)
    assert len(sizes(team)) == before, "evidence, a request and a first vote are no promotion"
    team.promotions("carla").approve(request)
    assert sizes(team)[before:] == [Audit(team.context("root")).verify().entries]


def test_a_log_that_was_written_anew_so_that_its_chain_fits_is_found_where_it_leaves_what_was_signed(
    team: Team, sqlite_database: Database, tmp_path: Path
) -> None:
    audit = Audit(team.context("root"))
    audit.checkpoint()
    change(team, 4)
    audit.checkpoint()
    with team.open_uow(actor="root") as uow:
        entries = list(uow.audit.entries())
    previous, statements = entries[10].entry, []
    for one in entries[11:]:
        body = one.body.replace(b'"actor":"ana"', b'"actor":"eve"')
        leaf = leaf_hash(body)
        entry = chain_hash(previous, leaf)
        values = f"body = X'{body.hex()}', previous = X'{previous.hex}', leaf = X'{leaf.hex}', entry = X'{entry.hex}'"
        statements.append(f"UPDATE audit_entry SET {values} WHERE seq = {one.seq}")
        previous = entry
    statements.append("UPDATE audit_index SET actor = 'eve' WHERE seq > 11")
    (tmp_path / "audit-head.json").unlink()
    force(sqlite_database, *statements)
    report = audit.verify()
    assert report.first_bad == 12
    assert report.reason == "Entries 12 to 15 are not what the checkpoint of 15 entries was signed for"


def test_checkpoints_are_written_outside_the_registry_folder_too(sqlite_database: Database, tmp_path: Path) -> None:
    folder, file = tmp_path / "elsewhere", tmp_path / "kept.txt"
    folder.mkdir()
    team = team_with(sqlite_database, tmp_path / "home", Rule(0, 0, (folder, file)))
    (tmp_path / "home").mkdir(exist_ok=True)
    one = Audit(team.context("root")).checkpoint()
    change(team)
    two = Audit(team.context("root")).checkpoint()
    assert [path.name for path in sorted(folder.iterdir())] == [
        f"{one.entries:012d}.txt",
        f"{two.entries:012d}.txt",
    ]
    assert file.read_text() == f"{one.note}\n{two.note}\n"
    assert [str(note) for note in read_checkpoints(file.read_text())] == [one.note, two.note]


def test_a_place_that_cannot_be_written_stops_no_change_and_is_said(
    sqlite_database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        team = team_with(sqlite_database, tmp_path, Rule(1, 0, (tmp_path / "gone" / "kept.txt",)))
    assert "No checkpoint of the audit log could be signed" in caplog.text
    change(team)
    (tmp_path / "audit" / "checkpoints.txt").unlink()
    with pytest.raises(UnavailableError, match=r"gone/kept\.txt"):
        Audit(team.context("root")).checkpoint()


def test_nothing_is_signed_twice(team: Team) -> None:
    audit = Audit(team.context("root"))
    assert audit.checkpoint() == audit.checkpoint()
    assert sizes(team) == [11]


def test_the_private_key_is_for_its_owner_only(team: Team, tmp_path: Path) -> None:
    Audit(team.context("root")).checkpoint()
    mode = (tmp_path / "audit" / "signing-key.pem").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_rotated_key_signs_from_then_on_and_both_are_kept_and_logged(team: Team) -> None:
    audit = Audit(team.context("root"))
    audit.checkpoint()
    (former,) = audit.keys()
    new = audit.rotate_key()
    assert audit.keys() == [former, new]
    assert [one.key for one in audit.checkpoints()] == [former, new]
    assert audit.search(action="audit.key_rotated").items[0].detail == {"key": new, "former": [former]}
    report = audit.verify()
    assert (report.intact, report.checkpoints) == (True, 2)


def test_without_its_key_nothing_is_signed_until_it_is_rotated(team: Team, tmp_path: Path) -> None:
    audit = Audit(team.context("root"))
    audit.checkpoint()
    (tmp_path / "audit" / "signing-key.pem").unlink()
    change(team)
    with pytest.raises(AuditBrokenError, match=r"is missing.*signing-key\.pem"):
        audit.checkpoint()
    audit.rotate_key()
    assert audit.verify().checkpoints == 2


@pytest.mark.parametrize(
    ("statements", "first_bad", "reason"),
    [
        (["DELETE FROM audit_entry WHERE seq > 9"], 10, "Entries 10 to 11 are missing: a checkpoint of 11 entries was"),
        (
            [
                "UPDATE audit_entry SET body = (SELECT body FROM audit_entry WHERE seq = 12) WHERE seq = 5",
            ],
            5,
            "The body of entry 5 was changed",
        ),
    ],
)
def test_what_was_signed_shows_what_was_changed_since(
    team: Team, sqlite_database: Database, tmp_path: Path, statements: list[str], first_bad: int, reason: str
) -> None:
    Audit(team.context("root")).checkpoint()
    change(team)
    (tmp_path / "audit-head.json").unlink()
    force(sqlite_database, *statements)
    report = Audit(team.context("guest")).verify()
    assert report.first_bad == first_bad
    assert (report.reason or "").startswith(reason)


def test_no_second_log_is_signed_beside_the_first(team: Team, sqlite_database: Database) -> None:
    audit = Audit(team.context("root"))
    audit.checkpoint()
    force(sqlite_database, "UPDATE audit_node SET hash = zeroblob(32) WHERE level = 3")
    change(team)
    with pytest.raises(AuditBrokenError, match="not those that a checkpoint was signed for"):
        audit.checkpoint()
    force(sqlite_database, "DELETE FROM audit_entry", "DELETE FROM audit_node")
    with pytest.raises(AuditBrokenError, match="A checkpoint of 11 entries was signed, and the log has 0"):
        audit.checkpoint()


def test_nodes_of_the_tree_are_never_changed(team: Team, sqlite_database: Database) -> None:
    Audit(team.context("root")).checkpoint()
    for statement in ("UPDATE audit_node SET level = 9", "DELETE FROM audit_node"):
        with (
            pytest.raises(Exception, match="never changed"),
            sqlite_database.engine.begin() as connection,
        ):
            connection.execute(text(statement))


def test_an_export_and_its_proofs_verify_with_the_keys_alone(team: Team) -> None:
    audit = Audit(team.context("root"))
    first = audit.checkpoint()
    change(team, 5)
    last = audit.checkpoint()
    change(team)
    keys = read_keys("\n".join(audit.keys()))
    witness = Witness(read_checkpoints(f"{first.note}\n{last.note}\n"), keys)
    assert verify_export(audit.export(), witness)[2] is None
    assert witness.agreed == 2
    for seq in range(1, last.entries + 1):
        assert verify_proof(json.dumps(to_json(audit.prove(seq))), keys).startswith(f"Entry {seq} is in the log")
    assert "begins with the log of 11 entries" in verify_proof(json.dumps(to_json(audit.prove(since=11))), keys)
    with pytest.raises(NotFoundError, match="No checkpoint covers entry 17"):
        audit.prove(last.entries + 1)
    for absent in (0, last.entries + 2):
        with pytest.raises(NotFoundError, match=f"no entry {absent}: it has entries 1 to 17"):
            audit.prove(absent)
    with pytest.raises(NotFoundError, match="no checkpoint of 10"):
        audit.prove(since=10)


def test_the_tree_grows_by_what_is_new_and_a_lap_holds_the_lock_for_few_entries(
    team: Team, sqlite_database: Database
) -> None:
    with sqlite_database.engine.begin() as connection:
        assert (grow(connection, 5).size, grow(connection, 5).whole) == (5, False)
    change(team, 20)
    rows: list[int] = []
    with sqlite_database.engine.begin() as connection:
        whole = grow(connection)
        event.listen(connection, "before_cursor_execute", lambda *given: rows.append(len(given)))
        again = grow(connection)
        assert (again, whole.whole) == (whole, True)
        assert len(rows) == 3, "the size, the peaks and the new leaves"


def test_who_may_not_change_anything_signs_nothing(team: Team) -> None:
    with pytest.raises(PermissionDeniedError):
        Audit(team.context("guest")).checkpoint()
    with pytest.raises(PermissionDeniedError):
        Audit(team.context("ana")).rotate_key()


def test_a_database_without_a_registry_folder_has_no_checkpoints(sqlite_database: Database, tmp_path: Path) -> None:
    clock = FakeClock()
    team = populate(Team(sqlite_database.factory(clock), clock, tmp_path))
    with pytest.raises(UnavailableError, match="no registry folder"):
        Audit(team.context("root")).checkpoint()
    assert Checkpoints(sqlite_database.engine, tmp_path / "x", Rule(0, 0)).all() == ()
