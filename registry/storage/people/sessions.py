"""Sessions of browsers in SQL."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, or_, select, update

from lineage import Digest
from registry.domain.paging import Page, PageRequest
from registry.domain.people.sessions import Means, SessionSummary
from registry.services.storage.people import KeptSession
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.tables import person, session

_REMEMBERED = timedelta(days=400)
"""How long a session is remembered after its time: if the clock is set back by a year, an ended one stays ended."""
_QUERY = select(session, person.c.handle).join(person, person.c.id == session.c.person_id)


def add_session(connection: Connection, key: int, kept: KeptSession) -> None:
    """See `PeopleRepository`."""
    one = kept.summary
    connection.execute(delete(session).where(session.c.expires_at < one.started_at - _REMEMBERED))
    connection.execute(
        insert(session).values(
            public_id=one.id,
            person_id=key,
            means=one.means.value,
            token=one.token,
            started_at=one.started_at,
            used_at=one.used_at,
            expires_at=one.expires_at,
            ended_at=kept.ended_at,
            name=kept.name,
            former=kept.former,
            former_until=kept.former_until,
            rotated_at=kept.rotated_at,
            proved_at=kept.proved_at,
            proved_by=kept.proved_by,
        )
    )


def session_by(connection: Connection, session_id: str) -> KeptSession | None:
    """See `PeopleRepository.session`."""
    row = connection.execute(_QUERY.where(session.c.public_id == session_id)).one_or_none()
    return None if row is None else _kept(row)


def session_named(connection: Connection, name: Digest) -> KeptSession | None:
    """See `PeopleRepository`."""
    row = connection.execute(_QUERY.where(or_(session.c.name == name, session.c.former == name))).one_or_none()
    return None if row is None else _kept(row)


def change_session(connection: Connection, before: KeptSession, after: KeptSession) -> bool:
    """See `PeopleRepository`."""
    same = (session.c.public_id == before.summary.id, session.c.name == before.name, session.c.ended_at.is_(None))
    changed = (
        update(session)
        .where(*same)
        .values(
            used_at=after.summary.used_at,
            name=after.name,
            former=after.former,
            former_until=after.former_until,
            rotated_at=after.rotated_at,
            ended_at=after.ended_at,
            proved_at=after.proved_at,
            proved_by=after.proved_by,
        )
    )
    return connection.execute(changed).rowcount == 1


def sessions_of(
    connection: Connection, handle: str, *, since: datetime, now: datetime, page: PageRequest
) -> Page[SessionSummary]:
    """See `PeopleRepository.sessions`."""
    lasting = (session.c.ended_at.is_(None), session.c.expires_at > now, session.c.used_at > since)
    query = _QUERY.where(person.c.handle == handle, *lasting)
    order = [SortBy(session.c.id, int, descending=True)]
    rows, cursor = page_rows(connection, query, order, page, scope=f"sessions {handle}")
    return Page([_kept(row).summary for row in rows], cursor)


def end_sessions(connection: Connection, key: int, *, at: datetime) -> int:
    """See `PeopleRepository`."""
    mine = (session.c.person_id == key, session.c.ended_at.is_(None))
    lasting = len(connection.execute(select(session.c.id).where(*mine, session.c.expires_at > at)).all())
    connection.execute(update(session).where(*mine).values(ended_at=at))
    return lasting


def _kept(row: Row[Any]) -> KeptSession:
    summary = SessionSummary(
        id=row.public_id,
        person=row.handle,
        means=Means(row.means),
        token=row.token,
        started_at=row.started_at,
        used_at=row.used_at,
        expires_at=row.expires_at,
    )
    return KeptSession(
        summary, row.name, row.rotated_at, row.former, row.former_until, row.ended_at, row.proved_at, row.proved_by
    )
