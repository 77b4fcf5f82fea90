"""Passwords: set by the person alone, compared in the same time for everybody, and gone when others could have one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from registry.domain.paging import PageRequest
from registry.domain.people.passwords import KeptPassword
from registry.domain.people.people import SYSTEM, Actor, Scope
from registry.domain.people.signing_in import AskedToken
from registry.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    PermissionDeniedError,
    PolicyRefusedError,
    UnauthenticatedError,
)
from registry.services.governance.reviews.own_account import check_own_account
from registry.services.people import hashing
from registry.services.people.passwords import Passwords
from registry.services.people.sessions import Sessions
from registry.settings import Settings
from tests.registry.services.teams import Team, grant

GOOD, OTHER = "heron kettle orbit mosaic", "lantern gravel oboe thistle"
HERE = "192.0.2.7"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hashes that cost little; how they are made otherwise is told by `test_hashing`."""
    for name, value in (("MEMORY_KIB", 64), ("TIME_COST", 1), ("LANES", 1)):
        monkeypatch.setattr(hashing, name, value)
    forget()
    yield
    monkeypatch.undo()
    forget()


def forget() -> None:
    """The parameters have changed."""
    hashing._hasher.cache_clear()
    hashing._of_nobody.cache_clear()


def passwords(team: Team, who: str | None = None, **actor: object) -> Passwords:
    context = team.context_of(SYSTEM) if who is None else team.context(who)
    changed = replace(context.actor, **actor)  # type: ignore[arg-type]
    return Passwords(replace(context, actor=changed, settings=Settings(passwords=True)))


def with_password(team: Team, who: str, password: str = GOOD) -> str:
    """Set it with a token of their own, which is given back."""
    token = team.people(who).create_token(who, label="mine").secret
    passwords(team, who).set(who, password, proof=token)
    return token


def kept(team: Team, who: str) -> KeptPassword:
    with team.open_uow(actor=who) as uow:
        found = uow.people.kept_password(who)
    assert found is not None
    return found


def test_a_password_gives_a_session_and_a_token_and_ends_the_sessions_from_before(team: Team) -> None:
    with_password(team, "ana")
    session = passwords(team).begin("ana", GOOD, HERE)
    assert Sessions(team.context_of(SYSTEM)).visit(session.cookie).actor == Actor("ana", frozenset({"developer"}))
    made = passwords(team).token("ana", GOOD, AskedToken("laptop", Scope.USE, 3), HERE)
    holder = Sessions(team.context_of(SYSTEM)).authenticate(made.secret)
    assert (holder.handle, holder.scope, made.summary.made_by) == ("ana", Scope.USE, "ana")
    passwords(team, "ana").set("ana", OTHER, proof=GOOD)
    with pytest.raises(UnauthenticatedError, match="has ended"):
        Sessions(team.context_of(SYSTEM)).visit(session.cookie)
    with pytest.raises(UnauthenticatedError):
        passwords(team).begin("ana", GOOD, HERE)
    assert team.actions("person:ana")[-5:] == [
        "password.set", "session.started", "token.created", "password.set", "session.refused",
    ]  # fmt: skip


def test_nobody_sets_the_password_of_somebody_else_and_none_is_set_without_a_fresh_sign_in(team: Team) -> None:
    token = with_password(team, "ana")
    for who in ("root", "ben"):
        with pytest.raises(PermissionDeniedError, match="may not set a password"):
            passwords(team, who).set("ana", OTHER, proof=token)
    narrow = team.people("ana").create_token("ana", label="ci", scope=Scope.VOTE).secret
    teams_only = team.people("ana").create_token("ana", label="ci", teams=["vision"]).secret
    foreign = team.people("ben").create_token("ben", label="his").secret
    for proof in ("", OTHER, narrow, teams_only, foreign, token[:-1] + "!"):
        with pytest.raises(UnauthenticatedError, match="a fresh sign-in"):
            passwords(team, "ana").set("ana", OTHER, proof=proof)
    with pytest.raises(PermissionDeniedError, match="makes and ends no tokens"):
        passwords(team, "ana", scope=Scope.VOTE).set("ana", OTHER, proof=token)
    with pytest.raises(PermissionDeniedError, match="programs do not"):
        passwords(team, "robot").set("robot", OTHER, proof=team.people("root").create_token("robot", label="x").secret)
    assert passwords(team).begin("ana", GOOD, HERE).summary.person == "ana"


