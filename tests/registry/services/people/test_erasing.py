"""A person is erased by two people; the chain, its checkpoints and every decision stay valid."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError

from lineage import Digest
from registry.domain.people.erasure import NAME, Erasure
from registry.domain.verifier import Witness, read_checkpoints, read_keys, verify_export
from registry.errors import (
    AuditBrokenError,
    ConflictError,
    IntegrityError,
    InvalidError,
    NotFoundError,
    PermissionDeniedError,
    PolicyRefusedError,
)
from registry.services.audit.verbs import Audit
from registry.services.people import erasing
from registry.services.people.sessions import Sessions
from registry.services.people.verbs import People
from registry.storage.audit.checkpoints import Rule
from registry.storage.database import Database
from registry.storage.sql.engines import begin_reading
from registry.storage.tables import metadata
from tests.fakes.clock import FakeClock
from tests.registry.services.teams import Team, bring_to, grant, populate, ref_of

ZEB, FULL = "zebedee", "Zebedee Quixall"


def with_zebedee(database: Database, home: Path) -> Team:
    clock = FakeClock()
    team = populate(Team(database.factory(clock, home, Rule(0, 0)), clock, home))
    people = People(team.context("root"))
    people.add(ZEB, FULL)
    people.grant(ZEB, "developer")
    grant(team, ZEB, "risk-owner")
    return team


@pytest.fixture
def team(sqlite_database: Database, tmp_path: Path) -> Team:
    return with_zebedee(sqlite_database, tmp_path)


def busy(team: Team) -> str:
    """Zebedee made a version, added evidence, voted on another one, signed in, and was written about.

    Gives the request that Zebedee decided.
    """
    token = People(team.context(ZEB)).create_token(ZEB, label="Zebedee's laptop")
    Sessions(team.context("root")).begin(token.secret, "203.0.113.77")
    team.promotions(ZEB).request(ref_of(team.publish("vision/zeb", by=ZEB)), "candidate")
    other = team.publish()
    bring_to(team, other, "validated")
    note = {"result": "pass", "note": "read by Zebedee Quixall"}
    team.promotions("vera").add_evidence(ref_of(other), "validation", note)
    request = team.promotions("ana").request(ref_of(other), "production").summary.id
    team.promotions("ben").approve(request, comment="asked zebedee, who agrees")
    team.promotions(ZEB).approve(request, comment="fine by me, Zebedee Quixall")
    assert team.stage(other) == "production"
    return request


def erase(team: Team, handle: str = ZEB) -> str:
    assert People(team.context("root")).erase(handle, reason=f"{handle} asked for it").stand_in is None
    done = People(team.context("carla" if handle != "carla" else "ben")).erase(handle, reason="")
    assert done.stand_in is not None
    return done.stand_in


def everything(team: Team, database: Database) -> str:
    """Every row of every table, and every stored object, as text."""
    with begin_reading(database.engine) as connection:
        rows = [
            str([bytes(one) if isinstance(one, memoryview) else one for one in row])
            for table in metadata.sorted_tables
            for row in connection.execute(select(table))
        ]
    live = {one for one in team.blobs.kept if _needed(team, one)}
    return "\n".join([*rows, *(str(team.blobs.kept[one]) for one in live)]).lower()


def _needed(team: Team, digest: object) -> bool:
    with team.open_uow(actor="root") as uow:
        return bool(uow.objects.held([digest]) or uow.objects.uses([digest]) or digest in uow.objects.noted())  # type: ignore[list-item]


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_nothing_in_the_registry_names_an_erased_person_and_log_and_decisions_hold(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database: Database = request.getfixturevalue(f"{kind}_database")
    team = with_zebedee(database, tmp_path)
    decided = busy(team)
    before, judged = everything(team, database), team.promotions("guest").explain(decided)
    assert ZEB in before
    assert "203.0.113.77" in before
    stand_in = erase(team)
    left = everything(team, database)
    assert [line for line in left.splitlines() if ZEB in line or "quixall" in line or "203.0.113.77" in line] == []

    audit = Audit(team.context("guest"))
    report = audit.verify(state=True)
    assert (report.first_bad, report.reason, report.differences, report.warnings) == (None, None, (), ())
    assert report.checkpoints == len(audit.checkpoints()) > 1
    assert report.erased > 8
    assert "promotion.approved" in {one.action for one in audit.search(actor=stand_in).items}
    assert audit.search(actor=ZEB).items == []
    person = People(team.context("guest")).person(stand_in)
    assert (person.name, person.roles) == (NAME, ())

    after = team.promotions("guest").explain(decided)
    assert after.replayed.checks == after.stored.checks
    assert [one.passed for one in after.replayed.checks] == [one.passed for one in judged.replayed.checks]
    assert after.replayed.allowed
    assert [one.voter for one in after.votes] == ["ben", stand_in]

    _test_an_export(audit)
    erase(team, "ben")
    report = audit.verify(state=True)
    assert (report.first_bad, report.differences) == (None, ()), "entries that were erased twice"


def _test_an_export(audit: Audit) -> None:
    """It verifies with the standalone verifier, and a change of what is left is found."""
    lines = [*audit.export()]

    def verified(given: list[bytes]) -> object:
        notes = "".join(f"{one.note}\n" for one in audit.checkpoints())
        witness = Witness(read_checkpoints(notes), read_keys("\n".join(audit.keys())))
        return verify_export(given, witness)[2]

    assert verified(lines) is None
    for old, new in ((b"fine by me", b"not by me "), (b"models:/vision/zeb", b"models:/vision/zed")):
        at = next(number for number, line in enumerate(lines) if old in line)
        other = [*lines[:at], lines[at].replace(old, new), *lines[at + 1 :]]
        assert verified(other) == (at + 1, f"The body of entry {at + 1} was changed")
    at = next(number for number, line in enumerate(lines) if b"fine by me" in line)
    with pytest.raises(NotFoundError, match="was erased from entry"):
        audit.prove(at + 1)


def test_a_rejection_after_stale_approvals_replays_the_same_when_one_of_its_voters_is_erased(team: Team) -> None:
    grant(team, "dora", "risk-owner")
    grant(team, "carla", "validator")
    ref = team.publish()
    bring_to(team, ref, "validated")
    note = {"result": "pass", "note": "first"}
    team.promotions("vera").add_evidence(ref_of(ref), "validation", note)
    request = team.promotions("ana").request(ref_of(ref), "production").summary.id
    team.promotions("ben").approve(request)
    team.promotions("vera").add_evidence(ref_of(ref), "validation", {**note, "note": "second"})
    team.promotions("carla").approve(request)
    team.promotions("vera").add_evidence(ref_of(ref), "validation", {**note, "note": "third"})
    team.promotions(ZEB).reject(request, comment="zebedee: too many")
    told = "\n".join(team.promotions("guest").explain(request).stored.reasons)
    assert told.index("approval of ben is stale") < told.index("approval of carla is stale")
    for erased in ("ben", ZEB):
        assert People(team.context("root")).erase(erased, reason="left").stand_in is None
        People(team.context("dora")).erase(erased, reason="")
        after = team.promotions("guest").explain(request)
        assert after.replayed == after.stored
        assert erased not in str(after)
    assert Audit(team.context("guest")).verify(state=True).differences == ()


def test_an_erasure_covers_up_no_change_of_the_log_or_of_a_decision(team: Team, sqlite_database: Database) -> None:
    request = busy(team)
    case = team.promotions("guest").explain(request).case
    kept = team.blobs.kept[case]
    team.blobs.kept[case] = kept.replace(b"fine by me", b"not by me ")
    with pytest.raises(IntegrityError, match="The stored bytes of"):
        erase(team)
    team.blobs.kept[case] = kept
    with sqlite_database.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_entry_update"))
        change = "UPDATE audit_entry SET body = CAST(replace(CAST(body AS TEXT), :old, :new) AS BLOB)"
        done = connection.execute(text(change), {"old": "fine by me", "new": "not by me "})
        assert done.rowcount
    with pytest.raises(AuditBrokenError, match=r"The body of entry .* was changed"):
        People(team.context("carla")).erase(ZEB, reason="")
    assert People(team.context("guest")).person(ZEB).name == FULL


def test_a_verdict_that_was_tampered_with_is_found_after_its_voter_is_erased_too(team: Team) -> None:
    request = busy(team)
    with team.open_uow(actor="root", write=True) as uow:
        stored = uow.governance.request(request)
        assert stored is not None
        uow.governance.restate(request, replace(stored.verdict, checks=stored.verdict.checks[1:]))
        uow.commit_unaudited()
    erase(team)
    assert not team.promotions("guest").explain(request).same


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_only_the_bodies_of_erased_entries_can_be_changed_in_the_database(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database: Database = request.getfixturevalue(f"{kind}_database")
    team = with_zebedee(database, tmp_path)
    stand_in = erase(team)
    erased = Audit(team.context("guest")).search(subject=f"person:{stand_in}", action="person.added").items[0].seq
    for statement in (
        "UPDATE audit_entry SET subject = 'x' WHERE seq = 1",
        f"UPDATE audit_entry SET leaf = entry WHERE seq = {erased}",
        f"DELETE FROM audit_entry WHERE seq = {erased}",
        "UPDATE audit_index SET actor = 'x' WHERE seq = 1",
    ):
        with (
            pytest.raises((DatabaseError, ConflictError), match="never changed"),
            database.engine.begin() as connection,
        ):
            connection.execute(text(statement))


def test_erasing_takes_two_people_and_neither_confirms_for_themselves(team: Team) -> None:
    with pytest.raises(PermissionDeniedError):
        People(team.context("ana")).erase(ZEB, reason="no longer here")
    People(team.context(ZEB)).erase(ZEB, reason="I leave")
    People(team.context(ZEB)).erase(ZEB, reason="I still leave")
    with pytest.raises(PermissionDeniedError, match="somebody else than who asked"):
        People(team.context("ana")).erase(ZEB, reason="")
    with pytest.raises(InvalidError):
        People(team.context("root")).erase("ana", reason="")
    team.clock.forward(days=8)
    assert People(team.context("root")).erase(ZEB, reason="the first wish is too old").stand_in is None
    with pytest.raises(ConflictError, match="last admin"):
        People(team.context("root")).erase("root", reason="gone")
    with pytest.raises(NotFoundError):
        People(team.context("root")).erase("nemo", reason="gone")


def test_a_wish_to_erase_somebody_can_be_withdrawn_and_is_confirmed_by_nobody_after_that(team: Team) -> None:
    root = People(team.context("root"))
    with pytest.raises(NotFoundError, match="No request to erase zebedee waits"):
        root.withdraw_erasure(ZEB)
    for who in ("root", ZEB):
        root.erase(ZEB, reason="left")
        with pytest.raises(PermissionDeniedError):
            People(team.context("carla")).withdraw_erasure(ZEB)
        assert People(team.context(who)).withdraw_erasure(ZEB).handle == ZEB
        with pytest.raises(PermissionDeniedError):
            People(team.context("carla")).erase(ZEB, reason="")
    assert erase(team).startswith("erased-")
    assert Audit(team.context("guest")).verify().intact


def test_an_entry_that_was_changed_after_the_log_was_verified_is_not_erased(
    team: Team, sqlite_database: Database
) -> None:
    busy(team)
    People(team.context("root")).erase(ZEB, reason="left")
    context = team.context("carla")
    head = erasing.verified(context, ZEB)
    with sqlite_database.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_entry_update"))
        change = "UPDATE audit_entry SET body = CAST(replace(CAST(body AS TEXT), :old, :new) AS BLOB)"
        connection.execute(text(change), {"old": "fine by me", "new": "not by me "})
    person = People(team.context("guest")).person(ZEB)
    with context.write() as uow, pytest.raises(AuditBrokenError, match=r"The body of entry \d+ was changed"):
        erasing.erase(context, uow, person, "", head)
    with context.write() as uow, pytest.raises(AuditBrokenError, match="does not follow"):
        erasing.erase(context, uow, person, "", replace(head, seq=head.seq - 1))


def test_whoever_holds_a_token_of_the_second_person_does_not_confirm_an_erasure(team: Team) -> None:
    People(team.context("root")).erase(ZEB, reason="gone")
    theirs = replace(People(team.context("carla")).create_token("carla", label="own").summary, id="t", made_by="root")
    with team.open_uow(actor="root", write=True) as uow:
        uow.people.add_token(theirs, Digest.of(b"another secret"))
        uow.commit_unaudited()
    with pytest.raises(PolicyRefusedError, match="root made a token of carla that is still valid"):
        People(team.context("carla")).erase(ZEB, reason="")
    assert People(team.context("guest")).person(ZEB).name == FULL


def test_a_stand_in_is_nobody_any_more(team: Team) -> None:
    stand_in = erase(team)
    root = People(team.context("root"))
    for attempt in (
        lambda: root.grant(stand_in, "viewer"),
        lambda: root.create_token(stand_in, label="again"),
        lambda: root.erase(stand_in, reason="again"),
    ):
        with pytest.raises(ConflictError, match="erased"):
            attempt()
    with pytest.raises(InvalidError, match="reserved"):
        root.add("erased-one", "One")
    assert root.add(ZEB, "Somebody else").roles == ()


def test_words_that_are_no_person_stay() -> None:
    erasure = Erasure("admin", "", "erased-0")
    assert erasure.of(
        {"role": "admin", "roles": ["admin"], "by": "admin", "people": {"admin": {"roles": ["admin"]}}}
    ) == {
        "role": "admin",
        "roles": ["admin"],
        "by": "erased-0",
        "people": {"erased-0": {"roles": ["admin"]}},
    }
    for kept in (
        "admin:latest is an image",
        "models:/admin/digits/1",
        "admin/digits",
        "the admins",
        "an admin@example.org wrote",
        "x-admin said",
    ):
        assert erasure.of(kept) == kept
    assert erasure.of("asked admin, who agrees. So did admin.") == "asked erased-0, who agrees. So did erased-0."
    assert erasure.of({"id": "rejection-admin", "message": "Passed over in the emergency I by admin: no votes"}) == {
        "id": "rejection-erased-0",
        "message": "Passed over in the emergency I by erased-0: no votes",
    }
    body = json.dumps({"actor": "ana", "subject": "models:/a/b/1", "detail": {"to": "admin"}}).encode()
    assert erasure.entry(body) is body
