"""What is changed in the database past the log is named: stages, statuses, aliases, roles, requests and votes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from registry.domain.catalog.models import Status
from registry.domain.names import VersionRef
from registry.domain.people.teams import Level, Sight
from registry.domain.verifier import Witness, verify_export
from registry.services.audit.verbs import Audit
from registry.services.catalog.verbs import Catalog
from registry.services.people.teams import Teams
from registry.services.people.verbs import People
from registry.storage.database import Database
from tests.fakes.clock import FakeClock
from tests.registry.services.teams import Team, bring_to, populate, ref_of


def found(team: Team) -> set[str]:
    """What differs."""
    report = Audit(team.context("guest")).verify(state=True)
    assert report.intact, "the chain itself is valid"
    return set(report.differences)


def done(team: Team) -> tuple[VersionRef, str]:
    """A version in production, and the request of its last promotion."""
    ref = team.publish()
    bring_to(team, ref, "production")
    page = team.promotions("guest").requests(reference=ref_of(ref))
    return ref, next(one.id for one in page.items if one.to_stage == "production")


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_a_registry_that_was_changed_through_its_verbs_only_differs_in_nothing(
    kind: str, clock: FakeClock, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database: Database = request.getfixturevalue(f"{kind}_database")
    team = populate(Team(database.factory(clock), clock, tmp_path))
    ref, _ = done(team)
    other = team.publish("vision/other")
    bring_to(team, other, "candidate")
    rejected = team.promotions("ana").request(ref_of(other), "validated").summary.id
    team.promotions("ben").reject(rejected, comment="no")
    team.promotions("ben").overrule(rejected, comment="yes")
    team.promotions("ana").withdraw(team.promotions("ana").request(ref_of(other), "validated").summary.id)
    catalog = Catalog(team.context("ana"))
    catalog.set_alias(ref_of(other), "best")
    catalog.set_alias(ref_of(ref), "stable")
    catalog.drop_alias(ref.name, "stable")
    catalog.set_status(ref_of(other), Status.DEPRECATED, "old")
    Catalog(team.context("root")).delete(ref_of(team.publish("vision/other")), reason="never used")
    teams = Teams(team.context("root"))
    teams.open("a_b")
    teams.close("a_b")
    teams.add_member("a-b", "ana", Level.READ)
    teams.add_member("a_b", "ben", Level.USE)
    teams.remove_member("a_b", "ben")
    teams.close("vision")
    teams.open("vision")
    assert found(team) == set()


UPDATES = {
    "a stage": (
        "UPDATE model_version SET stage = 'production' WHERE stage = 'candidate'",
        "The stage of models:/vision/other/1 is production in the database, and candidate by the log",
    ),
    "a status": (
        "UPDATE model_version SET status = 'active' WHERE status = 'deprecated'",
        "The status of models:/vision/old/1 is active in the database, and deprecated by the log",
    ),
    "an alias": (
        "UPDATE alias SET node_id = (SELECT id FROM node WHERE label = 'models:/vision/other/1')",
        "The version that has the alias models:/vision/digits@production is nothing in the database, and "
        "models:/vision/digits/1 by the log",
    ),
    "a voter": (
        "UPDATE vote SET voter = 'vera' WHERE voter = 'carla'",
        "The vote 2 on {request} is approve by vera in the database, and approve by carla by the log",
    ),
    "a vote": (
        "UPDATE vote SET value = 'reject' WHERE voter = 'carla'",
        "The vote 2 on {request} is reject by carla in the database, and approve by carla by the log",
    ),
    "a vote that was added": (
        "INSERT INTO vote (request_id, voter, roles, value, comment, voted_at, bound_artifact, bound_lineage, "
        "bound_policy, bound_evidence) SELECT request_id, 'eve', roles, value, comment, voted_at, bound_artifact, "
        "bound_lineage, bound_policy, bound_evidence FROM vote WHERE voter = 'carla'",
        "The vote 3 on {request} is approve by eve in the database, and nothing by the log",
    ),
    "a vote that was removed": (
        "DELETE FROM vote WHERE voter = 'carla'",
        "The vote 2 on {request} is nothing in the database, and approve by carla by the log",
    ),
    "the state of a request": (
        "UPDATE request SET state = 'withdrawn' WHERE to_stage = 'production'",
        "The state of {request} is withdrawn by ana in the database, and promoted by ana by the log",
    ),
    "who requested": (
        "UPDATE request SET requested_by = 'eve' WHERE to_stage = 'production'",
        "The state of {request} is promoted by eve in the database, and promoted by ana by the log",
    ),
    "a closed team": (
        "UPDATE team SET closed = 0",
        "The closing of team:secret is open in the database, and closed by the log",
    ),
    "a level": (
        "UPDATE team_member SET level = 'use'",
        "The level in team:secret of root is use in the database, and manage by the log",
    ),
    "a deletion": (
        "UPDATE version SET deleted_at = '2026-01-01' "
        "WHERE node_id = (SELECT id FROM node WHERE label = 'models:/vision/old/1')",
        "The deletion of models:/vision/old/1 is yes in the database, and no by the log",
    ),
}


@pytest.mark.parametrize("what", UPDATES)
def test_what_is_changed_in_the_database_past_the_log_is_named(
    team: Team, sqlite_database: Database, what: str
) -> None:
    _, request = done(team)
    bring_to(team, team.publish("vision/other"), "candidate")
    old = team.publish("vision/old")
    Catalog(team.context("ana")).set_status(ref_of(old), Status.DEPRECATED, "old")
    Teams(team.context("root")).open("secret")
    Teams(team.context("root")).close("secret")
    assert found(team) == set()
    statement, sentence = UPDATES[what]
    with sqlite_database.engine.begin() as connection:
        connection.execute(text(statement))
    assert sentence.format(request=request) in found(team)


@pytest.mark.postgres
def test_on_postgresql_the_same_is_named_and_the_export_is_verified(
    postgres_database: Database, clock: FakeClock, tmp_path: Path
) -> None:
    team = populate(Team(postgres_database.factory(clock), clock, tmp_path))
    _, request = done(team)
    bring_to(team, team.publish("vision/other"), "candidate")
    old = team.publish("vision/old")
    Catalog(team.context("ana")).set_status(ref_of(old), Status.DEPRECATED, "old")
    assert found(team) == set()
    changed = [UPDATES[what] for what in ("a stage", "a status", "an alias", "a vote", "who requested", "a deletion")]
    with postgres_database.engine.begin() as connection:
        for statement, _ in changed:
            connection.execute(text(statement))
    assert {sentence.format(request=request) for _, sentence in changed} <= found(team)
    lines = [*Audit(team.context("guest")).export()]
    assert verify_export(lines, Witness((), ()))[::2] == (len(lines), None)
    at = next(number for number, line in enumerate(lines) if b"vision/other" in line)
    lines[at] = lines[at].replace(b"vision/other", b"vision/digit")
    assert verify_export(lines, Witness((), ()))[2] == (at + 1, f"The body of entry {at + 1} was changed")


def test_the_digests_and_the_roles_of_a_vote_are_bound_to_its_entry(team: Team, sqlite_database: Database) -> None:
    _, request = done(team)
    for statement in (
        "UPDATE vote SET bound_evidence = bound_policy WHERE voter = 'carla'",
        "UPDATE vote SET roles = '[\"validator\", \"risk-owner\"]' WHERE voter = 'carla'",
    ):
        with sqlite_database.engine.begin() as connection:
            connection.execute(text(statement))
        assert any(one.startswith(f"The binding of vote 2 on {request} is sha256:") for one in found(team))


def test_a_role_that_was_given_past_the_log_is_named(team: Team, sqlite_database: Database) -> None:
    People(team.context("root")).add("eve", "Eve")
    assert found(team) == set()
    with sqlite_database.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO role_grant (person_id, role, granted_at, granted_by) "
                "SELECT id, 'validator', created_at, 'root' FROM person WHERE handle = 'eve'"
            )
        )
    assert found(team) == {"The roles of person:eve is validator in the database, and none by the log"}


def test_every_version_that_differs_is_named(team: Team, sqlite_database: Database) -> None:
    for number in range(1, 4):
        team.publish(f"vision/m{number}")
    with sqlite_database.engine.begin() as connection:
        connection.execute(text("UPDATE model_version SET stage = 'production', status = 'recalled'"))
    assert len(found(team)) == 6


def test_what_differs_of_a_closed_team_is_told_to_who_sees_it_alone(team: Team, sqlite_database: Database) -> None:
    Teams(team.context("root")).open("secret")
    Teams(team.context("root")).close("secret")
    with sqlite_database.engine.begin() as connection:
        connection.execute(text("UPDATE team_member SET level = 'use'"))
    context = team.context("ana")
    blind = context.as_actor(replace(context.actor, sight=Sight({"secret": None}, "ana")))
    assert Audit(blind).verify(state=True).differences == ()
    assert len(Audit(context).verify(state=True).differences) == 1
