"""Several policies that apply to one version: all must pass, so they are judged as one policy that asks for everything.

Of the policies whose condition holds, those with the highest priority are in force, all of them. What two of them say
otherwise (a role, a type of evidence, a parameter of one name) cannot be asked at once: then no policy is in force.

What lets somebody past a rule (a waiver, an emergency, an approval with conditions, the overruling of a rejection) is
there only where every one of them has it, for the same role, with the stricter of both terms; `Policy.left_out` says
what is not there for that reason. What makes a rule stricter (approvals, gates, waits, renewals, who may suspend at
once) is there where one of them has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from lineage import Digest
from registry.domain.governance.approvals import Duties
from registry.domain.governance.case import Case
from registry.domain.governance.conditions.problems import UnanswerableError
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.policies.terms import (
    Conditional,
    Emergency,
    PostReview,
    Reattest,
    RenewalTimes,
    TierRule,
    VoteRules,
    Waivers,
)
from registry.domain.governance.policies.transitions import ApprovalRow, Gate, StatusChanges, Transition
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
    ways = _transitions(one, two)
    return replace(
        one,
        digest=Digest.of(canonical_json([str(part.digest) for part in parts])),
        description=" ".join(filter(None, (one.description, two.description))),
        parts=parts,
        roles=_joined("role", one.roles, two.roles, parts),
        duties=_duties(one.duties, two.duties),
        stages=tuple(dict.fromkeys((*one.stages, *two.stages))),
        evidence_types=_joined("evidence type", one.evidence_types, two.evidence_types, parts),
        transitions=ways,
        params=_joined("parameter", one.params, two.params, parts),
        protected_aliases=_joined("protected alias of", one.protected_aliases, two.protected_aliases, parts),
        one_version=_joined("rule for the former version of", one.one_version, two.one_version, parts),
        rejections=_overruling(one.rejections, two.rejections),
        status_changes=_status_changes(one.status_changes, two.status_changes),
        maps_to=tuple(dict.fromkeys((*one.maps_to, *two.maps_to))),
        risk_tiers=_tiers(one, two, parts),
        votes=_votes(one.votes, two.votes),
        reattest=_reattest(one.reattest, two.reattest),
        waivers=_waivers(one.waivers, two.waivers),
        emergency=_emergency(one, two),
        left_out={**one.left_out, **dict(_left_out(one, two, ways))},
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
    more = (replace(gate, id=_renamed(name, gate.id)) if gate.id in taken else gate for gate in two if gate not in one)
    return (*one, *more)


def _renamed(policy: str, gate: str) -> str:
    return f"{policy}-{gate}"


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
    """Who may suspend at once under one of them may do it: that takes away, and lets nothing through.

    The approvals are those of the parts, each by its own rule: see `Policy.transition`.
    """
    if one is None or two is None:
        return one or two
    stop = tuple(dict.fromkeys((*one.emergency_stop, *two.emergency_stop)))
    return StatusChanges(tuple(dict.fromkeys((*one.approvals, *two.approvals))), stop)


def _waivers(one: Waivers | None, two: Waivers | None) -> Waivers | None:
    if one is None or two is None or one.role != two.role:
        return None
    return Waivers(one.role, max(one.quorum, two.quorum), min(one.max_duration, two.max_duration))


def _emergency(one: Policy, two: Policy) -> Emergency | None:
    """Gates of `two` that got another id, since `one` has one of that id, are never skipped where it says so."""
    first, second = one.emergency, two.emergency
    if first is None or second is None or first.role != second.role:
        return None
    review = _review(first.post_review, second.post_review)
    if review is None:
        return None
    never = (*first.never_skips, *second.never_skips, *(_renamed(two.name, gate) for gate in second.never_skips))
    return Emergency(
        first.enabled and second.enabled,
        first.role,
        max(first.quorum, second.quorum),
        min(first.expires, second.expires),
        tuple(dict.fromkeys((*first.requires, *second.requires))),
        tuple(act for act in first.allowed if act in second.allowed),
        tuple(dict.fromkeys(never)),
        tuple(dict.fromkeys((*first.notify, *second.notify))),
        review,
    )


def _review(one: PostReview | None, two: PostReview | None) -> PostReview | None:
    if one is None or two is None or one.role != two.role:
        return None
    excluded = tuple(dict.fromkeys((*one.exclude, *two.exclude)))
    return PostReview(min(one.within, two.within), one.role, max(one.quorum, two.quorum), excluded, one.on_missing)


def _left_out(one: Policy, two: Policy, ways: Sequence[Transition]) -> Iterator[tuple[str, str]]:
    """What one of them allows and both together do not: the term, and a sentence."""
    terms: dict[str, tuple[str, object, object, object]] = {
        "waivers": ("There are no waivers", one.waivers, two.waivers, _waivers(one.waivers, two.waivers)),
        "emergency": ("There is no promotion in an emergency", one.emergency, two.emergency, _emergency(one, two)),
        "rejections": (
            "There is nobody who overrules rejections of others",
            one.rejections,
            two.rejections,
            _overruling(one.rejections, two.rejections),
        ),
    }
    asked = [{(way.source, way.target): way.conditional for way in policy.transitions} for policy in (one, two)]
    for way in ways:
        mine, theirs = (found[way.source, way.target] for found in asked)
        what = f"There is no approval with conditions to {way.target}"
        terms[f"conditional to {way.target}"] = (what, mine, theirs, way.conditional)
    for term, (what, first, second, both) in terms.items():
        if both is None and (first is not None or second is not None):
            why = "each has other roles" if first and second else f"only {(one if first else two).name} has this"
            yield term, f"{what}: of the policies that apply together, {why}"


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
