"""The repository of recalls."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, insert, or_, select, update

from lineage import Digest, NodeId, NodeKind
from registry.domain.catalog.downloads import Download
from registry.domain.catalog.models import Status
from registry.domain.catalog.statuses import STOPPED
from registry.domain.governance.recalls import (
    BY_TWO,
    AliasFallback,
    Disposition,
    Effect,
    Hold,
    Level,
    NewDisposition,
    NewRecall,
    ReasonClass,
    Recall,
    RecallState,
    Task,
    task_record,
)
from registry.domain.manifests import Manifest
from registry.domain.names import AssetKind, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.errors import NotFoundError
from registry.services.storage.recalls import RECALL, TASK, Below, Mark, OwnTasks, SameBytes
from registry.storage.catalog.assets import require_version
from registry.storage.catalog.versions import refs_of
from registry.storage.lineage.node_facts import public_label
from registry.storage.recalls import downloads as recorded
from registry.storage.recalls import marks as recall_marks
from registry.storage.recalls import same_bytes
from registry.storage.recalls import targets as recall_targets
from registry.storage.sql.among import among
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.tables import (
    asset,
    dataset_version,
    model_version,
    node,
    recall,
    recall_alias,
    recall_mark,
    version,
)


class SqlRecalls:
    """Implements `RecallRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of_refs(self, refs: Sequence[VersionRef]) -> Sequence[int]:
        return recall_targets.of_refs(self._connection, refs)

    def of_model(self, uri: str) -> Sequence[int]:
        return recall_targets.of_model(self._connection, uri)

    def of_digests(self, digests: Collection[Digest]) -> Mapping[Digest, Sequence[int]]:
        return recall_targets.of_digests(self._connection, digests)

    def of_step(self, step_id: str) -> Sequence[int]:
        return recall_targets.of_step(self._connection, step_id)

    def of_token(self, token_id: str) -> Sequence[int]:
        return recall_targets.of_token(self._connection, token_id)

    def licences(self) -> Sequence[str]:
        return recall_targets.licences(self._connection)

    def of_licences(self, licences: Collection[str]) -> Sequence[int]:
        return recall_targets.of_licences(self._connection, licences)

    def below(self, targets: Sequence[int]) -> Below:
        return recall_targets.below(self._connection, targets)

    def open(self, recall_id: str, wish: NewRecall, marks: Sequence[Mark], *, by: str, at: datetime) -> None:
        row = {
            "public_id": recall_id,
            "target": wish.target,
            "level": wish.level,
            "reason_class": wish.reason_class,
            "reason": wish.reason,
            "outputs_advisory": wish.outputs_advisory,
            "opened_by": by,
            "opened_at": at,
        }
        key = self._connection.execute(insert(recall).values(row).returning(recall.c.id)).scalar_one()
        recall_marks.write(self._connection, key, marks, _reasons(recall_id, wish.target, wish.reason), at)

    def add_fallback(self, recall_id: str, moved: AliasFallback) -> None:
        if moved.to is None:
            return
        row = {
            "recall_id": self._key(recall_id),
            "node_id": require_version(self._connection, moved.ref).node_id,
            "alias": moved.alias,
            "moved_to": require_version(self._connection, moved.to).node_id,
        }
        self._connection.execute(insert(recall_alias).values(row))

    def fallbacks(self, recall_id: str) -> Sequence[AliasFallback]:
        query = select(recall_alias).where(recall_alias.c.recall_id == self._key(recall_id))
        rows = self._connection.execute(query.order_by(recall_alias.c.node_id, recall_alias.c.alias)).all()
        refs = refs_of(self._connection, {key for row in rows for key in (row.node_id, row.moved_to)})
        return [AliasFallback(row.alias, refs[row.node_id], refs[row.moved_to]) for row in rows]

    def reverse(
        self, recall_id: str, *, by: str, reason: str, at: datetime
    ) -> tuple[Mapping[str, Status], Sequence[str]]:
        row = self._row(recall_id)
        done = recall_marks.take_back(self._connection, row.id, _reasons(recall_id, row.target, row.reason), at)
        ended = {"reversed_at": at, "reversed_by": by, "reversed_reason": reason}
        self._connection.execute(update(recall).where(recall.c.id == row.id).values(**ended))
        return done

    def release(self, recall_id: str, ref: VersionRef, *, at: datetime) -> Status | None:
        row = self._row(recall_id)
        reasons = _reasons(recall_id, row.target, row.reason)
        only = require_version(self._connection, ref).node_id
        back, _ = recall_marks.take_back(self._connection, row.id, reasons, at, only=only)
        return back.get(str(ref))

    def recall(self, recall_id: str, *, now: datetime) -> Recall | None:
        rows = self._connection.execute(_recalls(now).where(recall.c.public_id == recall_id)).all()
        return _recall(rows[0]) if rows else None

    def targets(self, recall_id: str) -> Sequence[VersionRef]:
        query = select(recall_mark.c.node_id).where(
            recall_mark.c.recall_id == self._key(recall_id), recall_mark.c.effect == Effect.TARGET
        )
        keys = list(self._connection.scalars(query.order_by(recall_mark.c.node_id)))
        refs = refs_of(self._connection, keys)
        return [refs[key] for key in keys]

    def recalls(self, *, state: RecallState | None, now: datetime, page: PageRequest) -> Page[Recall]:
        query = _recalls(now)
        if state is RecallState.REVERSED:
            query = query.where(recall.c.reversed_at.is_not(None))
        elif state is not None:
            waiting = select(recall_mark.c.id).where(recall_mark.c.recall_id == recall.c.id, _is_open(now)).exists()
            query = query.where(recall.c.reversed_at.is_(None), waiting if state is RecallState.OPEN else ~waiting)
        order = [SortBy(recall.c.id, int, descending=True)]
        rows, cursor = page_rows(self._connection, query, order, page, scope=f"recalls {state}")
        return Page([_recall(row) for row in rows], cursor)

    def task(self, recall_id: str, ref: VersionRef) -> Task | None:
        query = _tasks().where(recall.c.public_id == recall_id, node.c.label == str(ref))
        rows = self._connection.execute(query).all()
        return self._values(rows)[0] if rows else None

    def open_about(self, refs: Collection[VersionRef], *, now: datetime) -> Sequence[str]:
        labels = [str(ref) for ref in refs]
        query = _tasks().where(node.c.label.in_(labels), recall.c.reversed_at.is_(None), _is_open(now))
        rows = self._connection.execute(query.order_by(recall_mark.c.id)).all()
        return list(dict.fromkeys(row.public_id for row in rows))

    def tasks(self, recall_id: str, *, unsettled: bool, now: datetime, page: PageRequest) -> Page[Task]:
        query = _tasks().where(recall.c.public_id == recall_id)
        if unsettled:
            query = query.where(_is_open(now))
        order = [SortBy(recall_mark.c.id, int)]
        rows, cursor = page_rows(self._connection, query, order, page, scope=f"tasks {recall_id} {unsettled}")
        return Page(self._values(rows), cursor)

    def tasks_of(self, owner: str, *, now: datetime) -> Sequence[OwnTasks]:
        in_force = self._connection.scalars(select(recall.c.id).where(recall.c.reversed_at.is_(None))).all()
        query = (
            select(recall, func.count(recall_mark.c.id).label("tasks"))
            .join(recall_mark, recall_mark.c.recall_id == recall.c.id)
            .join(version, version.c.node_id == recall_mark.c.node_id)
            .join(asset, asset.c.id == version.c.asset_id)
            .where(among(recall_mark.c.recall_id), asset.c.owner == owner, _is_open(now))
            .group_by(recall.c.id)
            .order_by(recall.c.id)
        )
        return [
            OwnTasks(row.public_id, row.target, Level(row.level), row.opened_at, row.tasks)
            for row in self._connection.execute(query, {"keys": in_force})
        ]

    def propose(
        self, recall_id: str, ref: VersionRef, wish: NewDisposition, *, until: datetime | None, by: str, at: datetime
    ) -> None:
        values = {
            "disposition": wish.kind,
            "comment": wish.comment,
            "replacement": str(wish.replacement) if wish.replacement else "",
            "until": until,
            "proposed_by": by,
            "proposed_at": at,
            "confirmed_by": "",
            "confirmed_at": None,
        }
        self._connection.execute(self._mark(recall_id, ref).values(**values))

    def confirm(self, recall_id: str, ref: VersionRef, *, by: str, at: datetime) -> None:
        self._connection.execute(self._mark(recall_id, ref).values(confirmed_by=by, confirmed_at=at))

    def holds(self, ref: VersionRef) -> Sequence[Hold]:
        query = (
            select(recall_mark, recall.c.public_id, recall.c.reason_class)
            .join(recall, recall.c.id == recall_mark.c.recall_id)
            .join(node, node.c.id == recall_mark.c.node_id)
            .where(node.c.label == str(ref), recall_mark.c.status.is_not(None))
            .order_by(recall_mark.c.id)
        )
        return [
            Hold(
                row.public_id,
                ReasonClass(row.reason_class),
                Effect(row.effect),
                row.until if row.disposition == Disposition.ACCEPT and row.confirmed_at is not None else None,
            )
            for row in self._connection.execute(query)
        ]

    def stopped(self, refs: Sequence[VersionRef]) -> Mapping[VersionRef, Status]:
        status = func.coalesce(model_version.c.status, dataset_version.c.status)
        query = (
            select(node.c.label, status.label("status"))
            .outerjoin(model_version, model_version.c.node_id == node.c.id)
            .outerjoin(dataset_version, dataset_version.c.node_id == node.c.id)
            .where(node.c.label.in_([str(ref) for ref in refs]), status.in_(list(STOPPED)))
        )
        by_label = {str(ref): ref for ref in refs}
        return {by_label[row.label]: Status(row.status) for row in self._connection.execute(query)}

    def same_bytes(self, manifest: Manifest, kind: AssetKind, *, besides: Collection[VersionRef]) -> SameBytes | None:
        digests = {entry.sha256 for entry in manifest.files if entry.size}
        search = same_bytes.weights if kind is AssetKind.MODELS else same_bytes.all_data
        whole, partly = same_bytes.whole(self._connection, kind, manifest.digest), search(self._connection, digests)
        return next((one for one in chain(whole, partly) if one.ref not in besides), None)

    def named(self, digests: Collection[Digest]) -> tuple[str, Digest] | None:
        return same_bytes.named(self._connection, digests)

    def of_its_token(self, step_id: str) -> str | None:
        return recall_targets.of_its_token(self._connection, step_id)

    def inherit(self, parent: Task, ref: VersionRef, effect: Effect, status: Status | None, *, at: datetime) -> None:
        row, version = self._row(parent.recall), require_version(self._connection, ref)
        above = select(recall_mark.c.path).where(
            recall_mark.c.recall_id == row.id,
            recall_mark.c.node_id == require_version(self._connection, parent.ref).node_id,
        )
        way = self._connection.execute(above).scalar_one()
        path = (*(int(key) for key in way.split()), version.step_id, version.node_id)
        mark = Mark(version.node_id, effect, path, status)
        reasons = _reasons(row.public_id, row.target, row.reason)
        recall_marks.write(self._connection, row.id, [mark], reasons, at, only=version.node_id)
        if status is not None:
            values = {
                "disposition": Disposition.ACCEPT,
                "comment": f"As for {parent.ref}, from which it was made: {parent.comment}",
                "until": parent.until,
                "proposed_by": parent.proposed_by,
                "proposed_at": parent.proposed_at,
                "confirmed_by": parent.confirmed_by,
                "confirmed_at": parent.confirmed_at,
            }
            self._connection.execute(self._mark(parent.recall, ref).values(**values))

    def reaching(self, keys: Collection[NodeId]) -> Mapping[NodeId, Sequence[str]]:
        return recall_marks.reaching(self._connection, keys)

    def extend(
        self, recall_id: str, marks: Sequence[Mark], *, at: datetime
    ) -> Sequence[tuple[VersionRef, Status | None]]:
        row = self._row(recall_id)
        reasons = _reasons(recall_id, row.target, row.reason)
        return recall_marks.extend(self._connection, row.id, marks, reasons, at)

    def add_downloads(self, downloads: Sequence[Download]) -> None:
        recorded.add(self._connection, downloads)

    def downloads(self, recall_id: str, page: PageRequest) -> Page[Download]:
        return recorded.of_recall(self._connection, recall_id, page)

    def tainted(self, nodes: Sequence[int]) -> int:
        return recall_marks.tainted(self._connection, nodes)

    def invalid_evidence(self, node: int) -> int:
        return recall_marks.invalid_evidence(self._connection, node)

    def state(self) -> Mapping[str, str]:
        found = {
            RECALL + row.public_id: f"{row.level} by {row.opened_by}" + (" reversed" if row.reversed_at else "")
            for row in self._connection.execute(select(recall))
        }
        decided = self._connection.execute(_tasks().where(recall_mark.c.disposition.is_not(None))).all()
        return found | {f"{TASK}{task.ref} in {task.recall}": task_record(task) for task in self._values(decided)}

    def _mark(self, recall_id: str, ref: VersionRef) -> Any:
        of_version = require_version(self._connection, ref).node_id
        mine = (recall_mark.c.recall_id == self._key(recall_id)) & (recall_mark.c.node_id == of_version)
        return update(recall_mark).where(mine)

    def _row(self, recall_id: str) -> Row[Any]:
        row = self._connection.execute(select(recall).where(recall.c.public_id == recall_id)).one_or_none()
        if row is None:
            raise NotFoundError(f"There is no recall {recall_id}")
        return row

    def _key(self, recall_id: str) -> int:
        return int(self._row(recall_id).id)

    def _values(self, rows: Sequence[Row[Any]]) -> list[Task]:
        ways = {row.mark: [int(key) for key in row.path.split()] for row in rows}
        keys = {key for way in ways.values() for key in way}
        labels = {
            row.id: public_label(NodeKind(row.kind), row.label)
            for row in self._connection.execute(select(node.c.id, node.c.kind, node.c.label).where(node.c.id.in_(keys)))
        }
        refs = refs_of(self._connection, {row.node_id for row in rows})
        return [_task(row, refs[row.node_id], tuple(labels[key] for key in ways[row.mark])) for row in rows]


def _reasons(recall_id: str, target: str, reason: str) -> Mapping[Effect, str]:
    return {effect: recall_marks.written_reason(recall_id, target, effect, reason) for effect in Effect}


def _is_open(now: datetime) -> ColumnElement[bool]:
    """As `Task.settled` has it, the other way round."""
    mark = recall_mark.c
    there = select(version.c.node_id).where(version.c.node_id == mark.node_id, version.c.deleted_at.is_(None))
    unconfirmed = and_(mark.disposition.in_(list(BY_TWO)), mark.confirmed_at.is_(None))
    undecided = or_(mark.disposition.is_(None), unconfirmed, mark.until <= now)
    return and_(mark.effect != Effect.TARGET, undecided, there.correlate(recall_mark).exists())


def _recalls(now: datetime) -> Select[Any]:
    def count(condition: Any) -> Any:
        mine = select(func.count(recall_mark.c.id)).where(recall_mark.c.recall_id == recall.c.id, condition)
        return mine.scalar_subquery()

    return select(
        recall,
        count(recall_mark.c.effect == Effect.TARGET).label("targets"),
        count(recall_mark.c.effect != Effect.TARGET).label("tasks"),
        count(_is_open(now)).label("open_tasks"),
    )


def _tasks() -> Select[Any]:
    return (
        select(recall_mark, recall_mark.c.id.label("mark"), recall.c.public_id, version.c.deleted_at)
        .join(recall, recall.c.id == recall_mark.c.recall_id)
        .join(node, node.c.id == recall_mark.c.node_id)
        .join(version, version.c.node_id == recall_mark.c.node_id)
        .where(recall_mark.c.effect != Effect.TARGET)
    )


def _recall(row: Row[Any]) -> Recall:
    return Recall(
        row.public_id,
        row.target,
        Level(row.level),
        ReasonClass(row.reason_class),
        row.reason,
        row.outputs_advisory,
        row.opened_by,
        row.opened_at,
        row.targets,
        row.tasks,
        row.open_tasks,
        row.reversed_at,
        row.reversed_by,
        row.reversed_reason,
    )


def _task(row: Row[Any], ref: VersionRef, path: tuple[str, ...]) -> Task:
    return Task(
        row.public_id,
        ref,
        Effect(row.effect),
        path,
        row.status is not None,
        None if row.disposition is None else Disposition(row.disposition),
        row.comment,
        row.replacement,
        row.until,
        row.proposed_by,
        row.proposed_at,
        row.confirmed_by,
        row.confirmed_at,
        row.deleted_at is not None,
    )
