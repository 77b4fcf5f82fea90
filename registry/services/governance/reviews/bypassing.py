"""A promotion without votes: judged, recorded and replayed as any other, with what was passed over named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from registry.domain.audit import Event
from registry.domain.governance.case import Case
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import RequestDetail, RequestState, RequestSummary
from registry.domain.governance.reviews.bypasses import Bypass
from registry.domain.ids import new_id
from registry.domain.names import VersionRef
from registry.errors import ConflictError, PolicyRefusedError
from registry.services.artifacts.checking import check_version
from registry.services.context import Context
from registry.services.governance.details import closed, closed_detail, open_detail
from registry.services.governance.dossier import Dossier, case_for, open_dossier
from registry.services.governance.policies.stored import in_force
from registry.services.governance.requests import open_requests, promote
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork

Allow = Callable[[UnitOfWork, Policy, Dossier], None]
"""Raises PolicyRefusedError when the actor may not do this under the policy in force."""
Record = Callable[[UnitOfWork, RequestSummary, Policy], Event]
"""Writes what is kept beside the request, and gives its audit entry."""
Waits = Callable[[Policy], bool]
"""Whether other people have to agree first."""


@contextmanager
def deciding(context: Context) -> Iterator[tuple[Context, UnitOfWork]]:
    """A transaction, and the context in which the case that a decision stores is held until the commit."""
    with context.holding() as held, held.write() as uow:
        yield held, uow


def promote_past(
    context: Context,
    ref: VersionRef,
    target: str,
    bypass: Bypass,
    *,
    allow: Allow,
    record: Record,
    waits: Waits = lambda _: False,
) -> RequestDetail:
    """Promote `ref` to `target` now, past what `bypass` passes over. All bytes of the version are read first.

    Where it waits for other people, the request stays open, and nothing is promoted yet.

    Raises: PolicyRefusedError with every check that holds nevertheless; DamagedError, ConflictError.
    """
    checked = found(check_version(context, lambda _: ref), ref)
    now, by = context.clock.now(), context.actor.handle
    with deciding(context) as (held, uow):
        uow.governance.lock(ref.name)
        uow.objects.save_version_check(*checked)
        _refuse_open(uow, ref, target)
        dossier = open_dossier(uow, ref, requested_by=by, also=(by,))
        policy = in_force(uow, lambda one: case_for(dossier, one, target=target, now=now))
        allow(uow, policy, dossier)
        case: Case = case_for(dossier, policy, target=target, now=now, bypass=bypass)
        verdict = policy.judge(case)
        if not verdict.allowed:
            raise PolicyRefusedError(f"{ref} cannot be promoted to {target[:80]}, even {bypass}", verdict.reasons)
        summary = _summary(case, policy, bypass, now)
        stored = RequestDetail(summary, policy.label, policy.digest, case.bound, verdict, ())
        uow.governance.add_request(stored)
        fields = {"request": summary.id, "to": target, "policy": policy.label, "policy_digest": str(policy.digest)}
        own = record(uow, summary, policy)
        requested = Event("promotion.requested", str(ref), fields)
        if waits(policy):
            plain = case_for(dossier, policy, target=target, now=now, opened_at=now)
            shown = open_detail(uow, held.actor, stored, policy, plain, policy.judge(plain))
            uow.commit(requested, own)
            return shown
        events = promote(uow, held.blobs, summary, policy, case, verdict, by=by)
        uow.commit(requested, own, *events)
    return closed_detail(closed(stored, RequestState.PROMOTED, now), case, verdict)


def _refuse_open(uow: UnitOfWork, ref: VersionRef, target: str) -> None:
    for other in open_requests(uow, ref):
        if other.to_stage == target:
            raise ConflictError(
                f"A request to promote {ref} to {target} is open: {other.id}",
                remedy=f"Withdraw it first: forebear promote withdraw {other.id}",
            )


def _summary(case: Case, policy: Policy, bypass: Bypass, now: datetime) -> RequestSummary:
    return RequestSummary(
        id=new_id("req", now),
        ref=case.candidate.ref,
        from_stage=case.candidate.stage,
        to_stage=case.target,
        alias=policy.protected_aliases.get(case.target),
        state=RequestState.OPEN,
        requested_by=bypass.by,
        requested_at=now,
        closed_at=None,
        comment=bypass.reason,
    )
