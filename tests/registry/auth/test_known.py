"""Who was looked up is known until anything changes: nobody gets in on what was true a moment ago."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from registry.auth import Attempts, Doorkeeper
from registry.auth import known as module
from registry.auth.known import Known
from registry.domain.people.people import SYSTEM, Actor
from registry.errors import UnauthenticatedError
from registry.services.people.sessions import Sessions
from registry.storage.database import Database, open_database
from registry.storage.people import standing
from tests.builders import digest
from tests.registry.services.teams import Team

HERE = "192.0.2.7"


@pytest.fixture
def door(team: Team, sqlite_database: Database) -> Doorkeeper:
    known = Known(sqlite_database.standing, team.clock)
    return Doorkeeper(Sessions(team.context_of(SYSTEM)), "k" * 32, Attempts(), known=known)


@pytest.fixture
def header(team: Team, door: Doorkeeper) -> str:
    """That of somebody who is known."""
    header = f"Bearer {team.people('ana').create_token('ana', label='laptop', days=1).secret}"
    door.actor_of_header(header, HERE)  # writes that the token was used, which is a change
    door.actor_of_header(header, HERE)
    return header


@pytest.fixture
def elsewhere(team: Team, sqlite_database: Database) -> Iterator[Team]:
    """The same registry in another process, as far as SQLite can tell."""
    with open_database(sqlite_database.engine.url.render_as_string(hide_password=False)) as other:
        yield Team(other.factory(team.clock), team.clock, team.home)


def test_who_was_looked_up_is_known(door: Doorkeeper, header: str) -> None:
    assert door.known_actor(header) == Actor("ana", frozenset({"developer"}))


def test_somebody_else_is_not(door: Doorkeeper, header: str) -> None:
    assert door.known_actor(f"{header}x") is None


def test_a_token_that_another_process_revokes_is_refused_at_once(
    door: Doorkeeper, header: str, elsewhere: Team
) -> None:
    actor = door.known_actor(header)
    assert actor is not None
    assert actor.token is not None
    elsewhere.people("ana").revoke_token(actor.token)
    assert door.known_actor(header) is None
    with pytest.raises(UnauthenticatedError, match="was revoked"):
        door.actor_of_header(header, HERE)


def test_a_role_that_is_taken_back_counts_at_once(door: Doorkeeper, header: str, team: Team) -> None:
    team.people("root").revoke("ana", "developer")
    assert door.known_actor(header) is None
    assert door.actor_of_header(header, HERE).roles == frozenset()


def test_a_change_of_something_else_changes_nothing_of_who_is_known(door: Doorkeeper, header: str, team: Team) -> None:
    before = door.known_actor(header)
    team.publish()
    team.people("root").revoke("ben", "validator")
    assert door.known_actor(header) is before


CLOSED = "INSERT INTO team (name, folded, closed, changed_at, changed_by) VALUES ('a', 'a', 1, '2026-01-01', 'x')"
CHANGES = {
    "a role is granted": "UPDATE role_grant SET revoked_at = '2026-01-01 00:00:00.000000' WHERE role = 'developer'",
    "the token is limited": "UPDATE token SET scope = 'read'",
    "the token is of a team": "UPDATE token SET teams = 'vision'",
    "the person is a service": "UPDATE person SET service = 1",
    "the person has another name": "UPDATE person SET handle = 'anna' WHERE handle = 'ana'",
    "a team is closed": CLOSED,
    "the token is gone": "DELETE FROM token",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_each_change_of_what_a_token_stands_on_is_seen(
    change: str, door: Doorkeeper, header: str, sqlite_database: Database
) -> None:
    assert door.known_actor(header) is not None
    with sqlite_database.engine.begin() as connection:
        connection.exec_driver_sql(change)
    assert door.known_actor(header) is None


def test_a_member_of_a_closed_team_is_looked_up_again_when_that_changes(
    door: Doorkeeper, header: str, sqlite_database: Database
) -> None:
    member = (
        "INSERT INTO team_member (team, person_id, level, given_at, given_by) "
        "SELECT 'a', id, 'read', '2026-01-01 00:00:00.000000', 'x' FROM person WHERE handle = 'ana'"
    )
    for change in (CLOSED, member, "UPDATE team_member SET level = 'contribute'", "DELETE FROM team_member"):
        with sqlite_database.engine.begin() as connection:
            connection.exec_driver_sql(change)
        assert door.known_actor(header) is None
        actor = door.actor_of_header(header, HERE)
        assert door.known_actor(header) is actor


def test_whatever_is_read_to_look_somebody_up_is_compared(
    door: Doorkeeper, header: str, sqlite_database: Database
) -> None:
    with sqlite_database.engine.begin() as connection:
        connection.exec_driver_sql(CLOSED)
    statements: list[str] = []
    event.listen(sqlite_database.engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
    door.actor_of_header(header, HERE)
    read = {table for one in statements for table in re.findall(r"(?:FROM|JOIN) (\w+)", one)}
    assert (
        read
        == set(re.findall(r"(?:FROM|JOIN) (\w+)", standing._ROWS))
        == {"token", "person", "role_grant", "team", "team_member"}
    )


def test_a_token_that_expires_is_not_known_any_more(door: Doorkeeper, header: str, team: Team) -> None:
    team.clock.set_by(timedelta(days=1))
    assert door.known_actor(header) is None


def test_after_a_minute_one_is_looked_up_again(door: Doorkeeper, header: str, team: Team) -> None:
    team.clock.forward(seconds=59)
    assert door.known_actor(header) is not None
    team.clock.forward(seconds=1)
    assert door.known_actor(header) is None


def test_what_changes_while_one_is_looked_up_counts(team: Team) -> None:
    known = Known(lambda _secret, _before: object(), team.clock)
    known.keep("fbr_x", SYSTEM, known.standing("fbr_x"))
    assert known.get("fbr_x") is None


def test_where_the_database_does_not_tell_of_changes_nobody_is_known(team: Team) -> None:
    known = Known(lambda _secret, _before: None, team.clock)
    known.keep("fbr_x", SYSTEM, known.standing("fbr_x"))
    assert known.get("fbr_x") is None


def test_so_many_are_remembered_and_no_more(
    door: Doorkeeper, header: str, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    actor = door.known_actor(header)
    assert door.known is not None
    assert actor is not None
    another = team.people("ana").create_token("ana", label="another", days=1).secret
    door.actor_of_header(f"Bearer {another}", HERE)
    door.actor_of_header(f"Bearer {another}", HERE)
    assert door.known.get(another) is not None
    assert door.known_actor(header) is None


def test_a_database_that_cannot_be_asked_knows_of_nobody(tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path}/no/registry.db") as database:
        assert database.standing(digest("secret")) is None
