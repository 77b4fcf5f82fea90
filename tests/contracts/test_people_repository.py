"""What is kept of people, their roles and their tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from registry.domain.paging import PageRequest
from registry.domain.people.people import Person, TokenSummary
from registry.errors import ConflictError, NotFoundError
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


def test_tokens_are_listed_newest_first(uow: UnitOfWork) -> None:
    for number, person in enumerate(["ana", "ana", "robot", "ana"]):
        uow.people.add_token(new_token(f"tok-{number}", person), digest(str(number)))
    assert [t.id for t in uow.people.tokens(None, PageRequest()).items] == ["tok-3", "tok-2", "tok-1", "tok-0"]
    first = uow.people.tokens("ana", PageRequest(2))
    rest = uow.people.tokens("ana", PageRequest(2, first.next_cursor))
    assert [t.id for t in (*first.items, *rest.items)] == ["tok-3", "tok-1", "tok-0"]


def test_an_ended_session_is_remembered_long_after_it_would_have_ended(uow: UnitOfWork) -> None:
    uow.people.end_session(digest("one"), until=LATER, at=NOW)
    uow.people.end_session(digest("one"), until=LATER, at=NOW)
    assert uow.people.has_ended(digest("one"))
    assert not uow.people.has_ended(digest("two"))
    uow.people.end_session(digest("two"), until=LATER + timedelta(hours=1), at=LATER + timedelta(days=399))
    assert uow.people.has_ended(digest("one")), "the clock may be set back"
    uow.people.end_session(digest("two"), until=LATER + timedelta(hours=1), at=LATER + timedelta(days=401))
    assert not uow.people.has_ended(digest("one"))
    assert uow.people.has_ended(digest("two"))
