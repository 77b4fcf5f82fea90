"""Approval with conditions: which findings one may attach, and what happens when one of them is overdue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from registry.domain.audit import Event
from registry.domain.catalog.models import Status
from registry.domain.catalog.statuses import STOPPED
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import RequestDetail, RequestState, RequestSummary
from registry.domain.governance.reviews.attestations import stage_of
from registry.domain.governance.reviews.findings import Finding, NewFinding
from registry.domain.governance.reviews.ticks import Settled
from registry.errors import PolicyRefusedError
from registry.services.governance.decisions import decisions
from registry.services.governance.reviews.findings import new_finding
from registry.services.governance.statuses import change
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork


def attach_conditions(
    uow: UnitOfWork, stored: RequestDetail, policy: Policy, wishes: Sequence[NewFinding], *, by: str, now: datetime
) -> list[Finding]:
    """Raise the findings that an approval depends on; the caller commits.

    Raises: PolicyRefusedError when the policy takes no such approval here, or not so many conditions, or not so late.
    """
    request = stored.summary
    transition = policy.transition(request.from_stage, request.to_stage)
    rule = transition.conditional if transition is not None else None
    why = f"{by} may not approve {request.id} with conditions"
    if rule is None or not rule.allowed:
        none = f"Policy {policy.label} takes no approval with conditions for this transition"
        raise PolicyRefusedError(why, (policy.left_out.get(f"conditional to {request.to_stage}", none),))
    already = [one for one in uow.reviews.findings_about(request.ref) if one.is_open]
    if len(already) + len(wishes) > rule.max_open_findings:
        told = f"{len(already)} findings are open already, and {rule.max_open_findings} may be"
        raise PolicyRefusedError(why, (told,))
    conditions = []
    for wish in wishes:
        value = new_finding(uow, request.ref, replace(wish, request=request.id), by=by, now=now)
        if value.due_at > now + rule.max_due:
            latest = now + rule.max_due
            raise PolicyRefusedError(why, (f"A condition may be due by {latest:%Y-%m-%d} at the latest",))
        value = replace(value, condition=True)
        uow.reviews.add_finding(value)
        conditions.append(value)
    return conditions


def broken_conditions(uow: UnitOfWork, now: datetime) -> Sequence[str]:
    """The requests that were decided on an approval of which a condition is overdue."""
    return uow.reviews.broken_conditions(now)


def revoke(uow: UnitOfWork, request_id: str, now: datetime) -> tuple[Settled, list[Event]] | None:
    """Revoke the promotion that a broken condition was part of, and suspend the version if it is still there."""
    uow.governance.lock_request(request_id)
    stored = found(uow.governance.request(request_id), f"promotion request {request_id}", see="promote list")
    summary = stored.summary
    late = [one for one in uow.reviews.findings_about(summary.ref) if one.condition and one.request == request_id]
    late = [one for one in late if one.overdue(now)]
    if summary.state is not RequestState.PROMOTED or not late:
        return None
    why = f"{late[0]} is overdue: the approval of {late[0].raised_by} for {request_id} is revoked"
    uow.reviews.revoke_request(request_id)
    events = [Event("promotion.revoked", str(summary.ref), {"request": request_id, "finding": late[0].id})]
    if still_there(uow, summary):
        events.append(change(uow, summary.ref, Status.SUSPENDED, f"The {why}", at=now, request=request_id))
        return Settled(str(summary.ref), f"Suspended {summary.ref}: {why}"), events
    return Settled(str(summary.ref), f"Revoked {request_id}: {why}"), events


def still_there(uow: UnitOfWork, decided: RequestSummary) -> bool:
    """True while the version is where this request brought it, nobody decided so anew since, and it can be used.

    An emergency that was not reviewed and a rollback decide nothing.
    """
    version = uow.governance.version(decided.ref)
    stage = stage_of(decided.to_stage)
    if version is None or version.stage != stage or version.status in STOPPED:
        return False
    later = (one for one in decisions(uow, decided.ref) if one.requested_at > decided.requested_at)
    return all(stage_of(one.to_stage) != stage for one in later)
