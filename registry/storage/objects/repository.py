"""The repository of stored objects: what needs them, the damage found in them, and the checks of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, select, update

from lineage import Digest
from registry.domain.names import VersionRef
from registry.domain.objects import Damage, Fault, Form, StoreCheck, Use, VersionCheck
from registry.services.storage.objects import PiecedFile, StoredCard
from registry.storage.catalog.assets import find_version, require_version
from registry.storage.catalog.versions import is_live, refs_of
from registry.storage.objects import needs
from registry.storage.sql.upsert import upsert
from registry.storage.tables import card_revision, damage, node, store_check, version, version_check


class SqlObjects:
    """Implements `ObjectRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def noted(self) -> Mapping[Digest, Sequence[Use]]:
        return needs.noted(self._connection)

    def count(self) -> int:
        return needs.count(self._connection)

    def needed(self, *, after: Digest | None, limit: int) -> Sequence[Digest]:
        return needs.needed(self._connection, after=after, limit=limit)

    def uses(self, blobs: Iterable[Digest]) -> Mapping[Digest, Sequence[Use]]:
        return needs.uses(self._connection, blobs)

    def held(self, blobs: Iterable[Digest]) -> set[Digest]:
        return needs.held(self._connection, blobs)

    def ends(self, blobs: Iterable[Digest]) -> Mapping[Digest, int]:
        return needs.ends(self._connection, blobs)

    def pieced(self) -> Iterator[PiecedFile]:
        return needs.pieced(self._connection)

    def cards(self) -> Iterator[StoredCard]:
        return needs.cards(self._connection)

    def restore_card(self, digest: Digest, text: str) -> None:
        self._connection.execute(update(card_revision).where(card_revision.c.digest == digest).values(text=text))

    def damage(self, ref: VersionRef | None = None) -> Sequence[Damage]:
        query = select(damage).join(version, version.c.node_id == damage.c.node_id).where(is_live())
        if ref is not None:
            query = query.join(node, node.c.id == damage.c.node_id).where(node.c.label == str(ref))
        rows = self._connection.execute(query.order_by(damage.c.node_id, damage.c.place)).all()
        refs = self._refs(rows)
        return [Damage(refs[r.node_id], r.place, r.digest, Fault(r.fault), r.found_at, Form(r.form)) for r in rows]

    def mark(self, found: Damage) -> bool:
        row = find_version(self._connection, found.ref)
        if row is None:
            return False
        key = {"node_id": row.node_id, "form": found.form, "digest": found.digest}
        known = select(damage.c.node_id).where(*(damage.c[name] == value for name, value in key.items()))
        if self._connection.execute(known).first() is not None:
            return False
        values = {"place": found.place, "fault": found.fault, "found_at": found.found_at}
        self._connection.execute(insert(damage).values(key | values))
        return True

    def unmark(self, form: Form, digests: Iterable[Digest]) -> Sequence[VersionRef]:
        mine = and_(damage.c.form == form, damage.c.digest.in_(list(digests)))
        keys = set(self._connection.scalars(select(damage.c.node_id).where(mine)))
        self._connection.execute(delete(damage).where(mine))
        left = set(self._connection.scalars(select(damage.c.node_id).where(damage.c.node_id.in_(keys))))
        live = select(version.c.node_id).where(version.c.node_id.in_(keys - left), is_live())
        return sorted(refs_of(self._connection, self._connection.scalars(live).all()).values())

    def save_version_check(self, ref: VersionRef, check: VersionCheck) -> None:
        key = require_version(self._connection, ref).node_id
        scan = asdict(check.scan) if check.scan is not None else None
        row = {"node_id": key, "checked_at": check.at, "files": check.files, "size": check.size, "scan": scan}
        upsert(self._connection, version_check, [row], ["node_id"])

    def last_check(self) -> StoreCheck | None:
        query = select(store_check).order_by(store_check.c.id.desc()).limit(1)
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        return StoreCheck(
            row.started_at,
            row.started_by,
            row.updated_at,
            row.ended_at,
            row.position,
            row.objects,
            row.size,
            row.total,
            row.faults,
        )

    def save_check(self, check: StoreCheck) -> None:
        mine = store_check.c.started_at == check.started_at
        values = {name: getattr(check, name) for name in StoreCheck.__dataclass_fields__}
        if self._connection.execute(update(store_check).where(mine).values(**values)).rowcount == 0:
            self._connection.execute(insert(store_check).values(**values))

    def _refs(self, rows: Iterable[Row[Any]]) -> dict[int, VersionRef]:
        return refs_of(self._connection, {row.node_id for row in rows})
