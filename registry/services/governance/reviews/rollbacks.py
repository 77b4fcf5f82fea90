"""Rollback: back to a version that was approved before, in one command."""

from __future__ import annotations

from registry.domain.audit import Event
from registry.domain.catalog.statuses import Use, allows
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import RequestDetail, RequestState, RequestSummary
from registry.domain.governance.reviews.bypasses import Bypass, BypassKind
from registry.domain.names import AssetKind, Reference, model_only
from registry.domain.paging import Page, PageRequest, every
from registry.domain.people.people import Permission
from registry.domain.text import check_words
from registry.errors import NotFoundError, PolicyRefusedError
from registry.services.context import Context
from registry.services.governance.decisions import ROLLED_BACK, decisions
from registry.services.governance.dossier import Dossier, standing_of
from registry.services.governance.reviews.bypassing import promote_past
from registry.services.lookup import found, resolve
from registry.services.unit_of_work import UnitOfWork

MAX_REASON = 4096
ROLL_BACK = "rollback_to_previously_approved"
"""How a policy names it among what is allowed in an emergency."""


def roll_back(context: Context, reference: Reference, comment: str) -> RequestDetail:
    """Bring back a version that was approved before; see `ReviewVerbs.roll_back`."""
    context.actor.require(Permission.DECIDE)
    reason = check_words(comment, "comment", MAX_REASON, lines=True)
    with context.read() as uow:
        approved = _approved_before(uow, model_only(reference))

    def allow(uow: UnitOfWork, policy: Policy, dossier: Dossier) -> None:
        _check_may(uow, context, policy, dossier, approved.to_stage)

    def record(_: UnitOfWork, request: RequestSummary, policy: Policy) -> Event:
        detail = {"request": request.id, "approved_by": approved.id, "reason": reason, "policy": policy.label}
        return Event(ROLLED_BACK, str(request.ref), detail)

    bypass = Bypass(BypassKind.ROLLBACK, context.actor.handle, reason)
    return promote_past(context, approved.ref, approved.to_stage, bypass, allow=allow, record=record)


def _approved_before(uow: UnitOfWork, reference: Reference) -> RequestSummary:
    """The newest approval of the version that `reference` names, into a stage with a protected alias.

    Of a model without a number, of the version that the alias named before the one that it names now. An emergency
    that was not reviewed is no approval.
    """
    exact = reference.number is not None or reference.alias is not None
    ref = resolve(uow, reference) if exact else None

    def listed(page: PageRequest) -> Page[RequestSummary]:
        return uow.governance.requests(name=reference.name, ref=ref, state=RequestState.PROMOTED, page=page)

    for request in every(listed):
        if request.alias is None or (ref is None and not _can_return(uow, request)):
            continue
        approved = [one for one in decisions(uow, request.ref) if one.alias == request.alias]
        if approved:
            return approved[0]
    what = f"{ref} was" if ref is not None else f"no other version of {reference.name} that can be used was"
    raise NotFoundError(
        f"There is nothing to roll back to: {what} never approved for a stage with a protected alias",
        remedy="Request its promotion: forebear promote request",
    )


def _can_return(uow: UnitOfWork, request: RequestSummary) -> bool:
    """False for the version that the alias names now, and for one that is gone or stopped."""
    now = uow.catalog.resolve(Reference(AssetKind.MODELS, request.ref.name, alias=request.alias))
    version = uow.governance.version(request.ref)
    return request.ref != now and version is not None and allows(version.status, Use.ROLL_BACK)


def _check_may(uow: UnitOfWork, context: Context, policy: Policy, dossier: Dossier, stage: str) -> None:
    """Who could approve the way into the stage may roll back, and who the policy names for emergencies.

    Raises: PolicyRefusedError.
    """
    actor, ref = context.actor, dossier.candidate.ref
    person = found(uow.people.get(actor.handle), f"person {actor.handle}", see="person list")
    names = {row.role for move in policy.transitions if move.target == stage for row in move.approvals}
    rule = policy.emergency  # where an emergency takes several people, its role brings nothing back alone
    if rule is not None and rule.enabled and ROLL_BACK in rule.allowed and rule.quorum == 1:
        names.add(rule.role)
    owners = dossier.candidate.subject.owners
    standing = standing_of(person)
    if actor.service or not any(policy.roles[name].held_by(actor.handle, standing, owners) for name in names):
        why = "is a service account" if actor.service else f"has none of the roles {', '.join(sorted(names))}"
        raise PolicyRefusedError(f"{actor.handle} may not roll back to {ref}", (f"{actor.handle} {why}",))
