"""The repository of drafts, and of the objects that people have sent for them."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, delete, func, insert, select

from lineage import Digest
from registry.domain.drafts.drafts import Draft, DraftSummary
from registry.domain.drafts.xet.places import Place, all_covered
from registry.domain.manifests import FileEntry
from registry.domain.names import Name
from registry.storage.sql.chunks import chunks
from registry.storage.sql.upsert import upsert
from registry.storage.tables import draft, draft_file, sent_object, xet_epoch, xet_place


class SqlDrafts:
    """Implements `DraftRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, name: Name) -> Draft | None:
        row = self._connection.execute(_summaries().where(draft.c.name == str(name))).one_or_none()
        if row is None:
            return None
        files = select(draft_file).where(draft_file.c.draft_id == row.id).order_by(draft_file.c.path)
        entries = (FileEntry(one.path, one.size, one.digest) for one in self._connection.execute(files))
        return Draft(_summary(row), tuple(sorted(entries, key=lambda one: one.path)))

    def list(self) -> Sequence[DraftSummary]:
        return [_summary(row) for row in self._connection.execute(_summaries().order_by(draft.c.name))]

    def count(self, handle: str) -> int:
        query = select(func.count()).select_from(draft).where(draft.c.created_by == handle)
        return self._connection.execute(query).scalar_one()

    def save(self, draft_: Draft) -> None:
        self.remove(draft_.name)
        one = draft_.summary
        values = {
            "name": str(one.name),
            "folded": one.name.folded,
            "head": one.head,
            "created_at": one.created_at,
            "created_by": one.created_by,
            "changed_at": one.changed_at,
            "changed_by": one.changed_by,
            "expires_at": one.expires_at,
        }
        self._connection.execute(insert(draft).values(**values))
        key = self._connection.scalar(select(draft.c.id).where(draft.c.name == str(one.name)))
        rows = [{"draft_id": key, "path": file.path, "size": file.size, "digest": file.sha256} for file in draft_.files]
        if rows:
            self._connection.execute(insert(draft_file), rows)

    def remove(self, name: Name) -> None:
        key = select(draft.c.id).where(draft.c.name == str(name)).scalar_subquery()
        self._connection.execute(delete(draft_file).where(draft_file.c.draft_id == key))
        self._connection.execute(delete(draft).where(draft.c.name == str(name)))

    def is_taken(self, name: Name) -> bool:
        query = select(draft.c.id).where(draft.c.folded == name.folded)
        return self._connection.execute(query).first() is not None

    def note_sent(self, handle: str, objects: Iterable[tuple[Digest, int]], until: datetime) -> None:
        rows = [
            {"handle": handle, "digest": digest, "size": size, "expires_at": until}
            for digest, size in dict(objects).items()
        ]
        upsert(self._connection, sent_object, rows, ["handle", "digest"])

    def sent(self, handle: str, digests: Collection[Digest]) -> Mapping[Digest, int]:
        found: dict[Digest, int] = {}
        for some in chunks(digests):
            query = select(sent_object).where(sent_object.c.handle == handle, sent_object.c.digest.in_(some))
            found |= {row.digest: row.size for row in self._connection.execute(query)}
        return found

    def forget_sent(self, digests: Collection[Digest], *, handle: str | None = None) -> None:
        for some in chunks(digests):
            gone = delete(sent_object).where(sent_object.c.digest.in_(some))
            self._connection.execute(gone if handle is None else gone.where(sent_object.c.handle == handle))

    def count_placed(self, handle: str) -> int:
        mine = (xet_place.c.handle == handle, xet_place.c.offset == 0)
        query = select(func.count()).select_from(xet_place).where(*mine)
        return self._connection.execute(query).scalar_one()

    def size_placed(self, handle: str) -> int:
        same = (xet_place.c.handle == sent_object.c.handle, xet_place.c.digest == sent_object.c.digest)
        each = sent_object.outerjoin(xet_place, and_(*same, xet_place.c.offset == 0))
        query = select(func.coalesce(func.sum(sent_object.c.size), 0)).select_from(each)
        return int(self._connection.execute(query.where(sent_object.c.handle == handle)).scalar_one())

    def size_sent(self, handle: str) -> int:
        query = select(func.coalesce(func.sum(sent_object.c.size), 0)).where(sent_object.c.handle == handle)
        return int(self._connection.execute(query).scalar_one())

    def expired(self, now: datetime) -> Sequence[DraftSummary]:
        query = _summaries().where(draft.c.expires_at < now).order_by(draft.c.name)
        return [_summary(row) for row in self._connection.execute(query)]

    def forget_expired(self, now: datetime) -> bool:
        named = select(draft_file.c.digest).where(draft_file.c.digest == sent_object.c.digest).exists()
        gone = self._connection.execute(delete(sent_object).where(sent_object.c.expires_at < now, ~named))
        return gone.rowcount > 0

    def add_places(self, handle: str, places: Iterable[Place]) -> None:
        rows = [
            {
                "handle": handle,
                "xorb": one.xorb,
                "first": one.first,
                "digest": one.digest,
                "offset": one.offset,
                "sizes": struct.pack(f"<{len(one.sizes)}I", *one.sizes),
            }
            for one in places
        ]
        for row in rows:
            same = (xet_place.c[name] == row[name] for name in ("handle", "xorb", "first", "digest"))
            self._connection.execute(delete(xet_place).where(*same))
        if rows:
            self._connection.execute(insert(xet_place), rows)

    def places(self, handle: str, xorbs: Collection[str]) -> Sequence[Place]:
        found: list[Place] = []
        for some in chunks(xorbs):
            mine = (xet_place.c.handle == handle, xet_place.c.xorb.in_(some))
            found += map(_place, self._connection.execute(select(xet_place).where(*mine).order_by(xet_place.c.id)))
        return found

    def end_places(self, handle: str, xorbs: Collection[str]) -> None:
        for some in chunks(xorbs):
            mine = (xet_place.c.handle == handle, xet_place.c.xorb.in_(some))
            self._connection.execute(delete(xet_place).where(*mine))

    def forget_places(self, digests: Collection[Digest]) -> None:
        gone: list[tuple[str, Place]] = []
        for some in chunks(digests):
            mine = xet_place.c.digest.in_(some)
            gone += [(row.handle, _place(row)) for row in self._connection.execute(select(xet_place).where(mine))]
            self._connection.execute(delete(xet_place).where(mine))
        lost = {handle for handle, one in gone if not all_covered(one, self.places(handle, [one.xorb]))}
        self.next_epoch(sorted(lost))

    def epoch(self, handle: str) -> int:
        return self._connection.scalar(select(xet_epoch.c.epoch).where(xet_epoch.c.handle == handle)) or 0

    def next_epoch(self, handles: Iterable[str]) -> None:
        rows = [{"handle": handle, "epoch": 1} for handle in handles]
        upsert(self._connection, xet_epoch, rows, ["handle"], added=["epoch"])


def _summaries() -> Select[Any]:
    """Drafts with the number and the bytes of their files."""
    mine = draft_file.c.draft_id == draft.c.id
    files = select(func.count()).select_from(draft_file).where(mine).scalar_subquery()
    size = select(func.coalesce(func.sum(draft_file.c.size), 0)).where(mine).scalar_subquery()
    return select(draft, files.label("files"), size.label("size"))


def _summary(row: Row[Any]) -> DraftSummary:
    return DraftSummary(
        Name.parse(row.name),
        row.head,
        row.files,
        int(row.size),
        row.created_at,
        row.created_by,
        row.changed_at,
        row.changed_by,
        row.expires_at,
    )


def _place(row: Row[Any]) -> Place:
    sizes = struct.unpack(f"<{len(row.sizes) // 4}I", row.sizes)
    return Place(row.xorb, row.first, row.digest, row.offset, sizes)
