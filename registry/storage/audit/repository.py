"""The audit log in the database: anyone reads it, only a commit appends to it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import Connection, and_, bindparam, func, insert, or_, select, type_coerce, update
from sqlalchemy.types import NullType

from lineage import Digest, LineageError
from registry.domain.audit import (
    GENESIS,
    AuditEntry,
    Event,
    Head,
    HeadRecord,
    SearchColumns,
    leaf_hash,
    read_body,
    write_entry,
)
from registry.domain.catalog.models import HistoryEntry
from registry.domain.paging import Page, PageRequest
from registry.errors import AuditBrokenError
from registry.storage.audit.checkpoints import Checkpoints
from registry.storage.audit.head import HeadFile
from registry.storage.audit.tree import node
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.sql.prebuilt import Prebuilt, inserting
from registry.storage.tables import audit_entry, audit_erasure, audit_index

_CHUNK = 1000
_LAST_CHARACTER = "\U0010ffff"

_READ = ("seq", "body", "previous", "leaf", "entry", "subject", "action")
_RAW = [
    *(type_coerce(audit_entry.c[name], NullType()).label(name) for name in _READ),
    *(type_coerce(audit_index.c[name], NullType()).label(name) for name in ("actor", "at")),
]
"""The columns without conversion: a row that was tampered with may hold anything, and must be reported."""
_ROWS: Any = select(*_RAW).outerjoin_from(audit_entry, audit_index, audit_entry.c.seq == audit_index.c.seq)


class SqlAudit:
    """Implements `AuditRepository`."""

    def __init__(
        self, connection: Connection, head: HeadFile | None = None, checkpoints: Checkpoints | None = None
    ) -> None:
        self._connection = connection
        self._head = head
        self.checkpoints = checkpoints

    def kept(self) -> HeadRecord | None:
        return None if self._head is None else self._head.read()

    def node(self, level: int, place: int) -> bytes:
        return node(self._connection, level, place)

    def entries(self, *, after: int = 0) -> Iterator[AuditEntry]:
        while True:
            query = _ROWS.where(audit_entry.c.seq > after).order_by(audit_entry.c.seq).limit(_CHUNK)
            rows = self._connection.execute(query).all()
            for row in rows:
                yield _entry(row)
            if len(rows) < _CHUNK:
                return
            after = rows[-1].seq

    def erase(self, change: Callable[[bytes], bytes], at: datetime) -> Mapping[int, Digest]:
        erased: dict[int, Digest] = {}
        changed = ((entry, body) for entry in self.entries() if (body := change(entry.body)) != entry.body)
        while part := list(islice(changed, _CHUNK)):
            self._rewrite(part, at)
            erased |= {entry.seq: leaf_hash(body) for entry, body in part}
        return erased

    def _rewrite(self, part: Sequence[tuple[AuditEntry, bytes]], at: datetime) -> None:
        known = select(audit_erasure.c.seq).where(audit_erasure.c.seq.in_([entry.seq for entry, _ in part]))
        before = set(self._connection.scalars(known))
        fresh = [entry for entry, _ in part if entry.seq not in before]
        for entry in fresh:
            if leaf_hash(entry.body) != entry.leaf:  # since it was verified
                raise AuditBrokenError(f"The body of entry {entry.seq} was changed")
        if fresh:
            self._connection.execute(insert(audit_erasure), [{"seq": entry.seq, "erased_at": at} for entry in fresh])
        columns = [(entry.seq, body, read_body(body).columns) for entry, body in part]
        self._connection.execute(
            update(audit_entry)
            .where(audit_entry.c.seq == bindparam("_seq"))
            .values(body=bindparam("_body"), subject=bindparam("_subject")),
            [{"_seq": seq, "_body": body, "_subject": found.subject} for seq, body, found in columns],
        )
        self._connection.execute(
            update(audit_index).where(audit_index.c.seq == bindparam("_seq")).values(actor=bindparam("_actor")),
            [{"_seq": seq, "_actor": found.actor} for seq, _, found in columns],
        )

    def about(self, subject: str, actions: Collection[str]) -> Sequence[HistoryEntry]:
        mine = audit_entry.c.subject == subject
        first = select(func.min(audit_entry.c.seq)).where(mine).scalar_subquery()
        wanted = or_(audit_entry.c.action.in_(sorted(actions)), audit_entry.c.seq == first)
        rows = self._connection.execute(_ROWS.where(mine, wanted).order_by(audit_entry.c.seq))
        return [_history(_entry(row)) for row in rows]

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
        statement: Any = _ROWS
        seq = audit_entry.c.seq
        if actor is not None or since is not None or until is not None:
            seq = audit_index.c.seq
            statement = select(*_RAW).join_from(audit_index, audit_entry, audit_entry.c.seq == seq)
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
        return Page([_history(_entry(row)) for row in rows], cursor)


def append_events(connection: Connection, events: Iterable[Event], *, actor: str, at: datetime) -> tuple[Head, Head]:
    """Chain `events` to the newest entry. The caller is the only writer: see `unit_of_work`.

    Returns the newest entry before and after.
    """
    head = _NEWEST.rows(connection, {})
    seq, previous = head[0] if head else (0, GENESIS)
    before = Head(seq, previous)
    rows = []
    for event in events:
        seq += 1
        salt = secrets.token_hex(16)
        written = write_entry(seq, previous, event.without_credentials(), actor=actor, at=at, salt=salt)
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
    _ENTRIES.run_all(connection, rows)
    _INDEX.run_all(connection, [{"seq": row["seq"], "actor": actor, "at": at} for row in rows])
    return before, Head(seq, previous)


_ENTRIES = inserting(audit_entry, *_READ)
_INDEX = inserting(audit_index, "seq", "actor", "at")
_NEWEST = Prebuilt(lambda: select(audit_entry.c.seq, audit_entry.c.entry).order_by(audit_entry.c.seq.desc()).limit(1))


def _entry(row: Any) -> AuditEntry:
    """Raises: AuditBrokenError for a row that cannot be read as an entry."""
    try:
        seq, body, previous, leaf, entry, subject, action, actor, at = row[: len(_RAW)]
        columns = SearchColumns(subject, action, actor, _moment(at))
        raw = Digest.raw
        return AuditEntry(seq, _bytes(body), raw(_bytes(previous)), raw(_bytes(leaf)), raw(_bytes(entry)), columns)
    except (TypeError, ValueError, LineageError) as error:
        raise AuditBrokenError(f"Entry {row.seq} cannot be read") from error


def _bytes(value: object) -> bytes:
    if type(value) is bytes:
        return value
    if not isinstance(value, bytes | memoryview):
        raise TypeError(type(value))
    return bytes(value)


def _moment(value: object) -> datetime:
    """SQLite keeps UTC as text, PostgreSQL knows moments."""
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if not isinstance(value, str):
        raise TypeError(type(value))
    return datetime.fromisoformat(f"{value}+00:00")


def _history(entry: AuditEntry) -> HistoryEntry:
    """The entry as its body has it. Raises: AuditBrokenError for one that the columns find under another name."""
    body = read_body(entry.body)
    if (entry.seq, entry.columns) != (body.seq, body.columns):
        raise AuditBrokenError(
            f"The columns that find entry {entry.seq} do not repeat its body", remedy="Run: forebear audit verify"
        )
    found = body.columns
    return HistoryEntry(body.seq, found.at, found.actor, found.action, found.subject, body.detail)
