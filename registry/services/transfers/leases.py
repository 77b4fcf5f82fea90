"""Leases: a worker takes a step, renews its lease, and stops when the lease was lost.

A lease that ran out cannot be renewed, even by the worker that had it: from then on the step counts as interrupted, and
another worker may have resumed it.
"""

from __future__ import annotations

import logging
import secrets
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from registry.domain.audit import Event
from registry.domain.transfers.steps import StepDetail, StepState
from registry.errors import StepStateError, UnavailableError
from registry.services.context import Context
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork

LEASE_SECONDS = 60.0
"""Seconds until a lease that is not renewed runs out: twice what a writer may have to wait for another one."""
BEAT_SECONDS = 10.0
"""Seconds between two renewals."""
logger = logging.getLogger("forebear.worker")


def this_host() -> str:
    """The name of this machine, as a lease keeps it."""
    return socket.gethostname()


@dataclass(slots=True)
class Hold:
    """One worker's hold on one step. Inside the `with` a thread renews it; `on_loss` is called there, at most once."""

    context: Context
    step_id: str
    on_loss: Callable[[], object] = lambda: None
    lasts: float = LEASE_SECONDS
    every: float = BEAT_SECONDS
    worker: str = field(default_factory=lambda: secrets.token_hex(16))
    _ended: threading.Event = field(default_factory=threading.Event)
    _lost: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _renewed_at: float = float("-inf")
    """By the clock that is never set."""

    def take(self, describe: Callable[[StepDetail], Event]) -> StepDetail:
        """Take the lease and start the step. Raises: NotFoundError, StepStateError if another worker was first."""
        with self.context.write() as uow:
            step = found(uow.steps.get(self.step_id), self.step_id)
            self._renewed_at = self.context.clock.monotonic()
            now, queued = self.context.clock.now(), frozenset({StepState.QUEUED})
            if not uow.steps.move(self.step_id, expected=queued, to=StepState.RUNNING, at=now):
                raise StepStateError(f"{self.step_id} is {step.summary.state}, so it cannot be started")
            if not uow.leases.take(self.step_id, self.worker, this_host(), seconds=self.lasts):
                raise StepStateError(f"Another worker is taking {self.step_id}, so it cannot be started")
            step = found(uow.steps.get(self.step_id), self.step_id)  # with its start time
            uow.commit(describe(step))
        return step

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._beat, name=f"lease of {self.step_id}", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    @property
    def lost(self) -> bool:
        """True once the lease is known to be lost."""
        return self._lost.is_set()

    def check(self) -> None:
        """Raises: StepStateError once the lease is known to be lost."""
        if self.lost:
            raise self._gone()

    def keep(self, uow: UnitOfWork) -> None:
        """Renew in the caller's unit of work, so that its writes are protected by the lease. Raises: StepStateError."""
        if not self._renew(uow):
            self._lost.set()
            raise self._gone()

    def _renew(self, uow: UnitOfWork) -> bool:
        """Whether the lease is ours again. One that has not run out for us is, also if the clock was set forward."""
        now = self.context.clock.monotonic()
        held = now - self._renewed_at < self.lasts
        if not uow.leases.renew(self.step_id, self.worker, seconds=self.lasts, held=held):
            return False
        self._renewed_at = now
        return True

    def _gone(self) -> StepStateError:
        return StepStateError(
            f"{self.step_id} was cancelled, or its lease ran out: this worker stops and publishes nothing"
        )

    def _beat(self) -> None:
        while not self._ended.wait(self.every):
            try:
                with self.context.write() as uow:
                    if self._renew(uow):
                        uow.commit_unaudited()
                        continue
                    if self._has_ended(uow):
                        return
            except (
                UnavailableError
            ) as error:  # the lease is long enough for a database that is busy or away for a moment
                logger.warning("The lease of %s could not be renewed: %s", self.step_id, error)
                continue
            self._lost.set()
            logger.warning("%s", self._gone())
            self.on_loss()
            return

    def _has_ended(self, uow: UnitOfWork) -> bool:
        """True when this worker itself ended the step, so that nothing was lost."""
        lease, step = uow.leases.get(self.step_id), uow.steps.get(self.step_id)
        ours = lease is not None and lease.worker == self.worker
        return ours and step is not None and step.summary.state in {StepState.SUCCEEDED, StepState.FAILED}
