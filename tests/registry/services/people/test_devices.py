"""A machine without a browser gets one token, once, after a person who saw what it asks for allowed it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from registry.domain.people.devices import BegunDevice, DeviceState, DeviceWish, check_user_code, new_user_code
from registry.domain.people.people import SYSTEM, Scope
from registry.errors import ConflictError, InvalidError, NotFoundError, PermissionDeniedError
from registry.services.people.devices import Devices
from registry.services.people.sessions import Sessions
from registry.services.people.tokens import end_tokens
from tests.registry.services.teams import Team, grant

WISH, HERE = DeviceWish("login on gpu-1", "forebear 1", Scope.USE, 7), "192.0.2.7"


def devices(team: Team, who: str | None = None, **actor: object) -> Devices:
    context = team.context_of(SYSTEM) if who is None else team.context(who)
    return Devices(replace(context, actor=replace(context.actor, **actor)))  # type: ignore[arg-type]


def begun(team: Team, wish: DeviceWish = WISH) -> BegunDevice:
    return devices(team).begin(wish, HERE)


def test_a_machine_gets_the_token_that_was_shown_and_allowed_and_gets_it_once(team: Team) -> None:
    one = begun(team)
    assert devices(team).poll(one.device_code).state is DeviceState.PENDING
    shown = devices(team, "ana").show(one.user_code)
    assert (shown.machine, shown.client, shown.scope, shown.days, shown.address) == (*WISH_PARTS, HERE)
    devices(team, "ana").allow(one.user_code)
    team.clock.forward(minutes=1)
    answer = devices(team).poll(one.device_code)
    assert answer.token is not None
    holder = Sessions(team.context_of(SYSTEM)).authenticate(answer.token.secret)
    assert (holder.handle, holder.scope, answer.token.summary.label) == ("ana", Scope.USE, "login on gpu-1")
    assert devices(team).poll(one.device_code).state is DeviceState.EXPIRED
    assert team.actions("person:ana")[-2:] == ["device.allowed", "token.created"]


WISH_PARTS = (WISH.machine, WISH.client, WISH.scope, WISH.days)


def test_a_refused_machine_gets_nothing_and_nobody_decides_twice(team: Team) -> None:
    one = begun(team)
    devices(team, "ana").refuse(one.user_code)
    for call in (devices(team, "ben").allow, devices(team, "ben").show, devices(team, "ana").refuse):
        with pytest.raises(ConflictError, match="decided about this code already"):
            call(one.user_code)
    assert devices(team).poll(one.device_code).state is DeviceState.DENIED
    assert devices(team).poll(one.device_code).state is DeviceState.EXPIRED


def test_a_machine_that_asks_too_often_is_slowed_down(team: Team) -> None:
    one = begun(team)
    states = [devices(team).poll(one.device_code) for _ in range(3)]
    assert [(each.state.value, each.interval) for each in states] == [
        ("authorization_pending", 5), ("slow_down", 10), ("slow_down", 15),
    ]  # fmt: skip
    devices(team, "ana").allow(one.user_code)
    assert devices(team).poll(one.device_code).state is DeviceState.SLOW_DOWN
    team.clock.forward(seconds=20)
    assert devices(team).poll(one.device_code).state is DeviceState.GRANTED


def test_a_code_is_good_for_ten_minutes(team: Team) -> None:
    one = begun(team)
    team.clock.forward(minutes=10)
    with pytest.raises(NotFoundError):
        devices(team, "ana").allow(one.user_code)
    assert devices(team).poll(one.device_code).state is DeviceState.EXPIRED


def test_only_the_machine_that_began_gets_the_token(team: Team) -> None:
    one, other = begun(team), begun(team)
    devices(team, "ana").allow(one.user_code)
    for guess in (one.user_code, "", one.device_code[:-1], other.user_code):
        assert devices(team).poll(guess).state is DeviceState.EXPIRED
    assert devices(team).poll(other.device_code).state is DeviceState.PENDING


def test_a_limited_token_and_a_program_allow_nothing(team: Team) -> None:
    one = begun(team)
    with pytest.raises(PermissionDeniedError):
        devices(team, "ana", scope=Scope.CONTRIBUTE).allow(one.user_code)
    with pytest.raises(PermissionDeniedError, match="service account"):
        devices(team, "robot").allow(one.user_code)
    assert devices(team, "ana").show(one.user_code).machine == WISH.machine


def test_a_token_of_somebody_else_that_allowed_it_is_remembered_and_ends_with_a_role_that_decides(team: Team) -> None:
    team.people("root").add("eve", "Eve")
    team.people("root").grant("eve", "viewer")
    theirs = team.people("root").create_token("eve", label="to begin with").summary
    early, late = begun(team), begun(team)
    for one in (early, late):
        devices(team, "eve", token=theirs.id).allow(one.user_code)
    made = devices(team).poll(early.device_code).token
    assert made is not None
    assert made.summary.made_by == "root"
    grant(team, "eve", "validator")
    assert devices(team).poll(late.device_code).state is DeviceState.EXPIRED
    assert team.people("eve").token(made.summary.id).revoked_at is not None


def test_a_token_that_is_about_to_end_allows_none_that_lasts_longer(team: Team) -> None:
    """Else a stolen token would be kept for good, with nobody noticing."""
    one, at = begun(team), Sessions(team.context_of(SYSTEM))
    stolen = team.people("ana").create_token("ana", label="laptop", days=3)
    actor = at.visit(at.begin(stolen.secret, HERE).cookie).actor
    assert Devices(team.context_of(actor)).allow(one.user_code).days == 2
    team.clock.forward(minutes=9)
    made = devices(team).poll(one.device_code).token
    assert made is not None
    assert made.summary.expires_at < stolen.summary.expires_at
    team.clock.forward(days=2)
    other = begun(team)
    with pytest.raises(PermissionDeniedError, match="ends within a day"):
        Devices(team.context_of(at.authenticate(stolen.secret))).allow(other.user_code)


@pytest.mark.parametrize("way", ["signing out everywhere", "revoking the token", "ending all tokens"])
def test_what_was_allowed_and_not_fetched_ends_with_what_may_have_allowed_it(team: Team, way: str) -> None:
    one, ana = begun(team), team.context("ana")
    token = team.people("ana").create_token("ana", label="laptop").summary.id
    devices(team, "ana").allow(one.user_code)
    if way == "signing out everywhere":
        Sessions(ana).end_all("ana")
    elif way == "revoking the token":
        team.people("ana").revoke_token(token)
    else:
        with ana.write() as uow:
            end_tokens(uow, "ana", at=team.clock.now(), but=None)
            uow.commit_unaudited()
    assert devices(team).poll(one.device_code).state is DeviceState.EXPIRED


def test_codes_have_34_bits_and_are_read_however_they_are_typed() -> None:
    codes = {new_user_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert {letter for code in codes for letter in code} == set("BCDFGHJKLMNPQRSTVWXZ-")
    assert check_user_code(" wdjb mjht ") == check_user_code("WDJB-MJHT") == "WDJB-MJHT"
    for wrong in ("", "WDJB-MJH", "WDJB-MJHTX", "AEIO-UAEI", "x" * 5000):
        with pytest.raises(InvalidError):
            check_user_code(wrong)


def test_what_a_machine_says_of_itself_is_checked(team: Team) -> None:
    for wish in (replace(WISH, machine="x" * 129), replace(WISH, days=366), replace(WISH, client="a\nb")):
        with pytest.raises(InvalidError):
            begun(team, wish)


@pytest.mark.parametrize("scope", [Scope.VOTE, Scope.ADMIN])
def test_a_machine_asks_for_no_votes(team: Team, scope: Scope) -> None:
    with pytest.raises(InvalidError, match=f"not for {scope}"):
        begun(team, replace(WISH, scope=scope))
