"""Opening a promotion request under the policy in force, and promoting the version when its verdict is yes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from registry.domain.audit import Event
from registry.domain.governance.case import Case
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import RequestDetail, RequestState, RequestSummary, Verdict
from registry.domain.governance.reviews.attestations import attested_stage
from registry.domain.governance.status_changes import wanted_status
from registry.domain.ids import new_id
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.paging import PageRequest
from registry.domain.text import check_words
from registry.errors import ConflictError, InvalidError, PolicyRefusedError
from registry.ports.blobs import BlobStore
from registry.services.governance.decisions import record_decision
from registry.services.governance.dossier import case_for, open_dossier
from registry.services.governance.policies.stored import in_force
from registry.services.governance.reviews.attestations import end_in, settle
from registry.services.governance.statuses import change
from registry.services.unit_of_work import UnitOfWork

MAX_COMMENT = 4096
_BEFORE_ALL = frozenset({"policy", "order", "status", "rejection", "veto"})
"""Kinds of checks that no evidence and no vote can change: a request that fails one is not opened."""


def open_request(
    uow: UnitOfWork, ref: VersionRef, target: str, *, comment: str, by: str, now: datetime
) -> tuple[RequestDetail, Policy, Case]:
    """Freeze the policy in force into a new request and judge it for the first time; the caller commits.

    Raises: ConflictError when one is open already; PolicyRefusedError, with every reason, when no policy matches, the
    stage does not follow, the version is not active, or something is missing and no approval is needed.
    """
    uow.governance.lock(ref.name)
    comment = check_comment(comment)
    if wanted_status(target) is not None and not comment:
        raise InvalidError("A change of the status needs a reason", remedy="Give it as the comment")
    for other in open_requests(uow, ref):
        if other.to_stage == target:
            raise ConflictError(
                f"A request to promote {ref} to {target} is open already: {other.id}",
                remedy=f"Look at it: forebear promote show {other.id}",
            )
    dossier = open_dossier(uow, ref, requested_by=by, also=(by,))
    policy = in_force(uow, lambda policy: case_for(dossier, policy, target=target, now=now))
    case = case_for(dossier, policy, target=target, now=now)
    verdict = policy.judge(case)
    if not can_open(verdict):
        raise PolicyRefusedError(f"{ref} cannot be promoted to {target[:80]}", verdict.reasons)
    summary = RequestSummary(
        id=new_id("req", now),
        ref=ref,
        from_stage=case.candidate.stage,
        to_stage=target,
        alias=policy.protected_aliases.get(target),
        state=RequestState.OPEN,
        requested_by=by,
        requested_at=now,
        closed_at=None,
        comment=comment,
    )
    detail = RequestDetail(summary, policy.label, policy.digest, case.bound, verdict, ())
    uow.governance.add_request(detail)
    return detail, policy, case


def can_open(verdict: Verdict) -> bool:
    """False when a request would be refused at once: nothing that is added later could make its verdict a yes."""
    awaited = any(check.kind in {"approval", "wait"} for check in verdict.checks)
    return not is_hopeless(verdict) and (verdict.allowed or awaited)


def is_hopeless(verdict: Verdict) -> bool:
    """True where something fails that no evidence and no vote can change."""
    return any(not check.passed and check.kind in _BEFORE_ALL for check in verdict.checks)


def promote(
    uow: UnitOfWork, blobs: BlobStore, request: RequestSummary, policy: Policy, case: Case, verdict: Verdict, *, by: str
) -> list[Event]:
    """Move stage and protected alias, or set the status, and close the request; the caller commits with the events.

    A version that leaves a stage for a later one loses that stage's alias.
    """
    status = wanted_status(request.to_stage)
    if status is not None:
        events = [change(uow, request.ref, status, request.comment, at=case.now, request=request.id)]
    else:
        events = (
            _move(uow, request, policy, case, by=by) if attested_stage(request.to_stage) is None else _renewed(request)
        )
        events += settle(uow, request, policy, case)
    uow.governance.close_request(request.id, RequestState.PROMOTED, verdict, at=case.now)
    events.append(record_decision(blobs, request.id, RequestState.PROMOTED, policy, case))
    return events


def _move(uow: UnitOfWork, request: RequestSummary, policy: Policy, case: Case, *, by: str) -> list[Event]:
    """Move the version to its new stage, the former version out of it, and the protected aliases of both stages."""
    ref, source, target = request.ref, case.candidate.stage, request.to_stage
    uow.catalog.set_stage(ref, target, at=case.now)
    detail = {"from": source, "to": target, "request": request.id, "policy": policy.label}
    events = [Event("model_version.promoted", str(ref), detail), *end_in(uow, ref, source, case.now)]
    former = policy.one_version.get(target)
    for other in uow.governance.in_stage(ref.name, target) if former is not None else ():
        if former is not None and other != ref:
            uow.catalog.set_stage(other, former, at=case.now)
            superseded = {"from": target, "to": former, "by": str(ref), "request": request.id}
            events.append(Event("model_version.superseded", str(other), superseded))
            events += end_in(uow, other, target, case.now)
    left = policy.protected_aliases.get(source)
    alias = policy.protected_aliases.get(target)
    if left is not None and left != alias and _named(uow, ref.name, left) == ref:
        uow.catalog.drop_alias(ref.name, left, by=by, at=case.now)
        events.append(Event("alias.dropped", str(ref), {"alias": left, "request": request.id}))
    if alias is not None:
        before = _named(uow, ref.name, alias)
        uow.catalog.set_alias(alias, ref, protected=True, by=by, at=case.now)
        moved = {"alias": alias, "from": str(before) if before else None, "request": request.id}
        events.append(Event("alias.moved", str(ref), moved))
    return events


def _renewed(request: RequestSummary) -> list[Event]:
    return [Event("attestation.renewed", str(request.ref), {"request": request.id, "to": request.to_stage})]


def open_requests(uow: UnitOfWork, ref: VersionRef) -> Sequence[RequestSummary]:
    """Every open request about this version: one for each stage at most."""
    return uow.governance.requests(name=None, ref=ref, state=RequestState.OPEN, page=PageRequest(500)).items


def check_comment(text: str) -> str:
    """`text` if it can stand beside a request or a vote. Raises: InvalidError."""
    return check_words(text, "comment", MAX_COMMENT, lines=True, empty=True)


def _named(uow: UnitOfWork, name: Name, alias: str) -> VersionRef | None:
    return uow.catalog.resolve(Reference(AssetKind.MODELS, name, alias=alias))
