"""A fresh sign-in is by something that a session cannot make, and proves the session for five minutes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from registry.domain.people.devices import DeviceWish
from registry.domain.people.keys import new_key, public_key
from registry.domain.people.people import SYSTEM, Actor, Scope
from registry.domain.people.tokens import hash_secret
from registry.errors import PermissionDeniedError, UnauthenticatedError
from registry.services.people.devices import Devices
from registry.services.people.sessions import Sessions
from registry.services.people.tokens import new_token
from registry.services.people.verbs import People
from tests.registry.services.teams import Team

HERE = "192.0.2.7"


def begin(team: Team, secret: str) -> Actor:
    at = Sessions(team.context_of(SYSTEM))
    return at.visit(at.begin(secret, HERE).cookie).actor


def people(team: Team, actor: Actor) -> People:
    return replace(team.people(actor.handle), context=team.context_of(actor))


def prove(team: Team, actor: Actor, secret: str) -> None:
    Sessions(team.context_of(actor)).prove(secret)


def sets_a_key(team: Team, actor: Actor, proof: str) -> bool:
    """Whether a key is registered: one of the steps that take a fresh sign-in."""
    with suppress(UnauthenticatedError):
        people(team, actor).set_key(actor.handle, public_key(new_key()), token=proof)
        return True
    return False


def test_a_token_that_a_session_made_proves_nothing_nor_what_was_made_with_it(team: Team) -> None:
    own = team.people("ben").create_token("ben", label="laptop").secret
    stolen = begin(team, own)
    minted = people(team, stolen).create_token("ben", label="from the browser")
    signed_in = Sessions(team.context_of(SYSTEM)).authenticate(minted.secret)
    again = people(team, signed_in).create_token("ben", label="from that one")
    renewed = people(team, Sessions(team.context_of(SYSTEM)).authenticate(again.secret)).renew_token(30)
    later = begin(team, minted.secret)
    assert {one.summary.made_with for one in (minted, again, renewed)} == {stolen.session}
    for actor in (stolen, signed_in, later):
        for secret in (minted.secret, renewed.secret, ""):
            assert not sets_a_key(team, actor, secret)
        with pytest.raises(UnauthenticatedError, match="made within a session"):
            prove(team, actor, minted.secret)
    assert sets_a_key(team, stolen, own)


def test_a_token_that_allows_less_than_the_session_proves_nothing_in_it(team: Team) -> None:
    """Such tokens lie in programs: who finds one, and has a browser of its person, has not become that person."""
    ben = team.people("ben")
    own = ben.create_token("ben", label="laptop").secret
    narrow = {one: ben.create_token("ben", label="program", scope=one).secret for one in (Scope.READ, Scope.VOTE)}
    stolen = begin(team, own)
    for scope, secret in narrow.items():
        assert not sets_a_key(team, stolen, secret)
        with pytest.raises(UnauthenticatedError, match=f"the scope {scope}"):
            prove(team, stolen, secret)
    prove(team, begin(team, narrow[Scope.VOTE]), narrow[Scope.VOTE])
    prove(team, stolen, own)


def test_a_token_that_was_made_with_another_at_the_command_line_proves_who_one_is(team: Team) -> None:
    first = team.people("ben").create_token("ben", label="first").secret
    made = people(team, Sessions(team.context_of(SYSTEM)).authenticate(first)).create_token("ben", label="second")
    assert made.summary.made_with.startswith("tok-")
    assert sets_a_key(team, begin(team, first), made.secret)


def test_a_token_of_which_nobody_knows_what_made_it_proves_nothing_nor_what_it_makes(team: Team) -> None:
    """Such are all from before it was recorded."""
    now = team.clock.now()
    old = new_token("ben", "old", Scope.ADMIN, days=90, now=now, made_by="ben")
    with team.open_uow(actor="ben", write=True) as uow:
        uow.people.add_token(old.summary, hash_secret(old.secret))
        uow.commit_unaudited()
    signed_in = Sessions(team.context_of(SYSTEM)).authenticate(old.secret)
    made = people(team, signed_in).create_token("ben", label="from the old one")
    session = begin(team, old.secret)
    for secret in (old.secret, made.secret):
        assert not sets_a_key(team, session, secret)
        with pytest.raises(UnauthenticatedError, match="not recorded what made this token"):
            prove(team, session, secret)
    assert sets_a_key(team, session, team.people("ben").create_token("ben", label="at the folder").secret)


def test_a_token_that_a_machine_without_a_browser_got_proves_nothing(team: Team) -> None:
    """The session that is to be proved could have allowed it."""
    own = begin(team, team.people("ben").create_token("ben", label="laptop").secret)
    system = Devices(team.context_of(SYSTEM))
    begun = system.begin(DeviceWish("gpu-box", "forebear"), HERE)
    Devices(team.context_of(own)).allow(begun.user_code)
    got = system.poll(begun.device_code).token
    assert got is not None
    for session in (own, begin(team, got.secret)):
        with pytest.raises(UnauthenticatedError, match="fresh sign-in"):
            prove(team, session, got.secret)


def test_a_session_stays_proved_for_five_minutes_and_no_other_one_is(team: Team) -> None:
    own = team.people("ben").create_token("ben", label="laptop").secret
    here, there = begin(team, own), begin(team, own)
    prove(team, here, own)
    assert sets_a_key(team, here, "")
    assert not sets_a_key(team, there, "")
    team.clock.forward(minutes=5)
    assert not sets_a_key(team, here, "")
    assert team.actions("person:ben").count("session.proved") == 1


def test_nothing_else_proves_a_session_and_nothing_but_a_session_is_proved(team: Team) -> None:
    own = team.people("ben").create_token("ben", label="laptop").secret
    session = begin(team, own)
    foreign = team.people("carla").create_token("carla", label="hers").secret
    teams = team.people("ben").create_token("ben", label="ci", teams=["vision"]).secret
    over = team.people("ben").create_token("ben", label="old")
    team.people("ben").revoke_token(over.summary.id)
    for secret in ("", "fbr_x", "a password that is none", foreign, teams, over.secret):
        with pytest.raises(UnauthenticatedError, match="fresh sign-in"):
            prove(team, session, secret)
    with pytest.raises(UnauthenticatedError, match="in a browser"):
        prove(team, replace(session, session=""), own)


def test_what_a_token_makes_ends_with_it_and_counts_as_made_by_who_made_it(team: Team) -> None:
    theirs = team.people("root").create_token("dora", label="to begin with", days=3)
    actor = Sessions(team.context_of(SYSTEM)).authenticate(theirs.secret)
    made = people(team, actor).create_token("dora", label="laptop", days=300).summary
    assert (made.made_by, made.expires_at) == ("root", theirs.summary.expires_at)
    shorter = people(team, actor).create_token("dora", label="laptop", days=1).summary
    assert shorter.expires_at < theirs.summary.expires_at


def test_an_admin_makes_longer_tokens_for_others_than_they_have(team: Team) -> None:
    own = team.people("root").create_token("root", label="mine", days=1)
    actor = Sessions(team.context_of(SYSTEM)).authenticate(own.secret)
    made = people(team, actor).create_token("robot", label="ci", days=300).summary
    assert made.expires_at > own.summary.expires_at


def test_a_token_is_renewed_by_itself_and_ends_and_so_does_its_session(team: Team) -> None:
    theirs = team.people("root").create_token("dora", label="to begin with", days=3)
    session = begin(team, theirs.secret)
    actor = Sessions(team.context_of(SYSTEM)).authenticate(theirs.secret)
    with pytest.raises(PermissionDeniedError, match="renewed by itself"):
        people(team, session).renew_token(90)
    with pytest.raises(PermissionDeniedError, match="makes and ends no tokens"):
        people(team, replace(actor, scope=Scope.VOTE)).renew_token(90)
    made = people(team, actor).renew_token(90)
    assert (made.summary.label, made.summary.made_by) == ("to begin with", "root")
    assert made.summary.expires_at > theirs.summary.expires_at
    with pytest.raises(UnauthenticatedError, match="was revoked"):
        Sessions(team.context_of(SYSTEM)).authenticate(theirs.secret)
    with pytest.raises(UnauthenticatedError, match="meanwhile"):
        people(team, actor).renew_token(90)
    with pytest.raises(UnauthenticatedError):
        Sessions(team.context_of(SYSTEM)).still(session.session)
