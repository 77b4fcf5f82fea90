"""Overruling a rejection, on record: by as many people as the policy asks for, or by whoever gave it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from registry.domain.audit import Event
from registry.domain.governance.approvals import Electorate
from registry.domain.governance.case import Case
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.policies.transitions import ApprovalRow
from registry.domain.governance.promotion import RequestDetail, RequestState, VoteValue
from registry.errors import ConflictError, PolicyRefusedError
from registry.services.context import Context
from registry.services.governance.dossier import case_for, open_dossier
from registry.services.governance.reviews.own_account import check_own_account
from registry.services.governance.vetoes import standing_vetoes
from registry.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Overruling:
    """What became of it: how many have overruled the rejection, of how many that it takes."""

    have: int
    needed: int
    role: str = ""

    @property
    def done(self) -> bool:
        """True when the rejection does not stand any more."""
        return self.have >= self.needed

    def __str__(self) -> str:
        if self.done:
            return "The rejection is overruled: it does not stand any more"
        return f"The rejection still stands: {self.have} of {self.needed} with the role {self.role} have overruled it"


def overrule(uow: UnitOfWork, context: Context, stored: RequestDetail, policy: Policy, comment: str) -> Overruling:
    """Record that the actor overrules the rejection of `stored`, and commit.

    Raises: PolicyRefusedError for a request that no rejection closed, and for somebody who may not; ConflictError.
    """
    check_own_account(uow, context)
    request, handle = stored.summary, context.actor.handle
    vetoes = standing_vetoes(stored)
    if not vetoes and (request.state is not RequestState.REJECTED or request.overruled_at is not None):
        why = "Its rejection was overruled already" if request.overruled_at else f"It is {request.state}, not rejected"
        raise PolicyRefusedError(f"There is no rejection of {request.id} to overrule", (why,))
    earlier = uow.governance.overrulings(request.id)
    if handle in earlier:
        raise ConflictError(f"{handle} has overruled the rejection of {request.id} already")
    rejecters = vetoes or {vote.voter for vote in stored.votes if vote.value is VoteValue.REJECT}
    if handle in rejecters:
        found = Overruling(len(rejecters & {*earlier, handle}), len(rejecters))
    elif policy.rejections is None:
        why = policy.left_out.get("rejections", f"Policy {policy.label} has no rejections")
        by = ", ".join(sorted(rejecters))
        raise PolicyRefusedError(f"The rejection of {request.id} stands", (f"{why}; only {by} can take it back",))
    else:
        rule = policy.rejections
        rule = replace(rule, quorum=max(rule.quorum, 2)) if vetoes else rule  # one person never outweighs a veto
        found = _counted(uow, context, stored, policy, rule, earlier)
    now = context.clock.now()
    uow.governance.add_overruling(request.id, handle, comment, at=now)
    if found.done:
        uow.governance.set_overruled(request.id, at=now)
    detail = {"request": request.id, "comment": comment, "done": found.done}
    uow.commit(Event("promotion.overruled", str(request.ref), detail))
    return found


def _counted(
    uow: UnitOfWork, context: Context, stored: RequestDetail, policy: Policy, rule: ApprovalRow, earlier: Iterable[str]
) -> Overruling:
    """Raises: PolicyRefusedError when the actor may not overrule."""
    request, handle = stored.summary, context.actor.handle
    dossier = open_dossier(uow, request.ref, requested_by=request.requested_by, also={*earlier, handle})
    case: Case = case_for(dossier, policy, target=request.to_stage, now=context.clock.now())
    electorate = Electorate(case, policy.duties, policy.roles, {rule.role: rule.quorum})
    objections = electorate.objections(handle)
    if objections:
        raise PolicyRefusedError(f"{handle} may not overrule the rejection of {request.id}", objections)
    people = {case.who(one) for one in earlier if not electorate.objections(one)}
    if case.who(handle) in people:
        raise ConflictError(f"{handle} has overruled the rejection of {request.id} already, by another account")
    return Overruling(len(people) + 1, rule.quorum, rule.role)
