"""The steps' repository: their states, curves, metrics, manifests and mirrors."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Text, bindparam, cast, delete, func, select, update

from lineage import Assurance, Digest, NodeKind
from registry.domain.catalog.models import MetricValue
from registry.domain.names import Name, VersionRef
from registry.domain.paging import Page, PageRequest
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import (
    EpochMetric,
    MirrorState,
    Progress,
    StepDetail,
    StepInput,
    StepState,
    StepSummary,
)
from registry.errors import NotFoundError
from registry.services.storage.transfers import LeaseRepository, NewStep, TaggedStep, VerdictRecord
from registry.storage.catalog.listings import relist
from registry.storage.catalog.nodes import OUTPUT_ROLE, add_edges, add_node, keys_of
from registry.storage.catalog.versions import headline_metrics, measured_by, refs_of
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.sql.prebuilt import Prebuilt, inserting
from registry.storage.sql.upsert import upsert
from registry.storage.tables import curve_point, edge, metric, mirror, node, step, version
from registry.storage.transfers import readings

_ENDED = frozenset({StepState.SUCCEEDED, StepState.FAILED, StepState.INTERRUPTED, StepState.CANCELLED})
_TO_MIRROR = ("queued", "failing")


class SqlSteps:
    """Implements `StepRepository`."""

    def __init__(self, connection: Connection, leases: LeaseRepository) -> None:
        self._connection = connection
        self._leases = leases

    def add(self, new: NewStep) -> None:
        connection = self._connection
        key = add_node(connection, NodeKind.STEP, new.digest, new.id, new.created_at)
        row = {
            "node_id": key,
            "kind": new.kind,
            "wanted": str(new.wanted),
            "method": new.method,
            "adapter": new.adapter,
            "state": new.state,
            "recipe": dict(new.recipe),
            "created_by": new.created_by,
            "started_at": new.created_at if new.state in _ENDED | {StepState.RUNNING} else None,
            "ended_at": new.created_at if new.state in _ENDED else None,
            "updated_at": new.created_at,
            "epoch": 0.0,
            "epochs": new.epochs,
            "token": new.token,
        }
        _ADD_STEP.run(connection, row)
        _ADD_MIRROR.run(connection, {"step_id": key, "state": "off", "attempts": 0, "changed_at": new.created_at})
        self._add_inputs(key, new.inputs, new.created_at)

    def _add_inputs(self, key: int, inputs: Sequence[StepInput], at: datetime) -> None:
        known = keys_of(self._connection, [str(one.ref) for one in inputs])
        if missing := next((one.ref for one in inputs if str(one.ref) not in known), None):
            raise NotFoundError(f"There is no version {missing}")
        rows = [
            {
                "from_node": known[str(one.ref)],
                "to_node": key,
                "role": one.role,
                "split": one.split,
                "assurance": one.assurance,
                "created_at": at,
            }
            for one in inputs
        ]
        add_edges(self._connection, rows)

    def get(self, step_id: str) -> StepDetail | None:
        row = self._connection.execute(_steps().where(node.c.label == step_id)).one_or_none()
        if row is None:
            return None
        points = self._connection.execute(
            select(curve_point)
            .where(curve_point.c.step_id == row.node_id)
            .order_by(curve_point.c.step, curve_point.c.epoch, curve_point.c.role, curve_point.c.name)
        )
        copy = self._connection.execute(select(mirror).where(mirror.c.step_id == row.node_id)).one()
        return StepDetail(
            summary=self._summaries([row])[0],
            inputs=self._inputs(row.node_id),
            recipe=row.recipe,
            curve=_points(points),
            measured=measured_by(self._connection, row.node_id),
            manifest=None if row.manifest is None else json.loads(row.manifest),
            manifest_digest=row.manifest_digest,
            verdict_void=row.verdict_void,
            mirror=MirrorState(copy.state, copy.run_id, copy.attempts, copy.error),
            lease=self._leases.get(step_id),
        )

    def summary(self, step_id: str) -> StepSummary | None:
        row = self._connection.execute(_steps().where(node.c.label == step_id)).one_or_none()
        return None if row is None else self._summaries([row])[0]

    def search(
        self, *, state: StepState | None, method: Method | None, output: Name | None, page: PageRequest
    ) -> Page[StepSummary]:
        statement = _steps()
        if state is not None:
            statement = statement.where(step.c.state == state)
        if method is not None:
            statement = statement.where(step.c.method == method)
        if output is not None:
            statement = statement.where(step.c.wanted == str(output))
        order = [SortBy(step.c.node_id, int, descending=True)]
        scope = f"steps {state} {method} {output}"
        rows, cursor = page_rows(self._connection, statement, order, page, scope=scope)
        return Page(self._summaries(rows), cursor)

    def tagged(self, outputs: Collection[Name], tag: str, value: str) -> Sequence[TaggedStep]:
        query = (
            select(node.c.label, step.c.state, step.c.recipe)
            .join(node, node.c.id == step.c.node_id)
            .where(
                step.c.wanted.in_(sorted(map(str, outputs))), cast(step.c.recipe, Text).contains(value, autoescape=True)
            )
            .order_by(step.c.node_id.desc())
        )
        found = [
            TaggedStep(row.label, StepState(row.state), row.recipe.get("tags") or {})
            for row in self._connection.execute(query)
        ]
        return [one for one in found if one.tags.get(tag) == value]

    def move(
        self, step_id: str, *, expected: frozenset[StepState], to: StepState, at: datetime, error: str | None = None
    ) -> bool:
        key = self._key(step_id)
        values: dict[str, object] = {"state": to, "error": error, "updated_at": at}
        values["ended_at"] = at if to in _ENDED else None
        moved = self._connection.execute(
            update(step).where(step.c.node_id == key, step.c.state.in_(sorted(expected))).values(values)
        )
        if moved.rowcount == 0:
            return False
        if to is StepState.RUNNING:
            never = (step.c.node_id == key) & step.c.started_at.is_(None)
            self._connection.execute(update(step).where(never).values(started_at=at))
        return True

    def progress(self, step_id: str, *, epoch: float, at: datetime, progress: Progress | None = None) -> None:
        from registry.domain.codec import to_json  # noqa: PLC0415 - reading a manifest needs none of it

        columns = {} if progress is None else {"progress": to_json(progress)}
        self._set(step_id, epoch=epoch, updated_at=at, **columns)

    def add_curve(self, step_id: str, points: Iterable[EpochMetric]) -> None:
        key = self._key(step_id)
        last = self._connection.execute(
            select(func.coalesce(func.max(curve_point.c.number), 0)).where(curve_point.c.step_id == key)
        ).scalar_one()
        rows = [
            {
                "step_id": key,
                "name": p.name,
                "role": p.role,
                "epoch": p.epoch,
                "step": p.step,
                "value": p.value,
                "number": number,
            }
            for number, p in enumerate(points, start=last + 1)
        ]
        upsert(self._connection, curve_point, rows, ("step_id", "name", "role", "epoch", "step"))

    def forget_curve(self, step_id: str) -> None:
        self._connection.execute(delete(curve_point).where(curve_point.c.step_id == self._key(step_id)))

    def curve(self, step_id: str, *, after: int) -> Sequence[EpochMetric]:
        key = self._key(step_id)
        newer = (curve_point.c.step_id == key) & (curve_point.c.number > after)
        return _points(self._connection.execute(select(curve_point).where(newer).order_by(curve_point.c.number)))

    def add_measured(self, step_id: str, values: Iterable[MetricValue]) -> None:
        key = self._key(step_id)
        rows = [
            {
                "step_id": key,
                "name": v.name,
                "data": v.data,
                "split": v.split,
                "role": v.role,
                "value": v.value,
                "data_label": v.data_label,
            }
            for v in values
        ]
        if not rows:
            return
        upsert(self._connection, metric, rows, ("step_id", "name", "data", "split", "role"))
        made = select(version.c.asset_id).where(version.c.step_id == key, version.c.deleted_at.is_(None))
        for asset_id in self._connection.scalars(made).all():
            relist(self._connection, asset_id)

    def manifest(self, step_id: str) -> Mapping[str, object] | None:
        return self.manifest_and_void_reason(step_id)[0]

    def set_manifest(self, step_id: str, body: bytes, digest: Digest) -> None:
        self._set(step_id, manifest=body, manifest_digest=digest)

    def void_verdict(self, step_id: str, reason: str) -> None:
        self._set(step_id, verdict_void=reason)

    def void_reason(self, step_id: str) -> str | None:
        row = self._connection.execute(_of_step(), {"label": step_id}).one_or_none()
        return None if row is None else row.verdict_void

    def manifest_and_void_reason(self, step_id: str) -> tuple[Mapping[str, object] | None, str | None]:
        row = self._connection.execute(_of_step(), {"label": step_id}).one_or_none()
        if row is None:
            return None, None
        return None if row.manifest is None else json.loads(row.manifest), row.verdict_void

    def with_verdicts(self) -> Iterator[VerdictRecord]:
        asked = cast(step.c.recipe, Text).like('%"baselines"%') & step.c.manifest.is_not(None)
        keys = self._connection.scalars(select(step.c.node_id).where(asked).order_by(step.c.node_id)).all()
        for key in keys:  # one at a time: a manifest may be large
            row = self._connection.execute(_steps().where(step.c.node_id == key)).one()
            output = self._summaries([row])[0].output
            yield VerdictRecord(row.label, output, json.loads(row.manifest), row.verdict_void)

    def looks_at(self, data: Digest, split: str | None) -> int:
        query = (
            select(func.count(step.c.node_id.distinct()))
            .join(edge, edge.c.to_node == step.c.node_id)
            .join(node, node.c.id == edge.c.from_node)
            .where(
                node.c.digest == data,
                edge.c.role == "test",
                edge.c.split == split,
                edge.c.superseded_by.is_(None),
                step.c.state.not_in((StepState.FAILED.value, StepState.CANCELLED.value)),
                cast(step.c.recipe, Text).like('%"baselines"%'),
            )
        )
        return int(self._connection.execute(query).scalar_one())

    def set_mirror(self, step_id: str, state: MirrorState, *, at: datetime) -> None:
        row = {
            "step_id": self._key(step_id),
            "state": state.state,
            "run_id": state.run_id,
            "attempts": state.attempts,
            "error": state.error,
            "changed_at": at,
        }
        upsert(self._connection, mirror, [row], ("step_id",))

    def unmirrored(self, limit: int) -> Sequence[str]:
        query = (
            select(node.c.label)
            .join(mirror, mirror.c.step_id == node.c.id)
            .join(step, step.c.node_id == node.c.id)
            .where(mirror.c.state.in_(_TO_MIRROR), step.c.state.in_(sorted(_ENDED - {StepState.INTERRUPTED})))
            .order_by(node.c.id)
            .limit(limit)
        )
        return self._connection.scalars(query).all()

    def add_reading(self, reading: Digest, ref: VersionRef, start: int, stop: int, *, at: datetime) -> None:
        readings.add(self._connection, reading, ref, start, stop, at)

    def reading(self, reading: Digest) -> Mapping[VersionRef, Sequence[tuple[int, int]]]:
        return readings.parts(self._connection, reading)

    def forget_reading(self, reading: Digest) -> None:
        readings.forget(self._connection, reading)

    def _key(self, step_id: str) -> int:
        found = _KEY.rows(self._connection, {"label": step_id})
        if not found:
            raise NotFoundError(f"There is no step {step_id}")
        key: int = found[0][0]
        return key

    def _set(self, step_id: str, **values: object) -> None:
        self._connection.execute(update(step).where(step.c.node_id == self._key(step_id)).values(values))

    def _inputs(self, key: int) -> tuple[StepInput, ...]:
        query = (
            select(edge, node.c.digest)
            .join(node, node.c.id == edge.c.from_node)
            .where(edge.c.to_node == key, edge.c.superseded_by.is_(None))
            .order_by(edge.c.id)
        )
        rows = self._connection.execute(query).all()
        refs = refs_of(self._connection, {row.from_node for row in rows})
        return tuple(StepInput(refs[r.from_node], r.digest, r.role, r.split, Assurance(r.assurance)) for r in rows)

    def _summaries(self, rows: Sequence[Row[Any]]) -> list[StepSummary]:
        keys = [row.node_id for row in rows]
        made = select(edge.c.from_node, edge.c.to_node).where(
            edge.c.from_node.in_(keys), edge.c.role == OUTPUT_ROLE, edge.c.superseded_by.is_(None)
        )
        outputs = dict(self._connection.execute(made).all())
        refs = refs_of(self._connection, outputs.values())
        metrics = headline_metrics(self._connection, keys)
        return [_summary(row, refs.get(outputs.get(row.node_id, -1)), metrics.get(row.node_id, {})) for row in rows]


_ADD_STEP = inserting(
    step,
    *("node_id", "kind", "wanted", "method", "adapter", "state", "recipe", "created_by", "token"),
    *("started_at", "ended_at", "updated_at", "epoch", "epochs"),
)
_ADD_MIRROR = inserting(mirror, "step_id", "state", "attempts", "changed_at")
_KEY = Prebuilt(lambda: select(node.c.id).where(node.c.label == bindparam("label"), node.c.kind == NodeKind.STEP))


@cache
def _of_step() -> Any:
    mine = select(step.c.manifest, step.c.verdict_void).join(node, node.c.id == step.c.node_id)
    return mine.where(node.c.label == bindparam("label"))


def _steps() -> Any:
    return select(step, node.c.label, node.c.created_at).join(node, node.c.id == step.c.node_id)


def _points(rows: Iterable[Row[Any]]) -> tuple[EpochMetric, ...]:
    return tuple(EpochMetric(p.epoch, p.step, p.name, p.role, p.value, p.number) for p in rows)


def _summary(row: Row[Any], output: VersionRef | None, metrics: dict[str, float]) -> StepSummary:
    return StepSummary(
        id=row.label,
        method=Method(row.method),
        adapter=row.adapter,
        state=StepState(row.state),
        output=output,
        wanted=Name.parse(row.wanted),
        created_at=row.created_at,
        created_by=row.created_by,
        started_at=row.started_at,
        ended_at=row.ended_at,
        epoch=row.epoch,
        epochs=row.epochs,
        error=row.error,
        metrics=metrics,
        progress=_progress(row.progress),
    )


def _progress(stored: Any) -> Progress | None:
    if stored is None:
        return None
    from registry.domain.codec import from_json  # noqa: PLC0415 - a step that has ended keeps no progress

    return from_json(Progress, stored)
