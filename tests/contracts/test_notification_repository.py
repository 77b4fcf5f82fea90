"""Webhooks and their messages on either database: made once for each entry, claimed by one, recorded together."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event

from registry.domain.audit import Event
from registry.domain.notifications.mail import NewMail
from registry.domain.notifications.webhooks import DeliveryState, Webhook
from registry.domain.paging import PageRequest
from registry.domain.people.people import Person
from registry.errors import NotFoundError
from registry.services.storage.notifications import Look, Result
from registry.storage.database import Database
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import NOW, digest
from tests.contracts.test_plans import scanned

LATER, FORGET = NOW + timedelta(minutes=2), NOW - timedelta(days=30)
HOOK = Webhook("whk-00000000000000000000000001", "https://93.184.215.14/", ("person.*",), NOW, "ana")


def write(open_uow: SqlUnitOfWorkFactory, *actions: str) -> None:
    with open_uow(actor="ana", write=True) as uow:
        uow.commit(*(Event(action, f"person:p{i}") for i, action in enumerate(actions)))


def queue(open_uow: SqlUnitOfWorkFactory, limit: int = 100) -> bool:
    with open_uow(actor="ana", write=True) as uow:
        more = uow.notifications.queue(NOW, limit=limit, forget=FORGET)
        uow.commit_unaudited()
    return more


def claim(open_uow: SqlUnitOfWorkFactory, limit: int = 10) -> list[int]:
    with open_uow(actor="ana", write=True) as uow:
        mine = uow.notifications.claim(NOW, until=LATER, limit=limit)
        uow.commit_unaudited()
    return [one.key for one in mine]


@pytest.fixture
def hooked(open_uow: SqlUnitOfWorkFactory) -> SqlUnitOfWorkFactory:
    write(open_uow, "person.before")
    with open_uow(actor="ana", write=True) as uow:
        uow.notifications.add_webhook(HOOK, digest("fingerprint"))
        uow.commit_unaudited()
    write(open_uow, "person.added", "role.granted", "person.linked")
    return open_uow


def test_each_entry_that_is_named_becomes_one_message_and_only_those_since_the_webhook(
    hooked: SqlUnitOfWorkFactory,
) -> None:
    with hooked(actor="ana") as uow:
        assert uow.notifications.is_behind()
        told = {one: uow.notifications.occurs(one) for one in ("*", "person.*", "person.linked", "person.a", "x.*")}
        assert told == {"*": True, "person.*": True, "person.linked": True, "person.a": False, "x.*": False}
    assert queue(hooked, limit=2)
    while queue(hooked, limit=2):
        pass
    with hooked(actor="ana") as uow:
        assert not uow.notifications.is_behind()
        found = uow.notifications.deliveries(webhook=HOOK.id, state=None, page=PageRequest()).items
        assert [(one.entry, one.event, one.state) for one in found] == [
            (4, "person.linked", "waiting"),
            (2, "person.added", "waiting"),
        ]
        assert uow.notifications.webhooks()[0].waiting == 2
        assert uow.notifications.fingerprint(HOOK.id) == digest("fingerprint")
        with pytest.raises(NotFoundError):
            uow.notifications.fingerprint("whk-2")


def test_a_message_is_claimed_by_one_and_its_result_counts_once(hooked: SqlUnitOfWorkFactory) -> None:
    queue(hooked)
    first, second = claim(hooked)
    assert claim(hooked) == []
    with hooked(actor="ana", write=True) as uow:
        good = Result(first, 1, DeliveryState.DELIVERED, "", NOW, None)
        bad = Result(second, 1, DeliveryState.WAITING, "no", NOW, NOW)
        uow.notifications.record([good, bad])
        uow.notifications.record([Result(first, 1, DeliveryState.WAITING, "late", NOW, NOW)])
        uow.commit_unaudited()
    with hooked(actor="ana") as uow:
        found = uow.notifications.deliveries(webhook=None, state=None, page=PageRequest()).items
        assert [(one.state, one.attempts, one.problem) for one in found] == [("waiting", 1, "no"), ("delivered", 1, "")]
        assert not uow.notifications.is_due(NOW - timedelta(days=1))
    assert claim(hooked) == [second]


def test_nothing_that_is_asked_while_sending_reads_a_whole_table(
    hooked: SqlUnitOfWorkFactory, database: Database
) -> None:
    statements: dict[str, Any] = {}

    def collect(_connection: object, _cursor: object, statement: str, given: Any, _context: object, many: bool) -> None:
        if not many and re.match(r"\s*(SELECT|UPDATE|DELETE)", statement):
            statements.setdefault(statement, given)

    event.listen(Engine, "before_cursor_execute", collect)
    try:
        queue(hooked)
        claim(hooked)
        with hooked(actor="ana", write=True) as uow:
            assert not uow.notifications.is_behind()
            assert not uow.notifications.is_due(NOW)
            for state in (None, DeliveryState.DEAD):
                uow.notifications.deliveries(webhook=HOOK.id, state=state, page=PageRequest(1))
            uow.notifications.webhooks()
            uow.notifications.occurs("person.*")
            uow.notifications.stop_webhook(HOOK.id, "gone", NOW)
            uow.notifications.resume_webhook(HOOK.id, NOW)
            uow.notifications.remove_webhook(HOOK.id)
    finally:
        event.remove(Engine, "before_cursor_execute", collect)
    assert len(statements) > 12
    with database.engine.connect() as connection:
        scans = {text: found for text, given in statements.items() if (found := scanned(connection, text, given))}
    assert scans == {}


def look(open_uow: SqlUnitOfWorkFactory, minutes: int, *topics: str) -> tuple[list[str], int]:
    """Who is to be looked at so many minutes later, and how many of the messages about these topics are new."""
    at = NOW + timedelta(minutes=minutes)
    mails = [NewMail(topic, f"About {topic}", "Look") for topic in topics]
    with open_uow(actor="ana", write=True) as uow:
        newest = uow.mail.newest()
        who = list(uow.mail.to_look_at(newest, at))
        added = uow.mail.add([Look(one, mails) for one in who], newest, at) if who else 0
        uow.commit_unaudited()
    return who, added


def test_an_inbox_is_looked_at_after_a_change_or_ten_minutes_and_a_topic_is_new_once(
    open_uow: SqlUnitOfWorkFactory, database: Database
) -> None:
    statements: dict[str, Any] = {}

    def collect(_connection: object, _cursor: object, statement: str, given: Any, _context: object, many: bool) -> None:
        if not many and re.match(r"\s*(SELECT|UPDATE|DELETE)", statement):
            statements.setdefault(statement, given)

    with open_uow(actor="ana", write=True) as uow:
        for handle in ("ana", "ben"):
            uow.people.add(Person(handle, handle, (), NOW))
        uow.commit_unaudited()
    event.listen(Engine, "before_cursor_execute", collect)
    try:
        with open_uow(actor="ana", write=True) as uow:
            uow.mail.set_address("ana", "old@example.org")
            uow.mail.set_address("ana", "ana@example.org")
            assert (uow.mail.address("ana"), uow.mail.address("ben")) == ("ana@example.org", "")
            uow.commit_unaudited()
        assert look(open_uow, 0, "a", "b") == (["ana"], 2)
        assert look(open_uow, 9, "a") == ([], 0)
        assert look(open_uow, 10, "a", "c") == (["ana"], 1)
        write(open_uow, "person.added")
        assert look(open_uow, 11, "d") == (["ana"], 1)
        assert look(open_uow, -900, "d") == (["ana"], 0), "the clock was set back"
        with open_uow(actor="ana", write=True) as uow:
            mine = uow.mail.claim(NOW + timedelta(minutes=20), until=LATER + timedelta(days=1), limit=3)
            assert [(one.address, one.topic) for one in mine] == [("ana@example.org", topic) for topic in "abc"]
            uow.mail.record([Result(mine[0].key, 1, DeliveryState.DEAD, "no", NOW, None)])
            assert uow.mail.dead() == 1
            for state in (None, DeliveryState.DEAD):
                uow.mail.mails(person_="ana", state=state, page=PageRequest(1))
            uow.mail.forget_settled(NOW + timedelta(days=1))
            assert uow.mail.dead() == 0
            uow.mail.set_address("ana", "")
            assert uow.mail.mails(person_=None, state=None, page=PageRequest(9)).items == []
            assert not uow.mail.is_due(NOW)
            uow.commit_unaudited()
    finally:
        event.remove(Engine, "before_cursor_execute", collect)
    assert len(statements) > 12
    with database.engine.connect() as connection:
        scans = {text: found for text, given in statements.items() if (found := scanned(connection, text, given))}
    assert scans == {}
