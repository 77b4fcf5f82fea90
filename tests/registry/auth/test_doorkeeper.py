"""Who is asking: only a live token, or a session signed by us that was made with one."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.auth import WRONG_PER_MINUTE, Attempts, Doorkeeper
from registry.domain.people.people import SYSTEM, Actor
from registry.errors import (
    PermissionDeniedError,
    TooManyAttemptsError,
    UnauthenticatedError,
)
from registry.services.audit.verbs import Audit
from registry.services.people.sessions import Sessions
from tests.registry.services.teams import Team

KEY = "k" * 32
HERE = "192.0.2.7"


@pytest.fixture
def door(team: Team) -> Doorkeeper:
    return Doorkeeper(Sessions(team.context_of(SYSTEM)), KEY, Attempts())


def token(team: Team, handle: str = "ana", *, days: int = 90) -> str:
    return team.people(handle).create_token(handle, label="laptop", days=days).secret


def test_a_bearer_token_names_the_actor(team: Team, door: Doorkeeper) -> None:
    secret = token(team)
    expected = Actor("ana", frozenset({"developer"}))
    assert door.actor_of_header(f"Bearer {secret}", HERE) == expected
    assert door.actor_of_header(f"bearer  {secret} ", HERE) == expected


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic YW5hOmFuYQ==", "fbr_x", "Bearer fbr_x", "Bearer a b"]
)
def test_any_other_header_signs_nobody_in(door: Doorkeeper, header: str) -> None:
    with pytest.raises(UnauthenticatedError):
        door.actor_of_header(header, HERE)


def test_signing_in_makes_a_session_of_its_own_each_time(team: Team, door: Doorkeeper) -> None:
    secret = token(team)
    one, two = door.sign_in(secret, HERE), door.sign_in(secret, HERE)
    assert one.cookie != two.cookie
    assert one.summary.id != two.summary.id
    assert door.visit(one.cookie).session == one.summary
    assert door.visit(one.cookie).actor.handle == "ana"
    assert secret not in one.cookie


def test_signing_in_again_ends_the_session_that_the_browser_had(team: Team, door: Doorkeeper) -> None:
    secret = token(team)
    first = door.sign_in(secret, HERE)
    door.sign_in(secret, HERE, before=first.cookie)
    with pytest.raises(UnauthenticatedError, match="has ended"):
        door.visit(first.cookie)
    assert door.sign_in(secret, HERE, before="made up").summary.person == "ana"


def test_a_session_ends_after_twelve_hours_or_with_its_token(team: Team, door: Doorkeeper) -> None:
    cookie = door.sign_in(token(team), HERE).cookie
    for _ in range(24):
        cookie = door.visit(cookie).cookie or cookie
        team.clock.forward(minutes=30, seconds=-1)
    assert door.visit(cookie).actor.handle == "ana"
    team.clock.forward(seconds=24)
    with pytest.raises(UnauthenticatedError, match="This session has ended"):
        door.visit(cookie)
    short = token(team, days=1)
    team.clock.forward(hours=20)
    assert door.sign_in(short, HERE).summary.expires_at - team.clock.now() < timedelta(hours=12)


def test_revoking_the_token_ends_every_session_made_with_it(team: Team, door: Doorkeeper) -> None:
    started = door.sign_in(token(team), HERE)
    team.people("root").revoke_token(started.summary.token)
    with pytest.raises(UnauthenticatedError, match="was revoked"):
        door.visit(started.cookie)
    with pytest.raises(UnauthenticatedError, match="was revoked"):
        door.still(started.summary)


def test_a_role_taken_away_is_gone_from_the_session(team: Team, door: Doorkeeper) -> None:
    cookie = door.sign_in(token(team), HERE).cookie
    team.people("root").revoke("ana", "developer")
    assert door.visit(cookie).actor.roles == frozenset()


@pytest.mark.parametrize("cookie", ["", "x", "a" * 43, "\udcff", "é" * 43, "a" * 44, "ses-01kaq000000000000000000000"])
def test_any_other_cookie_signs_nobody_in(door: Doorkeeper, cookie: str) -> None:
    with pytest.raises(UnauthenticatedError, match="not known here"):
        door.visit(cookie)


def test_a_form_belongs_to_one_session(team: Team, door: Doorkeeper) -> None:
    secret = token(team)
    mine, other = (door.sign_in(secret, HERE).summary for _ in range(2))
    door.check_csrf(mine, door.csrf_token(mine))
    for given_ in (None, "", door.csrf_token(other), door.csrf_token(mine) + "x", "\udcff"):
        with pytest.raises(PermissionDeniedError, match="was not made for your session"):
            door.check_csrf(mine, given_)


WRONG = "fbr_" + "a" * 38


@pytest.mark.parametrize(
    ("attacker", "neighbour", "other"),
    [
        ("192.0.2.1", "192.0.2.1", "192.0.2.2"),
        ("::ffff:192.0.2.1", "192.0.2.1", "::ffff:192.0.2.2"),
        ("2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"),
        ("", "", "::1"),
    ],
)
def test_an_address_that_sends_wrong_tokens_must_wait_and_others_and_right_programs_need_not(
    team: Team, door: Doorkeeper, attacker: str, neighbour: str, other: str
) -> None:
    right = token(team)
    for number in range(WRONG_PER_MINUTE):
        with pytest.raises(UnauthenticatedError):
            (door.sign_in if number % 2 else door.actor_of_header)(f"Bearer {WRONG}", attacker)
    with pytest.raises(TooManyAttemptsError, match=r"Wait \d+ s") as caught:
        door.sign_in(right, neighbour)
    assert 1 <= int(str(caught.value.facts["retry_after"])) <= 60
    with pytest.raises(TooManyAttemptsError, match=r"Wait \d+ s"):
        door.actor_of_header(f"Bearer {WRONG}", neighbour)
    assert door.actor_of_header(f"Bearer {right}", neighbour).handle == "ana"
    assert door.actor_of_header(f"Bearer {right}", other).handle == "ana"


def test_right_tokens_are_never_counted(team: Team, door: Doorkeeper) -> None:
    secret = token(team)
    for _ in range(3 * WRONG_PER_MINUTE):
        door.actor_of_header(f"Bearer {secret}", HERE)


def test_a_session_that_was_ended_is_over_for_every_copy_of_its_cookie(team: Team, door: Doorkeeper) -> None:
    secret = token(team)
    mine, other = door.sign_in(secret, HERE), door.sign_in(secret, HERE)
    door.sign_out(mine.summary)
    door.sign_out(mine.summary)
    with pytest.raises(UnauthenticatedError, match="This session has ended"):
        door.visit(mine.cookie)
    assert door.visit(other.cookie).actor.handle == "ana"
    assert team.actions("person:ana")[-3:] == ["session.started", "session.started", "session.ended"]


def test_refused_attempts_to_sign_in_are_in_the_audit_log_without_what_was_typed(team: Team, door: Doorkeeper) -> None:
    with pytest.raises(UnauthenticatedError):
        door.sign_in(WRONG, HERE)
    (entry,) = Audit(team.context("guest")).search(subject="sign-in").items
    assert (entry.action, entry.detail["address"]) == ("session.refused", HERE)
    assert WRONG not in str(entry.detail)
