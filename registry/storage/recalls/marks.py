"""The marks of recalls, and the statuses that follow them: written and taken back in a few statements for thousands.

A recall remembers what each version was before. Marks on one version form a list, each with what it found there, so
that one can be taken out of the middle: the next inherits what it found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from lineage import NodeId
from registry.domain.catalog.models import Status
from registry.domain.governance.recalls import Disposition, Effect, Level
from registry.domain.names import VersionRef
from registry.services.storage.recalls import Mark
from registry.storage.catalog.listings import statuses_changed
from registry.storage.catalog.versions import refs_of
from registry.storage.sql.among import among
from registry.storage.tables import asset, dataset_version, listing, model_version, node, recall, recall_mark, version

_REACHING = (
    select(recall_mark.c.node_id, recall.c.public_id)
    .join(recall, recall.c.id == recall_mark.c.recall_id)
    .where(among(recall_mark.c.node_id), recall.c.reversed_at.is_(None))
    .order_by(recall.c.id)
)
_KINDS = (model_version, dataset_version)
_OWNERS = """SELECT DISTINCT v.asset_id FROM recall_mark r JOIN version v ON v.node_id = r.node_id
WHERE r.recall_id = :key AND r.status IS NOT NULL"""
_MOST_AT_ONCE = 10_000
"""Nodes that one statement names."""


def written_reason(recall_id: str, target: str, effect: Effect, reason: str) -> str:
    """What a recall writes as the reason of a status: it names the recall, so no other change writes the same."""
    if effect is Effect.TARGET:
        return f"{recall_id}: {reason}"
    return f"{recall_id}: made from {target}"


def write(
    connection: Connection,
    key: int,
    marks: Sequence[Mark],
    reasons: Mapping[Effect, str],
    at: datetime,
    *,
    only: int | None = None,
) -> None:
    """Insert the marks of the recall `key`, and set the statuses that they ask for.

    `only` is the version of the one mark that is added to a recall which has others.
    """
    before = _now(connection, [mark.node for mark in marks])
    rows = [
        {
            "recall_id": key,
            "node_id": mark.node,
            "effect": mark.effect,
            "path": " ".join(map(str, mark.path)),
            "status": mark.status,
            "before_status": status,
            "before_reason": reason,
        }
        for mark in marks
        for status, reason in [before[mark.node]]
    ]
    if not rows:
        return
    connection.execute(insert(recall_mark), rows)
    held = [mark for mark in marks if mark.status is not None]
    with _followed(connection, key, at, only=only):
        for status, effect in sorted({(mark.status, mark.effect) for mark in held if mark.status is not None}):
            mine = select(recall_mark.c.node_id).where(
                recall_mark.c.recall_id == key, recall_mark.c.effect == effect, recall_mark.c.status == status
            )
            mine = mine if only is None else mine.where(recall_mark.c.node_id == only)
            for table in _KINDS:
                change = update(table).where(table.c.node_id.in_(mine))
                connection.execute(change.values(status=status, status_reason=reasons[effect]))


def extend(
    connection: Connection, key: int, marks: Sequence[Mark], reasons: Mapping[Effect, str], at: datetime
) -> list[tuple[VersionRef, Status | None]]:
    """Write those of `marks` that the recall does not have yet, each by itself: others may have changed since."""
    known = set(connection.scalars(select(recall_mark.c.node_id).where(recall_mark.c.recall_id == key)))
    new = [mark for mark in marks if mark.node not in known]
    for mark in new:
        write(connection, key, [mark], reasons, at, only=mark.node)
    refs = refs_of(connection, {mark.node for mark in new})
    return [(refs[mark.node], mark.status) for mark in new]


def reaching(connection: Connection, keys: Collection[NodeId]) -> dict[NodeId, list[str]]:
    """By node, the recalls that stand and mark it."""
    found: dict[NodeId, list[str]] = {}
    for row in connection.execute(_REACHING, {"keys": keys}):
        found.setdefault(row.node_id, []).append(row.public_id)
    return found


def take_back(
    connection: Connection, key: int, reasons: Mapping[Effect, str], at: datetime, *, only: int | None = None
) -> tuple[dict[str, Status], list[str]]:
    """Undo what the recall wrote, for all versions or `only` one: what was restored, by label, and what was not.

    What somebody changed since, or what another recall covers, stays as it is.
    """
    held = select(recall_mark, node.c.label).join(node, node.c.id == recall_mark.c.node_id)
    held = held.where(recall_mark.c.recall_id == key, recall_mark.c.status.is_not(None))
    marks = connection.execute(held if only is None else held.where(recall_mark.c.node_id == only)).all()
    now = _now(connection, [mark.node_id for mark in marks])
    back: list[Row[Any]] = []
    left: list[Row[Any]] = []
    for mark in marks:
        wrote = (mark.status, reasons[Effect(mark.effect)])
        (back if now[mark.node_id] == wrote else left).append(mark)
    with _followed(connection, key, at, only=only):
        _restore(connection, back)
        _inherit(connection, left, reasons)
    ended = update(recall_mark).where(recall_mark.c.recall_id == key)
    ended = ended if only is None else ended.where(recall_mark.c.node_id == only)
    connection.execute(ended.values(status=None))
    return {mark.label: Status(mark.before_status) for mark in back}, [mark.label for mark in left]


def _restore(connection: Connection, marks: Sequence[Row[Any]]) -> None:
    if not marks:
        return
    given = [{"key": m.node_id, "status": m.before_status, "status_reason": m.before_reason} for m in marks]
    for table in _KINDS:
        connection.execute(update(table).where(table.c.node_id == bindparam("key")), given)


def _inherit(connection: Connection, marks: Iterable[Row[Any]], reasons: Mapping[Effect, str]) -> None:
    """The mark that found what this one wrote gets what this one found."""
    for mark in marks:
        found_it = (
            (recall_mark.c.node_id == mark.node_id)
            & (recall_mark.c.before_status == mark.status)
            & (recall_mark.c.before_reason == reasons[Effect(mark.effect)])
        )
        inherited = {"before_status": mark.before_status, "before_reason": mark.before_reason}
        connection.execute(update(recall_mark).where(found_it).values(**inherited))


def _now(connection: Connection, nodes: Sequence[int]) -> dict[int, tuple[str, str]]:
    """The status of versions now, with its reason. Many are read as a whole table would be: by chunks."""
    found: dict[int, tuple[str, str]] = {}
    for i in range(0, len(nodes), _MOST_AT_ONCE):
        chunk = list(nodes[i : i + _MOST_AT_ONCE])
        for table in _KINDS:
            among = table.c.node_id.in_(bindparam("keys", chunk, expanding=True, literal_execute=True))
            query = select(table.c.node_id, table.c.status, table.c.status_reason).where(among)
            found |= {row.node_id: (row.status, row.status_reason) for row in connection.execute(query)}
    return found


@contextmanager
def _followed(connection: Connection, key: int, at: datetime, *, only: int | None = None) -> Iterator[None]:
    """Inside, statuses of what is marked change; afterwards what a search reads and the times of change follow them."""
    marked = select(recall_mark.c.node_id).where(recall_mark.c.recall_id == key, recall_mark.c.status.is_not(None))
    marked = marked if only is None else marked.where(recall_mark.c.node_id == only)
    owners = _OWNERS if only is None else f"{_OWNERS} AND r.node_id = {only:d}"
    with statuses_changed(connection, owners, f"{owners} AND r.before_status = 'archived'", key):
        yield
        now = select(model_version.c.status).where(model_version.c.node_id == listing.c.id).scalar_subquery()
        connection.execute(update(listing).where(listing.c.id.in_(marked)).values(status=now))
    owned = select(version.c.asset_id).where(version.c.node_id.in_(marked))
    connection.execute(update(asset).where(asset.c.id.in_(owned)).values(updated_at=at))


def tainted(connection: Connection, nodes: Sequence[int]) -> int:
    """How many of these nodes are withheld by a recall because of what they were made from."""
    live = connection.execute(select(recall.c.id).where(recall.c.reversed_at.is_(None)).limit(1)).first()
    if live is None:
        return 0
    by_effect = recall_mark.c.effect.in_([Effect.TAINTED, Effect.WEAKLY_TAINTED]) & recall_mark.c.status.is_not(None)
    total = 0
    for i in range(0, len(nodes), _MOST_AT_ONCE):
        among = recall_mark.c.node_id.in_(nodes[i : i + _MOST_AT_ONCE])
        query = select(func.count(recall_mark.c.node_id.distinct())).where(among, by_effect)
        total += connection.execute(query).scalar_one()
    return total


def invalid_evidence(connection: Connection, key: int) -> int:
    """How many recalls of what this version was measured on stand; a confirmed dispute ends it."""
    disputed = (recall_mark.c.disposition == Disposition.DISPUTE) & recall_mark.c.confirmed_at.is_not(None)
    query = (
        select(recall_mark.c.id)
        .join(recall, recall.c.id == recall_mark.c.recall_id)
        .where(
            recall_mark.c.node_id == key,
            recall_mark.c.effect == Effect.EVIDENCE_INVALID,
            recall.c.level != Level.ADVISORY,
            recall.c.reversed_at.is_(None),
            disputed.is_not(True),
        )
    )
    return len(connection.execute(query).all())
