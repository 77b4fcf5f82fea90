"""The audit log in the database: anyone reads it, only a commit appends to it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, insert, or_, select, type_coerce
from sqlalchemy.types import NullType

from lineage import Digest, LineageError
from registry.domain.audit import GENESIS, AuditEntry, Event, write_entry
from registry.domain.catalog.models import HistoryEntry
from registry.domain.paging import Page, PageRequest
from registry.errors import AuditBrokenError
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.tables import audit_entry, audit_index

_CHUNK = 1000
_LAST_CHARACTER = "\U0010ffff"

_READ = ("seq", "body", "previous", "leaf", "entry")
_RAW = [type_coerce(audit_entry.c[name], NullType()).label(name) for name in _READ]
"""The columns without conversion: a row that was tampered with may hold anything, and must be reported."""


class SqlAudit:
    """Implements `AuditRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def entries(self, *, after: int = 0) -> Iterator[AuditEntry]:
        while True:
            query = select(*_RAW).where(audit_entry.c.seq > after).order_by(audit_entry.c.seq).limit(_CHUNK)
            rows = self._connection.execute(query).all()
            for row in rows:
                yield _entry(row)
            if len(rows) < _CHUNK:
                return
            after = rows[-1].seq

    def search(
        self,
        *,
        subject: str | None = None,
        action: str | None = None,
        actor: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        page: PageRequest = PageRequest(),
    ) -> Page[HistoryEntry]:
        statement, seq = select(audit_entry), audit_entry.c.seq
        if actor is not None or since is not None or until is not None:
            seq = audit_index.c.seq
            statement = select(audit_entry.c.body, seq).join(audit_entry, audit_entry.c.seq == seq)
            if actor is not None:
                statement = statement.where(audit_index.c.actor == actor)
            if since is not None:
                statement = statement.where(audit_index.c.at >= since)
            if until is not None:
                statement = statement.where(audit_index.c.at < until)
        if subject is not None and subject.endswith("/*"):
            whole, prefix = subject[:-2], subject[:-1]
            # A range, not LIKE: it uses the index on both databases and tells upper from lower case.
            inside = and_(audit_entry.c.subject >= prefix, audit_entry.c.subject < prefix + _LAST_CHARACTER)
            statement = statement.where(or_(audit_entry.c.subject == whole, inside))
        elif subject is not None:
            statement = statement.where(audit_entry.c.subject == subject)
        if action is not None:
            statement = statement.where(audit_entry.c.action == action)
        scope = f"audit {subject} {action} {actor} {since} {until}"
        rows, cursor = page_rows(self._connection, statement, [SortBy(seq, int, descending=True)], page, scope=scope)
        return Page([_history(row.body) for row in rows], cursor)


def append_events(connection: Connection, events: Iterable[Event], *, actor: str, at: datetime) -> None:
    """Chain `events` to the newest entry. The caller is the only writer: see `unit_of_work`."""
    head = connection.execute(
        select(audit_entry.c.seq, audit_entry.c.entry).order_by(audit_entry.c.seq.desc()).limit(1)
    ).one_or_none()
    seq, previous = (0, GENESIS) if head is None else (head.seq, head.entry)
    rows = []
    for event in events:
        seq += 1
        written = write_entry(seq, previous, event, actor=actor, at=at)
        rows.append(
            {
                "seq": seq,
                "body": written.body,
                "previous": written.previous,
                "leaf": written.leaf,
                "entry": written.entry,
                "subject": event.subject,
                "action": event.action,
            }
        )
        previous = written.entry
    connection.execute(insert(audit_entry), rows)
    connection.execute(insert(audit_index), [{"seq": row["seq"], "actor": actor, "at": at} for row in rows])


def _entry(row: Any) -> AuditEntry:
    """Raises: AuditBrokenError for a row that cannot be read as an entry."""
    try:
        hashes = [Digest(_bytes(value).hex()) for value in (row.previous, row.leaf, row.entry)]
        return AuditEntry(row.seq, _bytes(row.body), *hashes)
    except (TypeError, LineageError) as error:
        raise AuditBrokenError(f"Entry {row.seq} cannot be read") from error


def _bytes(value: object) -> bytes:
    if not isinstance(value, bytes | memoryview):
        raise TypeError(type(value))
    return bytes(value)


def _history(body: bytes) -> HistoryEntry:
    """The entry as its body has it; the columns beside the body serve for searching only."""
    entry = json.loads(bytes(body))
    at = datetime.fromisoformat(entry["at"])
    return HistoryEntry(entry["seq"], at, entry["actor"], entry["action"], entry["subject"], entry["detail"])
