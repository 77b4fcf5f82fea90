"""The repository of addresses of e-mail and of messages to people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, text, update

from registry.domain.notifications.mail import Mail
from registry.domain.notifications.webhooks import DeliveryState
from registry.domain.paging import Page, PageRequest
from registry.errors import NotFoundError
from registry.services.storage.notifications import ClaimedMail, Look, Result
from registry.storage.notifications import retrying
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.tables import audit_entry, email_address, mail, person
from registry.storage.tables.notifications import OPEN, SETTLED

EVERY, AT_LEAST_EVERY = timedelta(minutes=1), timedelta(minutes=10)
"""How often an inbox is looked at when something has changed, and when nothing has: days come without a change."""


class SqlMail:
    """Implements `MailRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def address(self, handle: str) -> str:
        query = select(email_address.c.address).where(email_address.c.person_id == self._key(handle))
        return self._connection.scalar(query) or ""

    def set_address(self, handle: str, address: str) -> None:
        key = self._key(handle)
        if not address:
            forget(self._connection, key)
        elif self.address(handle):
            here = email_address.c.person_id == key
            self._connection.execute(update(email_address).where(here).values(address=address))
        else:
            self._connection.execute(insert(email_address).values(person_id=key, address=address, looked_seq=0))

    def newest(self) -> int:
        return self._connection.scalar(select(func.max(audit_entry.c.seq))) or 0

    def to_look_at(self, newest: int, now: datetime) -> Sequence[str]:
        at, seq = email_address.c.looked_at, email_address.c.looked_seq
        changed = and_(seq < newest, at <= now - EVERY)
        query = (
            select(person.c.handle)
            .join(email_address, email_address.c.person_id == person.c.id)
            .where(or_(at.is_(None), at > now, changed, at <= now - AT_LEAST_EVERY))
            .order_by(at.is_not(None), at, person.c.id)  # whose turn is longest ago
        )
        return list(self._connection.scalars(query))

    def add(self, looks: Sequence[Look], newest: int, at: datetime) -> int:
        keys: dict[str, int] = {
            row.handle: row.id
            for row in self._connection.execute(
                select(person.c.handle, person.c.id)
                .join(email_address, email_address.c.person_id == person.c.id)
                .where(person.c.handle.in_([one.person for one in looks]))
            )
        }
        known = {
            (row.person_id, row.topic)
            for row in self._connection.execute(
                select(mail.c.person_id, mail.c.topic).where(mail.c.person_id.in_(list(keys.values())))
            )
        }
        fresh = {"state": DeliveryState.WAITING.value, "attempts": 0, "problem": "", "next_at": at}
        rows = [
            {"person_id": keys[look.person], "topic": one.topic, "subject": one.subject, "text": one.text, **fresh}
            for look in looks
            if look.person in keys
            for one in look.mails
            if (keys[look.person], one.topic) not in known
        ]
        if rows:
            self._connection.execute(insert(mail), rows)
        here = email_address.c.person_id.in_(list(keys.values()))
        self._connection.execute(update(email_address).where(here).values(looked_seq=newest, looked_at=at))
        return len(rows)

    def forget_settled(self, before: datetime) -> None:
        self._connection.execute(delete(mail).where(text(SETTLED), mail.c.tried_at < before))

    def mails(self, *, person_: str | None, state: DeliveryState | None, page: PageRequest) -> Page[Mail]:
        query: Any = select(mail, person.c.handle).join(person, person.c.id == mail.c.person_id)
        if person_ is not None:
            query = query.where(mail.c.person_id == self._key(person_))
        if state is not None:
            query = query.where(mail.c.state == state.value)
        order = [SortBy(mail.c.id, int, descending=True)]
        rows, cursor = page_rows(self._connection, query, order, page, scope=f"mails {person_} {state}")
        return Page([_mail(row) for row in rows], cursor)

    def dead(self) -> int:
        gone = (text(OPEN), mail.c.state == DeliveryState.DEAD.value)
        return self._connection.scalar(select(func.count()).select_from(mail).where(*gone)) or 0

    def is_due(self, now: datetime) -> bool:
        return retrying.is_due(self._connection, mail, now)

    def claim(self, now: datetime, *, until: datetime, limit: int) -> Sequence[ClaimedMail]:
        query = (
            select(
                mail.c.id,
                mail.c.attempts,
                mail.c.topic,
                mail.c.subject,
                mail.c.text.label("body"),
                person.c.handle,
                email_address.c.address,
            )
            .join(person, person.c.id == mail.c.person_id)
            .join(email_address, email_address.c.person_id == mail.c.person_id)
        )
        rows = retrying.claim(self._connection, mail, query, now, until=until, limit=limit)
        return [
            ClaimedMail(row.id, row.handle, row.address, row.topic, row.subject, row.body, row.attempts) for row in rows
        ]

    def record(self, results: Sequence[Result]) -> None:
        retrying.record(self._connection, mail, results)

    def _key(self, handle: str) -> int:
        key = self._connection.scalar(select(person.c.id).where(person.c.handle == handle))
        if key is None:
            raise NotFoundError(f"There is no person {handle[:80]}", remedy="See: forebear person list")
        return int(key)


def forget(connection: Connection, person_id: int) -> None:
    """Nothing more of the address of a person, and of what was sent there."""
    connection.execute(delete(mail).where(mail.c.person_id == person_id))
    connection.execute(delete(email_address).where(email_address.c.person_id == person_id))


def _mail(row: Any) -> Mail:
    state = DeliveryState(row.state)
    waits = row.next_at if state is DeliveryState.WAITING else None
    return Mail(row.handle, row.subject, state, row.attempts, row.problem, row.tried_at, waits)
