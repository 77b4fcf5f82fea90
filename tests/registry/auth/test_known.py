"""Who was looked up is known until anything changes: nobody gets in on what was true a moment ago."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from registry.auth import WRONG_PER_MINUTE, Attempts, Doorkeeper
from registry.auth import known as module
from registry.auth.known import Known
from registry.domain.people.people import SYSTEM, Actor
from registry.errors import TooManyAttemptsError, UnauthenticatedError
from registry.services.people.sessions import Sessions
from registry.storage.database import Database, open_database
from tests.registry.services.teams import Team

HERE = "192.0.2.7"


@pytest.fixture
def door(team: Team, sqlite_database: Database) -> Doorkeeper:
    known = Known(sqlite_database.mark, team.clock)
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
    assert door.known_actor(header, HERE) == Actor("ana", frozenset({"developer"}))


def test_somebody_else_is_not(door: Doorkeeper, header: str) -> None:
    assert door.known_actor(f"{header}x", HERE) is None


def test_a_token_that_another_process_revokes_is_refused_at_once(
    door: Doorkeeper, header: str, elsewhere: Team
) -> None:
    actor = door.known_actor(header, HERE)
    assert actor is not None
    assert actor.token is not None
    elsewhere.people("ana").revoke_token(actor.token)
    assert door.known_actor(header, HERE) is None
    with pytest.raises(UnauthenticatedError, match="was revoked"):
        door.actor_of_header(header, HERE)


def test_a_role_that_is_taken_back_counts_at_once(door: Doorkeeper, header: str, team: Team) -> None:
    team.people("root").revoke("ana", "developer")
    assert door.known_actor(header, HERE) is None
    assert door.actor_of_header(header, HERE).roles == frozenset()


def test_a_token_that_expires_is_not_known_any_more(door: Doorkeeper, header: str, team: Team) -> None:
    team.clock.set_by(timedelta(days=1))
    assert door.known_actor(header, HERE) is None


def test_after_a_minute_one_is_looked_up_again(door: Doorkeeper, header: str, team: Team) -> None:
    team.clock.forward(seconds=59)
    assert door.known_actor(header, HERE) is not None
    team.clock.forward(seconds=1)
    assert door.known_actor(header, HERE) is None


def test_what_changes_while_one_is_looked_up_counts(team: Team) -> None:
    marks = iter([1, 2, 3])
    known = Known(lambda: next(marks), team.clock)
    known.keep("fbr_x", SYSTEM, known.mark())
    assert known.get("fbr_x") is None


def test_where_the_database_does_not_tell_of_changes_nobody_is_known(team: Team) -> None:
    known = Known(lambda: None, team.clock)
    known.keep("fbr_x", SYSTEM, known.mark())
    assert known.get("fbr_x") is None


def test_too_many_wrong_tokens_from_an_address_refuse_the_known_one_too(door: Doorkeeper, header: str) -> None:
    for _ in range(WRONG_PER_MINUTE):
        with pytest.raises(UnauthenticatedError):
            door.actor_of_header("Bearer fbr_x", HERE)
    with pytest.raises(TooManyAttemptsError):
        door.known_actor(header, HERE)


def test_so_many_are_remembered_and_no_more(
    door: Doorkeeper, header: str, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST", 1)
    actor = door.known_actor(header, HERE)
    assert door.known is not None
    assert actor is not None
    door.known.keep("fbr_another", actor, door.known.mark())
    assert door.known.get("fbr_another") == actor
    assert door.known_actor(header, HERE) is None


def test_a_database_that_cannot_be_asked_knows_of_nobody(tmp_path: Path) -> None:
    with open_database(f"sqlite:///{tmp_path}/no/registry.db") as database:
        assert database.mark() is None
