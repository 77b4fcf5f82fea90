"""A request as the person who reads it sees it: the verdict, the votes, and what they can do with it now."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from registry.domain.governance.approvals import Electorate
from registry.domain.governance.case import Case
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import Ballot, RequestDetail, RequestState, RequestSummary, Verdict, VoteValue
from registry.domain.governance.reviews.bypasses import Emergency
from registry.domain.governance.reviews.outlook import contradicted, voters, warnings
from registry.domain.people.people import Actor, Permission
from registry.services.context import Context
from registry.services.governance.dossier import case_for, open_dossier, standing_of
from registry.services.unit_of_work import UnitOfWork


def case_of(uow: UnitOfWork, context: Context, stored: RequestDetail, policy: Policy) -> Case:
    """What `policy` judges of an open request now; the person who asks is among its people."""
    request = stored.summary
    people = {context.actor.handle, *(vote.voter for vote in stored.votes)}
    dossier = open_dossier(uow, request.ref, requested_by=request.requested_by, also=people)
    return case_for(
        dossier,
        policy,
        target=request.to_stage,
        now=context.clock.now(),
        votes=stored.votes,
        opened_at=request.requested_at,
        request=request.id,
    )


def open_detail(
    uow: UnitOfWork, actor: Actor, stored: RequestDetail, policy: Policy, case: Case, verdict: Verdict
) -> RequestDetail:
    """An open request as `case` has it, with who can still approve it and what `actor` can do."""
    electorate = with_everybody(uow, policy, case)
    waiting = waiting_emergency(uow, stored.summary)
    shown = as_of(stored, case, verdict)
    return replace(
        shown,
        votes=tuple(replace(vote, stale=electorate.lapsed(vote) is not None) for vote in shown.votes),
        ballot=_ballot(actor, stored, electorate),
        voters=voters(electorate),
        conditional=_takes_conditions(policy, case),
        suppliers=_suppliers(uow, policy, case, verdict),
        warnings=(
            *warnings(electorate, verdict),
            *contradicted(policy.evidence_types, case),
            *policy.left_out.values(),
            *([str(waiting)] if waiting is not None else ()),
            *([how_to_sign(policy, stored.summary)] if policy.votes.signed else ()),
        ),
        emergency=waiting.id if waiting is not None else None,
    )


def how_to_sign(policy: Policy, request: RequestSummary) -> str:
    """That approvals are signed, and by which command."""
    return f"Policy {policy.label} counts signed approvals only: forebear promote approve {request.id} --sign KEYFILE"


def waiting_emergency(uow: UnitOfWork, request: RequestSummary) -> Emergency | None:
    """The emergency that opened this request and that has not enough people yet."""
    declared = (one for one in uow.reviews.emergencies(request.ref) if one.request == request.id)
    return next((one for one in declared if one.is_waiting), None)


def closed_detail(stored: RequestDetail, case: Case | None, verdict: Verdict) -> RequestDetail:
    """A request that is closed for votes, as it was decided; without a case, as it was stored."""
    state = stored.summary.state
    gone = state is RequestState.OPEN  # only a version that was deleted has an open request shown as closed
    why = ("The version was deleted",) if gone else (f"The request is closed: it was {state.value}",)
    shown = stored if case is None else as_of(stored, case, verdict)
    return replace(shown, ballot=Ballot(why, why, why, why))


def closed(stored: RequestDetail, state: RequestState, at: datetime) -> RequestDetail:
    """`stored` after it was closed in `state`."""
    return replace(stored, summary=replace(stored.summary, state=state, closed_at=at))


def as_of(stored: RequestDetail, case: Case, verdict: Verdict) -> RequestDetail:
    """The request as a case shows it: its verdict, and each vote marked where what it was given on has changed."""
    votes = tuple(replace(vote, stale=vote.bound != case.bound) for vote in case.votes)
    return replace(
        stored, bound=case.bound, verdict=verdict, votes=votes, evidence=case.evidence, findings=case.findings
    )


def with_everybody(uow: UnitOfWork, policy: Policy, case: Case) -> Electorate:
    """The electorate of `case` with everybody who holds one of its roles, not only those who have voted already."""
    electorate = policy.electorate(case)
    rules = [policy.roles[role] for role in electorate.wanted]
    people = list(uow.people.holding({group for rule in rules for group in rule.groups}))
    if any(rule.owners for rule in rules):
        people += uow.people.known(case.candidate.subject.owners)
    everybody = {person.handle: standing_of(person) for person in people}
    return replace(electorate, case=replace(case, people={**everybody, **case.people}))


def _takes_conditions(policy: Policy, case: Case) -> bool:
    transition = policy.transition(case.candidate.stage, case.target)
    return transition is not None and transition.conditional is not None and transition.conditional.allowed


def _suppliers(uow: UnitOfWork, policy: Policy, case: Case, verdict: Verdict) -> dict[str, tuple[str, ...]]:
    """By type of evidence that is missing, who may add it."""
    missing = [check.id for check in verdict.checks if check.kind == "evidence" and not check.passed]
    kinds = [policy.evidence_types[name] for name in missing if name in policy.evidence_types]
    rules = {kind.name: [policy.roles[role] for role in kind.producers] for kind in kinds}
    every = [rule for found in rules.values() for rule in found]
    owners = case.candidate.subject.owners
    people = list(uow.people.holding({group for rule in every for group in rule.groups}) if every else ())
    people += uow.people.known(owners) if any(rule.owners for rule in every) else ()
    whole = replace(case, people={**{one.handle: standing_of(one) for one in people}, **case.people})
    return {
        name: tuple(sorted({one.handle for one in people if policy.produces(name, one.handle, whole)}))
        for name in rules
    }


def _ballot(actor: Actor, stored: RequestDetail, electorate: Electorate) -> Ballot:
    handle, request = actor.handle, stored.summary
    against = electorate.objections(handle)
    if Permission.EDIT not in actor.permissions:
        against = (f"{handle} may only read", *against)
    twice = (f"{handle} has approved already, and nothing has changed since",) if electorate.stands(handle) else ()
    own = handle == request.requested_by or Permission.ADMIN in actor.permissions
    others = () if own else (f"Only {request.requested_by} or an admin can withdraw the request",)
    none = () if VoteValue.VETO in electorate.rules.values else (f"Policy {stored.policy} has no veto",)
    return Ballot(approve=(*against, *twice), reject=against, withdraw=others, veto=(*none, *against))
