"""What is kept of people, their roles and their tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from registry.domain.paging import PageRequest
from registry.domain.people.passwords import KeptPassword, PasswordSummary
from registry.domain.people.people import Person, Reach, TokenSummary
from registry.domain.people.sessions import Means, SessionSummary
from registry.errors import ConflictError, NotFoundError
from registry.services.storage.people import KeptSession
from registry.services.unit_of_work import UnitOfWork
from registry.storage.database import Database
from registry.storage.tables import role_grant, token
from registry.storage.unit_of_work import SqlUnitOfWorkFactory as Factory
from tests.builders import NOW, digest

LATER = NOW + timedelta(hours=1)
ANA = Person("ana", "Ana Li", ("admin", "developer"), NOW)
ROBOT = Person("robot", "Nightly", (), NOW, service=True)


@pytest.fixture
def uow(open_uow: Factory) -> Iterator[UnitOfWork]:
    with open_uow(actor="ana", write=True) as uow:
        uow.people.add(ANA)
        uow.people.add(ROBOT)
        yield uow


def new_token(public_id: str, person: str = "ana") -> TokenSummary:
    return TokenSummary(public_id, person, "laptop", "x9Qz", NOW, NOW + timedelta(days=90), None, None)


def test_people_come_back_as_they_were_added(uow: UnitOfWork) -> None:
    assert uow.people.get("ana") == ANA
    assert uow.people.get("robot") == ROBOT
    assert uow.people.get("nobody") is None
    first = uow.people.search(PageRequest(1))
    rest = uow.people.search(PageRequest(1, first.next_cursor))
    assert [*first.items, *rest.items] == [ANA, ROBOT]


def test_several_people_are_read_at_once_by_handle_or_by_role(uow: UnitOfWork) -> None:
    bo = Person("bo", "Bo", ("developer", "validator"), NOW)
    uow.people.add(bo)
    assert uow.people.known(["robot", "nobody", "ana"]) == [ANA, ROBOT]
    assert uow.people.known([]) == []
    assert uow.people.holding(["developer", "validator"]) == [ANA, bo]
    uow.people.revoke("ana", "developer", by="bo", at=LATER)
    assert uow.people.holding(["developer"]) == [bo]


def test_a_handle_is_one_person(uow: UnitOfWork) -> None:
    with pytest.raises(ConflictError, match="ana"):
        uow.people.add(replace(ROBOT, handle="ana"))


def test_roles_are_granted_and_revoked_and_their_past_is_kept(database: Database, uow: UnitOfWork) -> None:
    uow.people.grant("robot", "developer", by="ana", at=NOW)
    uow.people.grant("robot", "developer", by="ana", at=LATER)
    uow.people.revoke("robot", "developer", by="ana", at=LATER)
    uow.people.revoke("robot", "validator", by="ana", at=LATER)
    found = uow.people.get("robot")
    assert found is not None
    assert found.roles == ()
    uow.people.grant("robot", "developer", by="ana", at=LATER)
    found = uow.people.get("robot")
    assert found is not None
    assert found.roles == ("developer",)
    uow.commit_unaudited()
    with database.engine.begin() as connection:
        rows = connection.execute(
            select(role_grant).where(role_grant.c.role == "developer").order_by(role_grant.c.id)
        ).all()
    assert [(row.granted_at, row.revoked_at) for row in rows[1:]] == [(NOW, LATER), (LATER, None)]


def test_an_unknown_person_gets_no_role_and_no_token(uow: UnitOfWork) -> None:
    with pytest.raises(NotFoundError):
        uow.people.grant("nobody", "developer", by="ana", at=NOW)
    with pytest.raises(NotFoundError):
        uow.people.add_token(new_token("tok-1", "nobody"), digest("secret"))


def test_a_token_is_found_by_the_hash_of_its_secret_only(database: Database, uow: UnitOfWork) -> None:
    kept = new_token("tok-1")
    uow.people.add_token(kept, digest("fbr_secret"))
    assert uow.people.token_by_hash(digest("fbr_secret")) == kept
    assert uow.people.token_by_hash(digest("fbr_other")) is None
    assert uow.people.token("tok-1") == kept
    assert uow.people.token("tok-2") is None
    uow.commit_unaudited()
    with database.engine.begin() as connection:
        row = connection.execute(select(token)).one()
    assert "fbr_secret" not in str(row)


def test_a_token_remembers_its_last_use_and_its_end(uow: UnitOfWork) -> None:
    uow.people.add_token(new_token("tok-1"), digest("secret"))
    uow.people.touch_token("tok-1", at=NOW)
    uow.people.revoke_token("tok-1", at=LATER)
    assert uow.people.token("tok-1") == replace(new_token("tok-1"), last_used_at=NOW, revoked_at=LATER)
    with pytest.raises(NotFoundError):
        uow.people.revoke_token("tok-2", at=LATER)


def test_a_password_takes_the_place_of_the_one_before_and_can_be_dropped(uow: UnitOfWork) -> None:
    assert uow.people.kept_password("ana") is None
    first = KeptPassword(PasswordSummary("ana", NOW, "ana"), "$argon2id$one")
    second = KeptPassword(PasswordSummary("ana", LATER, "root"), "$argon2id$two")
    for one in (first, second):
        uow.people.set_password(one)
        assert uow.people.kept_password("ana") == one
    uow.people.drop_password("ana")
    assert (uow.people.kept_password("ana"), uow.people.kept_password("nobody")) == (None, None)
    with pytest.raises(NotFoundError):
        uow.people.set_password(replace(first, summary=replace(first.summary, person="nobody")))


def test_an_enrolment_remembers_who_confirmed_it(uow: UnitOfWork) -> None:
    enrolment = replace(new_token("tok-1"), reach=Reach(enrolment=True))
    uow.people.add_token(enrolment, digest("secret"))
    assert uow.people.token("tok-1") == enrolment
    uow.people.confirm_token("tok-1", by="ben")
    assert uow.people.token("tok-1") == replace(enrolment, confirmed_by="ben")


def test_tokens_are_listed_newest_first(uow: UnitOfWork) -> None:
    for number, person in enumerate(["ana", "ana", "robot", "ana"]):
        uow.people.add_token(new_token(f"tok-{number}", person), digest(str(number)))
    assert [t.id for t in uow.people.tokens(None, PageRequest()).items] == ["tok-3", "tok-2", "tok-1", "tok-0"]
    first = uow.people.tokens("ana", PageRequest(2))
    rest = uow.people.tokens("ana", PageRequest(2, first.next_cursor))
    assert [t.id for t in (*first.items, *rest.items)] == ["tok-3", "tok-1", "tok-0"]


def new_session(number: int, person: str = "ana") -> KeptSession:
    summary = SessionSummary(f"ses-{number}", person, Means.TOKEN, "tok-1", NOW, NOW, NOW + timedelta(hours=12))
    return KeptSession(summary, digest(f"cookie {number}"), NOW)


def test_a_session_is_found_by_its_cookie_and_by_the_one_before(uow: UnitOfWork) -> None:
    first = new_session(1)
    uow.people.add_session(first)
    assert uow.people.session_named(first.name) == first == uow.people.session("ses-1")
    assert uow.people.session_named(digest("other")) is uow.people.session("ses-2") is None
    rotated = replace(first, name=digest("new"), former=first.name, rotated_at=LATER)
    assert uow.people.change_session(first, rotated)
    assert uow.people.session_named(first.name) == uow.people.session_named(digest("new")) == rotated
    assert not uow.people.change_session(first, replace(first, name=digest("another"))), "another request was first"
    ended = replace(rotated, former_until=LATER, ended_at=LATER)
    assert uow.people.change_session(rotated, ended)
    assert not uow.people.change_session(rotated, rotated)
    assert uow.people.session("ses-1") == ended


def test_sessions_that_last_are_listed_newest_first_and_all_are_ended_at_once(uow: UnitOfWork) -> None:
    for number in range(4):
        uow.people.add_session(new_session(number, "robot" if number == 2 else "ana"))
    far = PageRequest(2)
    assert [one.id for one in uow.people.sessions("ana", since=NOW - LATER.resolution, now=NOW, page=far).items] == [
        "ses-3",
        "ses-1",
    ]
    assert uow.people.sessions("ana", since=NOW, now=NOW, page=far).items == [], "not used since"
    day = NOW + timedelta(days=1)
    assert uow.people.sessions("ana", since=NOW - timedelta(days=1), now=day, page=far).items == [], "over"
    assert uow.people.end_sessions("ana", at=LATER) == 3
    assert uow.people.end_sessions("ana", at=LATER) == 0
    assert uow.people.end_sessions("robot", at=day) == 0, "it was over"


def test_an_ended_session_is_remembered_long_after_it_would_have_ended(uow: UnitOfWork) -> None:
    uow.people.add_session(new_session(1))

    def begin(number: int, days: int) -> None:
        made = new_session(number)
        uow.people.add_session(
            replace(made, summary=replace(made.summary, started_at=made.summary.expires_at + timedelta(days=days)))
        )

    begin(2, 400)
    assert uow.people.session("ses-1") is not None, "the clock may be set back"
    begin(3, 401)
    assert uow.people.session("ses-1") is None