def test_somebody_unknown_and_a_wrong_password_are_answered_alike_and_hash_once_each(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_password(team, "ana")
    hashed: list[str] = []
    verify = hashing._hasher().verify

    def counted(_: object, kept: str, word: str) -> bool:
        hashed.append(kept)
        return verify(kept, word)

    monkeypatch.setattr(type(hashing._hasher()), "verify", counted)
    messages = set()
    for who in ("ana", "ben", "nobody-here", "A\x00B", "x" * 64):
        with pytest.raises(UnauthenticatedError) as refused:
            passwords(team).begin(who, OTHER, HERE)
        messages.add(str(refused.value))
    assert len(messages) == 1
    assert len(hashed) == 5
    assert {one.rpartition("$")[0].rpartition("$")[0] for one in hashed} == {"$argon2id$v=19$m=64,t=1,p=1"}


def test_what_was_typed_is_in_no_entry_of_the_log_in_no_answer_and_in_no_row(
    team: Team, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with_password(team, "ana")
    with pytest.raises(UnauthenticatedError) as refused:
        passwords(team).begin(OTHER, GOOD, HERE)  # the password in the field of the handle
    with pytest.raises(InvalidError) as weak:
        passwords(team, "ana").set("ana", "password1234567", proof=GOOD)
    with team.open_uow(actor="ana") as uow:
        entries = uow.audit.search(page=PageRequest(500)).items
    said = f"{entries} {caplog.text} {refused.value} {weak.value} {kept(team, 'ana')}"
    assert not [word for word in (GOOD, OTHER, "password1234567") if word in said]


def test_a_hash_with_other_parameters_is_replaced_when_its_person_signs_in(
    team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_password(team, "ana")
    weak = kept(team, "ana").hash
    monkeypatch.setattr(hashing, "MEMORY_KIB", 128)
    forget()
    with pytest.raises(UnauthenticatedError):
        passwords(team).begin("ana", OTHER, HERE)
    assert kept(team, "ana").hash == weak
    passwords(team).begin("ana", GOOD, HERE)
    assert kept(team, "ana").hash.startswith("$argon2id$v=19$m=128,t=1,p=1$")
    assert passwords(team).begin("ana", GOOD, HERE).summary.person == "ana"


def test_a_password_from_before_a_role_that_decides_ends_with_its_sessions_when_the_role_is_given(team: Team) -> None:
    team.people("root").add("eve", "Eve")
    team.people("root").grant("eve", "viewer")
    theirs = team.people("root").create_token("eve", label="to begin with").secret
    passwords(team, "eve").set("eve", GOOD, proof=theirs)
    session = passwords(team).begin("eve", GOOD, HERE)
    grant(team, "eve", "validator")
    with pytest.raises(UnauthenticatedError):
        passwords(team).begin("eve", GOOD, HERE)
    with pytest.raises(UnauthenticatedError, match="has ended"):
        Sessions(team.context_of(SYSTEM)).visit(session.cookie)
    with_password(team, "eve", OTHER)
    assert passwords(team).begin("eve", OTHER, HERE).summary.person == "eve"


def test_a_password_that_was_set_with_the_token_of_somebody_else_lets_nobody_decide(team: Team) -> None:
    theirs = team.people("root").create_token("dora", label="to begin with")
    passwords(team, "dora").set("dora", GOOD, proof=theirs.secret)
    team.people("dora").revoke_token(theirs.summary.id)
    made = passwords(team).token("dora", GOOD, AskedToken("laptop"), HERE)
    assert made.summary.made_by == "root"
    passwords(team, "dora").set("dora", OTHER, proof=GOOD)  # who knows the password may be root
    team.people("dora").revoke_token(made.summary.id)
    with team.open_uow(actor="dora") as uow, pytest.raises(PolicyRefusedError, match="token that root had made"):
        check_own_account(uow, team.context("dora"))
    with_password(team, "dora")
    with team.open_uow(actor="dora") as uow:
        check_own_account(uow, team.context("dora"))


def test_an_enrolment_takes_the_password_away_that_somebody_else_may_know(team: Team) -> None:
    with_password(team, "ben")
    given = team.people("root").enrol("ben")
    team.people("vera").confirm_enrolment("ben")
    actor = Sessions(team.context("root")).authenticate(given.secret)
    with pytest.raises(PermissionDeniedError):
        Passwords(replace(team.context("ben"), actor=actor, settings=Settings(passwords=True))).set(
            "ben", OTHER, proof=given.secret
        )
    replace(team.people("ben"), context=replace(team.context("ben"), actor=actor)).create_token("ben", label="new")
    with pytest.raises(NotFoundError):
        passwords(team, "ben").of("ben")


def test_an_admin_takes_a_password_away_and_reads_that_there_is_one_and_others_do_not(team: Team) -> None:
    with_password(team, "ana")
    assert passwords(team, "root").of("ana").made_by == "ana"
    for call in (passwords(team, "ben").of, passwords(team, "ben").remove):
        with pytest.raises(PermissionDeniedError):
            call("ana")
    session = passwords(team).begin("ana", GOOD, HERE)
    assert passwords(team, "root").remove("ana").person == "ana"
    with pytest.raises(UnauthenticatedError):
        Sessions(team.context_of(SYSTEM)).visit(session.cookie)
    with pytest.raises(NotFoundError):
        passwords(team, "root").remove("ana")


def test_where_passwords_are_not_turned_on_nobody_sets_one_or_signs_in_with_one(team: Team) -> None:
    token = with_password(team, "ana")
    off = Passwords(team.context_of(SYSTEM))
    for call in (
        lambda: off.begin("ana", GOOD, HERE),
        lambda: off.token("ana", GOOD, AskedToken("x"), HERE),
        lambda: Passwords(team.context("ana")).set("ana", OTHER, proof=token),
    ):
        with pytest.raises(ConflictError, match="not turned on"):
            call()


def test_a_token_for_a_password_lasts_a_year_at_most(team: Team) -> None:
    with_password(team, "ana")
    with pytest.raises(InvalidError, match="1 to 365 days"):
        passwords(team).token("ana", GOOD, AskedToken("x", days=366), HERE)
    made = passwords(team).token("ana", GOOD, AskedToken("x", days=365), HERE).summary
    assert made.expires_at - made.created_at == timedelta(days=365)


def test_a_new_password_leaves_tokens_and_ends_them_where_that_is_asked_for(team: Team) -> None:
    token = with_password(team, "ana")
    passwords(team).token("ana", GOOD, AskedToken("laptop"), HERE)
    at = Sessions(team.context_of(SYSTEM))

    def good() -> set[str]:
        return {one.label for one in team.people("ana").tokens("ana", PageRequest()).items if one.revoked_at is None}

    passwords(team, "ana").set("ana", OTHER, proof=GOOD)
    assert good() == {"mine", "laptop"}
    asks = at.authenticate(token).token
    passwords(team, "ana", token=asks).set("ana", GOOD, proof=OTHER, revoke_tokens=True)
    assert good() == {"mine"}, "the one that asks"
    passwords(team, "root").remove("ana", revoke_tokens=True)
    assert good() == set()


def test_a_password_is_not_set_by_a_token_that_the_browser_made(team: Team) -> None:
    own = with_password(team, "ana")
    at = Sessions(team.context_of(SYSTEM))
    actor = at.visit(at.begin(own, HERE).cookie).actor
    minted = replace(team.people("ana"), context=team.context_of(actor)).create_token("ana", label="x").secret
    with pytest.raises(UnauthenticatedError, match="made within a session"):
        passwords(team, "ana", session=actor.session).set("ana", OTHER, proof=minted)
    Sessions(team.context_of(actor)).prove(GOOD)
    passwords(team, "ana", session=actor.session).set("ana", OTHER, proof="")
