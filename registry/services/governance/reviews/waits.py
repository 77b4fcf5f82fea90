"""Requests that have all their approvals and wait for the end of their cooling-off time: completed when it is over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from registry.domain.governance.promotion import RequestDetail
from registry.domain.governance.reviews.ticks import Settled
from registry.domain.names import Reference
from registry.errors import ConflictError, DamagedError, PolicyRefusedError
from registry.services.context import Context
from registry.services.governance.details import case_of
from registry.services.governance.policies.stored import frozen_policy
from registry.services.governance.verbs import Promotions
from registry.services.unit_of_work import UnitOfWork


def waits_over(context: Context, uow: UnitOfWork) -> Sequence[str]:
    """The ids of open requests that lack nothing any more and only waited, oldest first."""
    approved = (uow.governance.request(one) for one in uow.governance.approved_requests())
    return [stored.summary.id for stored in approved if stored is not None and _over(context, uow, stored)]


def complete_waits(context: Context) -> Iterator[Settled]:
    """Complete each of them; what somebody else completed, blocked or withdrew meanwhile is left alone."""
    with context.read() as uow:
        due = waits_over(context, uow)
    for request_id in due:
        try:
            done = Promotions(context).complete(request_id).summary
        except (ConflictError, PolicyRefusedError):
            continue  # somebody was faster
        except DamagedError as error:
            yield Settled(request_id, f"Could not complete {request_id}: {error}")
            continue
        yield Settled(str(done.ref), f"Promoted {done.ref} to {done.to_stage}: the wait of {request_id} is over")


def _over(context: Context, uow: UnitOfWork, stored: RequestDetail) -> bool:
    request = stored.summary
    policy = frozen_policy(uow, stored)
    transition = policy.transition(request.from_stage, request.to_stage)
    if transition is None or transition.wait is None or uow.catalog.resolve(Reference.to(request.ref)) is None:
        return False
    return policy.judge(case_of(uow, context, stored, policy)).allowed
