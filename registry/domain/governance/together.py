"""Several policies that apply to one version: all must pass, so they are judged as one policy that asks for everything.

Of the policies whose condition holds, those with the highest priority are in force, all of them. What two of them say
otherwise (a role, a type of evidence, a parameter of one name) cannot be asked at once: then no policy is in force.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from lineage import Digest
from registry.domain.governance.approvals import Duties
from registry.domain.governance.case import Case
from registry.domain.governance.conditions.problems import UnanswerableError
from registry.domain.governance.policy import Policy
from registry.domain.governance.terms import Conditional, Reattest, RenewalTimes, TierRule, VoteRules
from registry.domain.governance.transitions import ApprovalRow, Gate, StatusChanges, Transition
from registry.domain.manifests import canonical_json

V = TypeVar("V")


class ConflictingPoliciesError(Exception):
    """Two policies that apply say different things under one name; the message names both."""


def matching(policies: Iterable[Policy], case_for: Callable[[Policy], Case]) -> tuple[Policy | None, str]:
    """The policies in force as one. None comes with the reason.

    A condition that cannot be evaluated might have matched: then no policy is in force.
    """
    ref, found = None, list[Policy]()
    for policy in sorted(policies, key=lambda policy: (-policy.priority, policy.name)):
        if found and policy.priority < found[0].priority:
            break
        case = case_for(policy)
        ref = case.candidate.ref
        try:
            if policy.when.holds(policy.scope(case)):
                found.append(policy)
        except UnanswerableError as error:
            return None, f"It is unknown whether policy {policy.name} applies: {error}"
    if not found:
        return None, "No policy has been published" if ref is None else f"No policy applies to {ref}"
    try:
        return combined(found), ""
    except ConflictingPoliciesError as error:
        return None, str(error)


def combined(policies: Sequence[Policy]) -> Policy:
    """One policy that asks for what all of them ask. Raises: ConflictingPoliciesError."""
    first, *others = policies
    for other in others:
        first = _both(first, other)
    return first


def _both(one: Policy, two: Policy) -> Policy:
    parts = (*(one.parts or (one,)), *(two.parts or (two,)))
    return replace(
        one,
        digest=Digest.of(canonical_json([str(part.digest) for part in parts])),
        description=" ".join(filter(None, (one.description, two.description))),
        parts=parts,
        roles=_joined("role", one.roles, two.roles, parts),
        duties=_duties(one.duties, two.duties),
        stages=tuple(dict.fromkeys((*one.stages, *two.stages))),
        evidence_types=_joined("evidence type", one.evidence_types, two.evidence_types, parts),
        transitions=_transitions(one, two),
        params=_joined("parameter", one.params, two.params, parts),
        protected_aliases=_joined("protected alias of", one.protected_aliases, two.protected_aliases, parts),
        one_version=_joined("rule for the former version of", one.one_version, two.one_version, parts),
        rejections=_overruling(one.rejections, two.rejections),
        status_changes=_status_changes(one.status_changes, two.status_changes),
        maps_to=tuple(dict.fromkeys((*one.maps_to, *two.maps_to))),
        risk_tiers=_tiers(one, two, parts),
        votes=_votes(one.votes, two.votes),
        reattest=_reattest(one.reattest, two.reattest),
        waivers=one.waivers if one.waivers == two.waivers else None,
        emergency=one.emergency if one.emergency == two.emergency else None,
    )


def _joined(what: str, one: Mapping[str, V], two: Mapping[str, V], parts: Sequence[Policy]) -> dict[str, V]:
    for name in one.keys() & two.keys():
        if one[name] != two[name]:
            raise ConflictingPoliciesError(_conflict(f"the {what} {name}", parts))
    return {**one, **two}


def _conflict(what: str, parts: Sequence[Policy]) -> str:
    names = " and ".join(part.name for part in parts)
    return f"Policies {names} apply together, and cannot be judged together: they say different things of {what}"


def _duties(one: Duties, two: Duties) -> Duties:
    """The stricter of both in each."""
    named = [duties.contributors if duties.no_self_approval else frozenset() for duties in (one, two)]
    return Duties(
        no_self_approval=one.no_self_approval or two.no_self_approval,
        contributors=named[0] | named[1],
        distinct_people_per_stage=one.distinct_people_per_stage or two.distinct_people_per_stage,
        service_accounts_may_vote=one.service_accounts_may_vote and two.service_accounts_may_vote,
        new_accounts_may_vote=one.new_accounts_may_vote and two.new_accounts_may_vote,
        checking_evidence=one.checking_evidence & two.checking_evidence,
        distinct_across_stages=tuple(dict.fromkeys((*one.distinct_across_stages, *two.distinct_across_stages))),
    )


def _transitions(one: Policy, two: Policy) -> tuple[Transition, ...]:
    """The ways that both have, each with what both ask on it; a way that one of them does not have is none."""
    theirs = {(way.source, way.target): way for way in two.transitions}
    shared = [(way, theirs[way.source, way.target]) for way in one.transitions if (way.source, way.target) in theirs]
    return tuple(_way(first, second, two.name) for first, second in shared)


def _way(one: Transition, two: Transition, name: str) -> Transition:
    waits = [way.wait for way in (one, two) if way.wait is not None]
    return replace(
        one,
        evidence=tuple(dict.fromkeys((*one.evidence, *two.evidence))),
        gates=_gates(one.gates, two.gates, name),
        approvals=tuple(dict.fromkeys((*one.approvals, *two.approvals))),
        wait=max(waits, default=None),
        conditional=_conditional(one.conditional, two.conditional),
    )


def _gates(one: Sequence[Gate], two: Sequence[Gate], name: str) -> tuple[Gate, ...]:
    """All gates; one of an id that another has already gets the name of its policy before it."""
    taken = {gate.id for gate in one}
    more = (replace(gate, id=f"{name}-{gate.id}") if gate.id in taken else gate for gate in two if gate not in one)
    return (*one, *more)


def _conditional(one: Conditional | None, two: Conditional | None) -> Conditional | None:
    if one is None or two is None:
        return None
    return Conditional(
        one.allowed and two.allowed,
        min(one.max_open_findings, two.max_open_findings),
        min(one.max_due, two.max_due),
        one.on_overdue,
    )


def _overruling(one: ApprovalRow | None, two: ApprovalRow | None) -> ApprovalRow | None:
    if one is None or two is None or one.role != two.role:
        return None
    return replace(one, quorum=max(one.quorum, two.quorum))


def _status_changes(one: StatusChanges | None, two: StatusChanges | None) -> StatusChanges | None:
    if one is None or two is None:
        return one or two
    stop = tuple(role for role in one.emergency_stop if role in two.emergency_stop)
    return StatusChanges(tuple(dict.fromkeys((*one.approvals, *two.approvals))), stop)


def _tiers(one: Policy, two: Policy, parts: Sequence[Policy]) -> tuple[TierRule, ...]:
    if one.risk_tiers and two.risk_tiers and one.risk_tiers != two.risk_tiers:
        raise ConflictingPoliciesError(_conflict("the risk tiers", parts))
    return one.risk_tiers or two.risk_tiers


def _votes(one: VoteRules, two: VoteRules) -> VoteRules:
    expiries = [rules.expires for rules in (one, two) if rules.expires is not None]
    vetoes = frozenset({"veto"}) & (one.values | two.values)
    return VoteRules(
        (one.values & two.values) | vetoes,
        min(expiries, default=None),
        one.comment_required_for | two.comment_required_for,
        one.signed or two.signed,
    )


def _reattest(one: Reattest | None, two: Reattest | None) -> Reattest | None:
    if one is None or two is None:
        return one or two
    stages = {**one.stages, **two.stages}
    for stage in one.stages.keys() & two.stages.keys():
        stages[stage] = _sooner(one.stages[stage], two.stages[stage])
    return Reattest(stages, tuple(dict.fromkeys((*one.triggers, *two.triggers))))


def _sooner(one: RenewalTimes, two: RenewalTimes) -> RenewalTimes:
    after = {**one.after, **two.after}
    for tier in one.after.keys() & two.after.keys():
        after[tier] = min(one.after[tier], two.after[tier])
    return RenewalTimes(after, min(one.grace, two.grace), one.on_lapse)
