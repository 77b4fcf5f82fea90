"""What a worker tells the server while it runs a step: that it is there, how far it is, and what it measured."""

from __future__ import annotations

import _thread
import logging
import threading
from datetime import UTC, datetime
from time import monotonic
from types import TracebackType
from typing import Self

from registry.domain.transfers.steps import EpochMetric, Progress
from registry.domain.transfers.work import WorkReport
from registry.domain.verbs.registry import Registry
from registry.errors import NotFoundError, RefusedError, RegistryError, StepStateError
from registry.ports.transfers import Advanced, Measured
from registry.services.transfers.leases import BEAT_SECONDS
from registry.services.transfers.progress import Pace

WRITE_SECONDS = 2.0
"""Seconds between two reports, unless a checkpoint asks for one."""
logger = logging.getLogger("forebear.worker")


class Reporting:
    """Reports on one step. Inside the `with` a thread renews the lease; once that is lost, the main thread is stopped.

    `ended` is why: an error of ours, StepStateError when the step is not ours any more.
    """

    def __init__(self, registry: Registry, step_id: str, worker: str, *, every: float = BEAT_SECONDS) -> None:
        self._work, self._step_id, self._worker, self._every = registry.work, step_id, worker, every
        self.pace = Pace()
        self.ended: RegistryError | None = None
        self.handing_over = False
        self._points: list[EpochMetric] = []
        self._written_at = float("-inf")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease of {step_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def begin(self, phase: str) -> None:
        """What the worker does from now on, where no event of the adapter says it."""
        self.flush()
        now = datetime.now(UTC)
        progress = Progress(phase, 0, self.pace.steps, 0, None, None, None, None, now)
        self._work.report(self._step_id, self._worker, WorkReport(self.pace.epoch, progress))

    def advanced(self, event: Advanced) -> None:
        """Take in progress, and report it if it is time to. Raises: as `flush`."""
        now = monotonic()
        self.pace.note(event, now)
        if now - self._written_at >= WRITE_SECONDS:
            self.flush()

    def measured(self, event: Measured) -> None:
        """Take in a point of the learning curve."""
        self._points.append(EpochMetric(event.epoch, event.step, event.name, event.role, event.value))

    def flush(self) -> None:
        """Report what was not reported yet. Raises: StepStateError, WithheldError, RecalledError."""
        self.check()
        progress = self.pace.progress(datetime.now(UTC))
        self._work.report(self._step_id, self._worker, WorkReport(self.pace.epoch, progress, tuple(self._points)))
        self._points.clear()
        self._written_at = monotonic()

    def check(self) -> None:
        """Raises: the error that ended the step for this worker."""
        if self.ended is not None:
            raise self.ended

    def _beat(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self._work.report(self._step_id, self._worker, WorkReport())
            except (StepStateError, NotFoundError, RefusedError) as error:
                if self.handing_over:
                    return
                self.ended = error
                logger.warning("The step is given up: %s", error)
                _thread.interrupt_main()
                return
            except RegistryError as error:  # the server is away for a moment: the lease is longer than that
                logger.warning("The lease could not be renewed: %s", error)
