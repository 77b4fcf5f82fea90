"""Whether a step is in somebody's hands: what its lease says, and what its engine knows of a worker near by."""

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
    """A step as stored, with its lease, and whether its worker lives (None: who could say was not to be asked)."""

    summary: StepSummary
    lease: Lease | None
    alive: bool | None = None

    @property
    def goes_on(self) -> bool:
        """True for a step that has not ended and that somebody has, or is about to take."""
        if self.summary.state not in GOING:
            return False
        if self.lease is None:  # submitted before there were leases
            return self.alive is True
        if self.summary.state is StepState.QUEUED:
            return self.alive is True or self.lease.live
        return self.lease.live and self.alive is not False

    @property
    def state(self) -> StepState:
        """As it is shown: one whose worker is gone before its end is interrupted."""
        abandoned = self.summary.state in GOING and not self.goes_on
        return StepState.INTERRUPTED if abandoned else self.summary.state

    @property
    def shown(self) -> StepSummary:
        """The summary with that state."""
        return replace(self.summary, state=self.state)

    def again(self, uow: UnitOfWork) -> Seen:
        """As it is stored now. What was seen of a worker says nothing about another one that came since."""
        step_id = self.summary.id
        now = Seen(found(uow.steps.summary(step_id), step_id), uow.leases.get(step_id))
        same = now.summary.state is self.summary.state and _worker(now.lease) == _worker(self.lease)
        return replace(now, alive=self.alive if same else None)


def look(context: Context, step_id: str) -> Seen:
    """The step, and its worker where that can be seen. Raises: NotFoundError."""
    with context.read() as uow:
        seen = Seen(found(uow.steps.summary(step_id), step_id), uow.leases.get(step_id))
    lease = seen.lease
    # A lease answers for a worker elsewhere; one of this machine may be known to be gone long before it runs out.
    elsewhere = lease is not None and lease.worker is not None and lease.machine != this_host()
    if seen.summary.state not in GOING or elsewhere:
        return seen
    alive = context.plugins.engine(engine_of(context, lease)).alive(step_id, context.home)
    # Read after looking at the worker: what a worker that is gone has written is all that there will ever be.
    with context.read() as uow:
        return replace(seen, alive=alive).again(uow)


def engine_of(context: Context, lease: Lease | None) -> str:
    """The engine that has the step."""
    return context.settings.engine if lease is None else lease.engine


def _worker(lease: Lease | None) -> str | None:
    return None if lease is None else lease.worker
