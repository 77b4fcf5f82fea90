"""Mirrors transfer steps into a run tracker (MLflow): queued with the step, sent when it has ended, tried again later.

The mirror is a copy for people to look at. A tracker that is down never fails a step: its error and the number of
attempts are stored with the step, and the next flush tries again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from registry.domain.names import AssetKind
from registry.domain.transfers.steps import MirrorState, StepDetail
from registry.errors import RegistryError
from registry.ports.tracking import RunRecord
from registry.services.context import Context
from registry.services.unit_of_work import UnitOfWork

TRACKER = "mlflow"
OFF = "off"
_AT_ONCE = 100
_GIVE_UP = 2
_LOCK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Tracking:
    """Queues and sends mirrors of steps."""

    context: Context

    @property
    def uri(self) -> str | None:
        """Where mirrors go: the setting, else a SQLite file in the registry folder; None when mirroring is off."""
        chosen = self.context.settings.mlflow_uri
        if chosen is None:
            return f"sqlite:///{self.context.home / 'mlflow.db'}"
        return None if chosen.strip().lower() == OFF else chosen

    def queue(self, uow: UnitOfWork, step_id: str) -> None:
        """Mark the step as to be mirrored, in the caller's unit of work; for new and resumed steps."""
        state = MirrorState(OFF) if self.uri is None else MirrorState("queued")
        uow.steps.set_mirror(step_id, state, at=self.context.clock.now())

    def flush(self) -> int:
        """Send queued and failing steps that have ended; give how many were mirrored. Never raises for a tracker.

        Those that failed least often go first, and `_GIVE_UP` failures in a row end it: the tracker is down, and each
        further attempt would only delay the step that is waiting.
        """
        uri = self.uri
        if uri is None:
            return 0
        with self._alone() as alone:
            if not alone:
                return 0
            with self.context.read() as uow:
                waiting = [detail for i in uow.steps.unmirrored(_AT_ONCE) if (detail := uow.steps.get(i)) is not None]
            sent = failed = 0
            for step in sorted(waiting, key=lambda step: step.mirror.attempts):
                if self._mirror(step, uri):
                    sent, failed = sent + 1, 0
                elif (failed := failed + 1) == _GIVE_UP:
                    break
            return sent

    def _mirror(self, step: StepDetail, uri: str) -> bool:
        attempts = step.mirror.attempts + 1
        try:
            run_id = self.context.plugins.tracker(TRACKER).mirror(record_of(step), uri=uri)
        except RegistryError as error:
            state = MirrorState("failing", step.mirror.run_id, attempts, str(error)[:2000])
        else:
            state = MirrorState("mirrored", run_id, attempts)
        with self.context.write() as uow:
            uow.steps.set_mirror(step.summary.id, state, at=self.context.clock.now())
            uow.commit_unaudited()
        return state.state == "mirrored"

    @contextmanager
    def _alone(self) -> Iterator[bool]:
        """Keep other processes from flushing at the same time; False when one of them took longer than a minute."""
        from filelock import FileLock, Timeout  # noqa: PLC0415 - it imports asyncio, which most commands do without

        lock = FileLock(self.context.home / "mirror.lock", timeout=_LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()


def record_of(step: StepDetail) -> RunRecord:
    """The step as one run: its recipe as parameters, its curve and final metrics, and our ids as tags.

    A metric is called `role/name` and its x-axis is the epoch. Points carry no clock time, so their timestamps only
    keep the order: one millisecond per optimiser step after the start, the same however often the step is mirrored.
    """
    summary = step.summary
    started = _milliseconds(summary.started_at or summary.created_at)
    curve = [(f"{p.role}/{p.name}", p.epoch, p.value, started + p.step) for p in step.curve]
    curve += [(f"{m.role}/{m.name}", summary.epochs, m.value, started + _last(step) + 1) for m in step.measured]
    recipe = {key: value for key, value in step.recipe.items() if key != "submitted"}
    return RunRecord(
        step_id=summary.id,
        name=str(summary.output or summary.wanted),
        user=summary.created_by,
        state=summary.state,
        started_ms=started,
        ended_ms=_milliseconds(summary.ended_at) if summary.ended_at else None,
        params=dict(_flat(recipe)),
        tags=_tags(step),
        curve=curve,
    )


def _last(step: StepDetail) -> int:
    return max((point.step for point in step.curve), default=0)


def _tags(step: StepDetail) -> dict[str, str]:
    summary = step.summary
    tags = {
        "forebear.step_id": summary.id,
        "forebear.method": summary.method.value,
        "forebear.adapter": summary.adapter,
        "forebear.state": summary.state.value,
        "forebear.output": str(summary.output or ""),
        "forebear.manifest": str(step.manifest_digest or ""),
        "forebear.error": summary.error or "",
    }
    for item in step.inputs:
        split = f"#{item.split}" if item.split else ""
        kind = "data" if item.ref.kind is AssetKind.DATASETS else "model"
        same = sum(tag.startswith(f"forebear.{kind}.{item.role}") for tag in tags)
        tags[f"forebear.{kind}.{item.role}{f'.{same}' if same else ''}"] = f"{item.ref}{split} {item.digest}"
    return {key: value for key, value in tags.items() if value}


def _flat(document: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """`{"optimizer": {"lr": 0.1}}` as `optimizer.lr`: `0.1`; lists are numbered, what is empty or None is left out."""
    for key, value in document.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name}.")
        elif isinstance(value, list | tuple):
            yield from _flat({str(number): item for number, item in enumerate(value)}, f"{name}.")
        elif value is not None and value != "":
            yield name, str(value)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
