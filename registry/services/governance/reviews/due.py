"""What is due by time, done once: each thing in one transaction, in which it is looked at again.

A clock that is set forward or back, and a machine that slept, change nothing but when it is looked: what is due is
compared with the time of day, never before it, and what was missed is done at the next look. Whoever comes second, as
of two servers, finds it done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from registry.domain.audit import Event
from registry.domain.governance.reviews.ticks import Settled, TickReport
from registry.domain.people.people import SYSTEM, Permission
from registry.services.audit.stamping import stamp_newest
from registry.services.context import Context
from registry.services.governance.reviews import attestations
from registry.services.governance.reviews.conditions import broken_conditions, revoke
from registry.services.governance.reviews.emergencies import lapse, lapsing_emergencies
from registry.services.governance.reviews.renewals import ask_for_attestations
from registry.services.governance.reviews.waits import complete_waits, waits_over
from registry.services.unit_of_work import UnitOfWork

Act = Callable[[UnitOfWork, str, datetime], tuple[Settled, Sequence[Event]] | None]
"""Does one thing that is due, by its id; None when it is not due any more. The caller commits with the events."""


@dataclass(frozen=True, slots=True)
class Job:
    """A kind of thing that comes due."""

    due: Callable[[UnitOfWork, datetime], Sequence[str]]
    act: Act


JOBS = (Job(broken_conditions, revoke), Job(lapsing_emergencies, lapse), Job(attestations.lapsing, attestations.lapse))
"""Every kind, in the order in which they are done."""


def tick(context: Context) -> TickReport:
    """Do everything that is due, as the registry itself; see `ReviewVerbs.tick`."""
    context.actor.require(Permission.EDIT)
    system = context.as_actor(SYSTEM)
    report = TickReport(
        (
            *ask_for_attestations(system),
            *(settled for job in JOBS for settled in _done(system, job)),
            *complete_waits(system),
        )
    )
    with system.read() as uow:
        signing = uow.audit.checkpoints
    if signing is not None:
        signing.take_if_due()
        stamp_newest(context.settings, signing)
    return report


def overdue(context: Context) -> int:
    """How many things are due and not done."""
    with context.read() as uow:
        now = context.clock.now()
        jobs = sum(len(job.due(uow, now)) for job in JOBS)
        return jobs + len(attestations.to_ask(uow, now)) + len(waits_over(context, uow))


def _done(system: Context, job: Job) -> Iterator[Settled]:
    with system.read() as uow:
        due = job.due(uow, system.clock.now())
    for one in due:
        with system.write() as uow:
            done = job.act(uow, one, system.clock.now())
            if done is None:
                continue
            settled, events = done
            uow.commit(*events)
        yield settled
