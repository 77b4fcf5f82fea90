"""Who is asking: only a live token, or a session signed by us that was made with one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.auth import WRONG_PER_MINUTE, Attempts, Doorkeeper, Session
from registry.domain.people.people import Actor
from registry.errors import (
    PermissionDeniedError,
    TooManyAttemptsError,
    UnauthenticatedError,
)
from registry.services.audit.verbs import Audit
from tests.fakes.clock import FakeClock
from tests.registry.services.teams import Team

KEY = "k" * 32
HERE = "192.0.2.7"


@pytest.fixture
def door(team: Team) -> Doorkeeper:
    return Doorkeeper(team.people("root"), KEY, team.clock, Attempts())


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
    (one, first), (two, second) = door.sign_in(secret, HERE), door.sign_in(secret, HERE)
    assert one != two
    assert first.name != second.name
    assert door.session_of_cookie(one) == first
    assert door.actor_of_session(first).handle == "ana"
    assert secret not in one


def test_a_session_ends_after_twelve_hours_or_with_its_token(team: Team, door: Doorkeeper) -> None:
    cookie, session = door.sign_in(token(team), HERE)
    team.clock.forward(hours=12, seconds=-1)
    door.actor_of_session(door.session_of_cookie(cookie))
    team.clock.forward(seconds=1)
    with pytest.raises(UnauthenticatedError, match="This session has ended"):
        door.session_of_cookie(cookie)
    short = token(team, days=1)
    team.clock.forward(hours=20)
    _, session = door.sign_in(short, HERE)
    assert session.expires_at - team.clock.now() < (door.sign_in(token(team), HERE)[1].expires_at - team.clock.now())


def test_revoking_the_token_ends_every_session_made_with_it(team: Team, door: Doorkeeper) -> None:
    cookie, session = door.sign_in(token(team), HERE)
    team.people("root").revoke_token(session.token_id)
    with pytest.raises(UnauthenticatedError, match="was revoked"):
        door.actor_of_session(door.session_of_cookie(cookie))


def test_a_role_taken_away_is_gone_from_the_session(team: Team, door: Doorkeeper) -> None:
    _, session = door.sign_in(token(team), HERE)
    team.people("root").revoke("ana", "developer")
    assert door.actor_of_session(session).roles == frozenset()


def test_a_session_signed_with_another_key_is_refused(team: Team, door: Doorkeeper) -> None:
    cookie, _ = Doorkeeper(door.people, "x" * 32, team.clock, Attempts()).sign_in(token(team), HERE)
    with pytest.raises(UnauthenticatedError, match="not known here"):
        door.session_of_cookie(cookie)


def test_a_session_names_the_person_of_its_token(team: Team, door: Doorkeeper) -> None:
    _, session = door.sign_in(token(team), HERE)
    forged = Session(session.token_id, "root", session.name, session.expires_at)
    with pytest.raises(UnauthenticatedError):
        door.actor_of_session(forged)


@given(cookie=st.text())
def test_any_other_cookie_signs_nobody_in(cookie: str) -> None:
    nobody_is_asked = Doorkeeper(None, KEY, FakeClock(), Attempts())  # type: ignore[arg-type]
    with pytest.raises(UnauthenticatedError):
        nobody_is_asked.session_of_cookie(cookie)


def test_a_form_belongs_to_one_session(team: Team, door: Doorkeeper) -> None:
    secret = token(team)
    (_, mine), (_, other) = door.sign_in(secret, HERE), door.sign_in(secret, HERE)
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
def test_an_address_that_sends_wrong_tokens_must_wait_and_others_need_not(
    team: Team, door: Doorkeeper, attacker: str, neighbour: str, other: str
) -> None:
    right = token(team)
    for number in range(WRONG_PER_MINUTE):
        with pytest.raises(UnauthenticatedError):
            (door.sign_in if number % 2 else door.actor_of_header)(f"Bearer {WRONG}", attacker)
    with pytest.raises(TooManyAttemptsError, match=r"Wait \d+ s") as caught:
        door.sign_in(right, neighbour)
    assert 1 <= int(str(caught.value.facts["retry_after"])) <= 60
    with pytest.raises(TooManyAttemptsError):
        door.actor_of_header(f"Bearer {right}", neighbour)
    assert door.actor_of_header(f"Bearer {right}", other).handle == "ana"


def test_right_tokens_are_never_counted(team: Team, door: Doorkeeper) -> None:
    secret = token(team)
    for _ in range(3 * WRONG_PER_MINUTE):
        door.actor_of_header(f"Bearer {secret}", HERE)


def test_a_session_that_was_ended_is_over_for_every_copy_of_its_cookie(team: Team, door: Doorkeeper) -> None:
    secret = token(team)
    (cookie, session), (_, other) = door.sign_in(secret, HERE), door.sign_in(secret, HERE)
    door.sign_out(session)
    door.sign_out(session)
    with pytest.raises(UnauthenticatedError, match="This session has ended"):
        door.actor_of_session(door.session_of_cookie(cookie))
    assert door.actor_of_session(other).handle == "ana"
    assert team.actions("person:ana")[-3:] == ["session.started", "session.started", "session.ended"]


def test_refused_attempts_to_sign_in_are_in_the_audit_log_without_what_was_typed(team: Team, door: Doorkeeper) -> None:
    with pytest.raises(UnauthenticatedError):
        door.sign_in(WRONG, HERE)
    (entry,) = Audit(team.context("guest")).search(subject="sign-in").items
    assert (entry.action, entry.detail["address"]) == ("session.refused", HERE)
    assert WRONG not in str(entry.detail)
