"""Whether a step is being worked on: by its lease, and by its engine where the worker runs on this machine."""

from __future__ import annotations

from dataclasses import dataclass, replace

from registry.domain.transfers.step_events import GOING
from registry.domain.transfers.steps import Lease, StepState, StepSummary
from registry.services.context import Context
from registry.services.lookup import found
from registry.services.transfers.leases import this_host
from registry.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Seen:
    """A step as stored, its lease, and whether its worker runs. `alive` is None if that host could not be reached."""

    summary: StepSummary
    lease: Lease | None
    alive: bool | None = None

    @property
    def goes_on(self) -> bool:
        """True for a step that has not ended and that a worker has taken or is about to take."""
        if self.summary.state not in GOING:
            return False
        if self.lease is None:  # submitted before there were leases
            return self.alive is True
        if self.summary.state is StepState.QUEUED:
            return self.alive is True or self.lease.live
        return self.lease.live and self.alive is not False

    @property
    def state(self) -> StepState:
        """The state to show: a step whose worker ended before the step did is interrupted."""
        abandoned = self.summary.state in GOING and not self.goes_on
        return StepState.INTERRUPTED if abandoned else self.summary.state

    @property
    def shown(self) -> StepSummary:
        """The summary with that state."""
        return replace(self.summary, state=self.state)

    def again(self, uow: UnitOfWork) -> Seen:
        """Read the step again. `alive` is kept only if the same worker still has it."""
        step_id = self.summary.id
        now = Seen(found(uow.steps.summary(step_id), step_id), uow.leases.get(step_id))
        same = now.summary.state is self.summary.state and _worker(now.lease) == _worker(self.lease)
        return replace(now, alive=self.alive if same else None)


def look(context: Context, step_id: str) -> Seen:
    """The step, and whether its worker runs where that can be found out. Raises: NotFoundError."""
    with context.read() as uow:
        seen = Seen(found(uow.steps.summary(step_id), step_id), uow.leases.get(step_id))
    lease = seen.lease
    # For a worker on another machine only its lease counts; one on this machine can be seen to have ended at once.
    elsewhere = lease is not None and lease.worker is not None and lease.machine != this_host()
    if seen.summary.state not in GOING or elsewhere:
        return seen
    alive = context.plugins.engine(engine_of(context, lease)).alive(step_id, context.home)
    # Read again after looking at the worker: one that has ended cannot write anything later.
    with context.read() as uow:
        return replace(seen, alive=alive).again(uow)


def engine_of(context: Context, lease: Lease | None) -> str:
    """The engine that has the step."""
    return context.settings.engine if lease is None else lease.engine


def _worker(lease: Lease | None) -> str | None:
    return None if lease is None else lease.worker
