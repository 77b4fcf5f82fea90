"""The progress of a run: how far it is, how fast it goes and what it measured, written while it runs.

However many events an adapter yields, the database is written to at most twice a second.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import NamedTuple, Self

from registry.domain.transfers.steps import EpochMetric, Progress
from registry.ports.transfers import Advanced, Measured
from registry.services.context import Context
from registry.services.transfers.leases import Hold

WRITE_SECONDS = 0.5
"""Seconds between two writes, unless a checkpoint asks for one."""
WINDOW_SECONDS = 30.0
"""The rate is measured over this time: longer than the pauses of short epochs, short enough to follow a change."""


class _Mark(NamedTuple):
    """How far the run was at one moment."""

    at: float
    step: int
    samples: int


@dataclass(slots=True)
class Pace:
    """How far a run is and how fast it goes, over the last half minute of its present phase."""

    steps: int = 0
    """Optimiser steps planned."""
    epoch: float = 0.0
    _last: Advanced | None = None
    _loss: float | None = None
    _marks: deque[_Mark] = field(default_factory=deque)

    def note(self, event: Advanced, at: float) -> None:
        """Take in `event`, which happened at `at` (monotonic seconds)."""
        if self._last is not None and event.phase != self._last.phase:
            self._marks.clear()
            self._loss = None
        self._last = event
        self._loss = self._loss if event.loss is None else event.loss
        self.epoch = max(self.epoch, event.epoch)  # a phase without epochs, after training, reports 0
        if len(self._marks) > 1 and at - self._marks[-2].at < WRITE_SECONDS:
            self._marks.pop()  # the newest is always kept, the others are half a second apart
        self._marks.append(_Mark(at, event.step, event.samples))
        while len(self._marks) > 2 and self._marks[1].at <= at - WINDOW_SECONDS:
            self._marks.popleft()

    def progress(self, at: datetime) -> Progress | None:
        """As of `at`; None while nothing has happened."""
        event = self._last
        if event is None:
            return None
        rate = self._per_second("samples")
        return Progress(
            phase=event.phase,
            step=event.step,
            steps=self.steps,
            samples=event.samples,
            total=event.total,
            rate=rate,
            loss=self._loss,
            seconds_left=self._seconds_left(event, rate),
            updated_at=at,
        )

    def _seconds_left(self, event: Advanced, rate: float | None) -> float | None:
        if event.total is not None:
            left, per_second = event.total - event.samples, rate
        else:
            left, per_second = self.steps - event.step, self._per_second("step")
        return None if not per_second else max(left, 0) / per_second

    def _per_second(self, what: str) -> float | None:
        first, last = (self._marks[0], self._marks[-1]) if self._marks else (_Mark(0, 0, 0), _Mark(0, 0, 0))
        seconds, count = last.at - first.at, getattr(last, what) - getattr(first, what)
        return count / seconds if seconds > 0 and count > 0 else None


class Reporter:
    """Writes the progress and the curve of one step. Leaving its `with` writes what is still to be written."""

    def __init__(self, context: Context, hold: Hold, pace: Pace) -> None:
        self._context, self._hold, self._step_id, self._pace = context, hold, hold.step_id, pace
        self._points: list[EpochMetric] = []
        self._advanced = False
        self._written_at = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.flush()

    def begin(self, phase: str) -> None:
        """Write what the worker does from now on, where no event of the adapter says it: reading inputs, publishing."""
        self.flush()
        with self._context.write() as uow:
            self._hold.keep(uow)
            now = self._context.clock.now()
            uow.steps.progress(
                self._step_id,
                epoch=self._pace.epoch,
                at=now,
                progress=Progress(phase, 0, self._pace.steps, 0, None, None, None, None, now),
            )
            uow.commit_unaudited()

    def advanced(self, event: Advanced) -> None:
        """Take in progress, and write it if it is time to."""
        now = self._context.clock.monotonic()
        self._pace.note(event, now)
        self._advanced = True
        if now - self._written_at >= WRITE_SECONDS:
            self.flush()

    def measured(self, event: Measured) -> None:
        """Take in a point of the learning curve. It is written later, together with the others of its epoch."""
        self._points.append(EpochMetric(event.epoch, event.step, event.name, event.role, event.value))

    def flush(self) -> None:
        """Write what was not written yet. Raises: StepStateError when the lease was lost."""
        if not self._points and not self._advanced:
            return
        with self._context.write() as uow:
            self._hold.keep(uow)
            now = self._context.clock.now()
            if self._points:
                uow.steps.add_curve(self._step_id, self._points)
            if self._advanced:
                uow.steps.progress(self._step_id, epoch=self._pace.epoch, at=now, progress=self._pace.progress(now))
            uow.commit_unaudited()
        self._points.clear()
        self._advanced = False
        self._written_at = self._context.clock.monotonic()
