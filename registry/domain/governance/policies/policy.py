"""The promotion policy: small rules that each give their reasons, and a verdict that is no where there is no rule.

`policy.judge(case)` is a pure function. It lists every check with its result, so that one answer names everything that
is missing. What cannot be evaluated is a failed check with a reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from lineage import Digest
from registry.domain.catalog.models import RETIRED, Status
from registry.domain.catalog.statuses import Use, allows
from registry.domain.governance.approvals import Duties, Electorate, RoleRule
from registry.domain.governance.case import STRICT_CHECKS, STRICT_LISTS, SYSTEM, Case, expression_facts, oldest_first
from registry.domain.governance.conditions.expressions import Expression, Scope
from registry.domain.governance.conditions.problems import UnanswerableError
from registry.domain.governance.policies.evidence_types import EvidenceType
from registry.domain.governance.policies.terms import Emergency, Reattest, Tier, TierRule, VoteRules, Waivers
from registry.domain.governance.policies.transitions import (
    ApprovalRow,
    EvidenceNeed,
    Gate,
    PolicyChange,
    StatusChanges,
    Transition,
    firing,
    span,
)
from registry.domain.governance.promotion import CheckResult, EvidenceValue, Verdict, VoteValue
from registry.domain.governance.reviews.attestations import attested_stage
from registry.domain.governance.reviews.bypasses import passed_over
from registry.domain.governance.reviews.waivers import waiver_for
from registry.domain.governance.status_changes import wanted_status
from registry.domain.text import did_you_mean


@dataclass(frozen=True, slots=True)
class Policy:
    """A promotion policy. Stage names are text and mean what the order of `stages` says.

    `protected_aliases` maps a stage to the alias that names the version which entered it last.
    """

    name: str
    version: int
    digest: Digest
    """SHA-256 of the file as it was published."""
    description: str
    priority: int
    when: Expression
    roles: Mapping[str, RoleRule]
    duties: Duties
    stages: tuple[str, ...]
    evidence_types: Mapping[str, EvidenceType]
    transitions: tuple[Transition, ...]
    params: Mapping[str, object] = field(default_factory=dict)
    protected_aliases: Mapping[str, str] = field(default_factory=dict)
    one_version: Mapping[str, str] = field(default_factory=dict)
    """Stages with one version of a model at a time, and the stage that the former one moves to."""
    rejections: ApprovalRow | None = None
    """Who can overrule a rejection, and how many of them it takes. None: only whoever gave it, by taking it back."""
    status_changes: StatusChanges | None = None
    """None: the status of a version in use takes the approvals that brought it into its stage."""
    policy_change: PolicyChange = field(default_factory=PolicyChange)
    maps_to: tuple[str, ...] = ()
    """The rules outside that it answers to, as written: `ISO42001:A.7.5`."""
    risk_tiers: tuple[TierRule, ...] = ()
    votes: VoteRules = field(default_factory=VoteRules)
    reattest: Reattest | None = None
    waivers: Waivers | None = None
    emergency: Emergency | None = None
    parts: tuple[Policy, ...] = ()
    """The published policies that apply together, where this one stands for several: see `together`."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """By term, a sentence for each way past a rule that one of them has and another does not, so that nobody has it."""

    @property
    def label(self) -> str:
        """`transfer-default/7`: how requests name the policy that judges them; with `+` between several."""
        return "+".join(part.label for part in self.parts) if self.parts else f"{self.name}/{self.version}"

    def transition(self, source: str, target: str) -> Transition | None:
        """The way from one stage to another, if there is one; to a status there is a way from every stage.

        A version is approved again in its stage by what the ways into that stage ask for, without their waits.
        """
        if wanted_status(target) is not None:
            return Transition(target, source, target, approvals=self._status_approvals(source))
        if (attested := attested_stage(target)) is not None:
            return self._attesting(attested, target) if attested == source else None
        return next((t for t in self.transitions if (t.source, t.target) == (source, target)), None)

    def _attesting(self, stage: str, target: str) -> Transition | None:
        ways = [way for way in self.transitions if way.target == stage != way.source]
        if not ways:
            return None
        return Transition(
            target,
            stage,
            target,
            evidence=tuple(dict.fromkeys(need for way in ways for need in way.evidence)),
            gates=tuple(dict.fromkeys(gate for way in ways for gate in way.gates)),
            approvals=tuple(dict.fromkeys(row for way in ways for row in way.approvals)),
            conditional=ways[0].conditional if len(ways) == 1 else None,
        )

    def _status_approvals(self, stage: str) -> tuple[ApprovalRow, ...]:
        if self.parts:
            return tuple(dict.fromkeys(row for part in self.parts for row in part._status_approvals(stage)))
        if self.status_changes is not None:
            return self.status_changes.approvals
        entered = [t for t in self.transitions if t.target == stage != t.source]
        return tuple(row for transition in entered for row in transition.approvals)

    def stops(self, handle: str, case: Case) -> bool:
        """True when `handle` may suspend the version of `case` at once although it is in use."""
        standing, owners = case.standing(handle), case.candidate.subject.owners
        roles = self.status_changes.emergency_stop if self.status_changes is not None else ()
        return not standing.service and any(self.roles[role].held_by(handle, standing, owners) for role in roles)

    def produces(self, type_: str, handle: str, case: Case) -> bool:
        """True when evidence of this type from this author counts."""
        kind = self.evidence_types.get(type_)
        if kind is None or self.checks_own(type_, handle, case):
            return False
        if not kind.producers:
            return handle == SYSTEM
        standing, owners = case.standing(handle), case.candidate.subject.owners
        return any(self.roles[role].held_by(handle, standing, owners) for role in kind.producers)

    def checks_own(self, type_: str, handle: str, case: Case) -> bool:
        """True for evidence of checking by who made the version, where the policy bars them from approving it."""
        checking = frozenset[str]().union(*(part.duties.checking_evidence for part in self.parts or (self,)))
        if case.edition < STRICT_CHECKS or not self.duties.no_self_approval or type_ not in checking:
            return False
        return case.made_by(handle, self.duties.contributors)

    def admissible(self, case: Case) -> dict[str, EvidenceValue]:
        """By type, the newest evidence that is about these very bytes and comes from someone who may produce it."""
        newest: dict[str, EvidenceValue] = {}
        for item in oldest_first(case.evidence):
            if item.subject == case.bound.artifact and self.produces(item.type, item.added_by, case):
                newest[item.type] = item
        return newest

    def scope(self, case: Case) -> Scope:
        """The facts of `case` that the conditions of this policy are evaluated on."""
        evidence, old = self.admissible(case), case.edition < STRICT_LISTS
        tier, _ = self._tier(Scope(expression_facts(case, evidence, self.params), empty_is_true=old))
        return Scope(expression_facts(case, evidence, self.params, tier.value), empty_is_true=old)

    def _tier(self, scope: Scope) -> tuple[Tier, str]:
        """The risk tier and why: the first rule that holds; the highest where none does, or where one has no answer."""
        for rule in self.risk_tiers:
            try:
                if rule.when.holds(scope):
                    return rule.tier, f"{rule.when}"
            except UnanswerableError as error:
                return Tier.HIGH, f"it is unknown whether the rule for {rule.tier} applies: {error} ({rule.when})"
        return Tier.HIGH, "no rule of the policy applies"

    def tier(self, case: Case) -> Tier:
        """The risk tier of the version of `case`."""
        return Tier(str(self.scope(case).value("tier")))

    def conditions(self, case: Case) -> Iterator[Expression]:
        """Every condition that may be evaluated for a verdict on `case`."""
        yield from (part.when for part in self.parts or (self,))
        yield from (rule.when for rule in self.risk_tiers)
        transition = self._transition_for(case)
        if transition is not None:
            yield from transition.conditions

    @property
    def all_conditions(self) -> Iterator[Expression]:
        """Every condition of the policy."""
        yield from (part.when for part in self.parts or (self,))
        yield from (rule.when for rule in self.risk_tiers)
        yield from (condition for transition in self.transitions for condition in transition.conditions)
        changes = self.status_changes.approvals if self.status_changes is not None else ()
        yield from (row.when for row in changes if row.when is not None)

    def judge(self, case: Case) -> Verdict:
        """Every check that this policy makes of `case`, with its outcome. Pure: same policy and case, same verdict."""
        evidence, scope = self.admissible(case), self.scope(case)
        checks = [*self._apply(case, scope), *self._tier_check(scope), self._order(case), self._usable(case)]
        checks += _rejected(case)
        transition = self._transition_for(case)
        if transition is None:
            return Verdict(tuple(checks))
        needs, unknown_needs = firing(transition.evidence, scope, "evidence")
        gates, unknown_gates = firing(transition.gates, scope, "gate")
        electorate, unknown_rows = self._electorate(transition, case, scope)
        demands = [
            *(self._provided(need, evidence, case) for need in needs),
            *(self._waived(gate, gate.check(scope), case) for gate in gates),
            *(unknown_needs + unknown_gates + unknown_rows),
            *electorate.checks(),
            *_waited(transition, electorate),
        ]
        if not demands and wanted_status(case.target) is not None:
            demands.append(CheckResult("decision", "approval", True, "The policy asks for no approval of this"))
        if not demands:
            message = f"Transition {transition.id} has no rule that applies here, so it is refused"
            demands.append(CheckResult(transition.id, "gate", False, message))
        every = [*checks, *demands]
        return Verdict(tuple(every if case.bypass is None else passed_over(case.bypass, every, self._never_skipped())))

    def _provided(self, need: EvidenceNeed, evidence: Mapping[str, EvidenceValue], case: Case) -> CheckResult:
        """The result of a need; where there is only evidence by who made the version, it says so."""
        result, about = need.check(evidence, case), case.bound.artifact
        given = (one for one in case.evidence if one.type == need.type and one.subject == about)
        own = sorted({one.added_by for one in given if self.checks_own(one.type, one.added_by, case)})
        if need.type in evidence or not own:
            return result
        who = " and ".join(own)
        return replace(result, message=f"{result.message}: {who} made the version, so what {who} wrote does not count")

    def _never_skipped(self) -> frozenset[str]:
        """The ids of the gates that hold in an emergency too."""
        fixed = {gate.id for move in self.transitions for gate in move.gates if not gate.waivable}
        return frozenset(fixed | set(self.emergency.never_skips if self.emergency is not None else ()))

    def _waived(self, gate: Gate, result: CheckResult, case: Case) -> CheckResult:
        """The result of a gate; one that does not hold is passed over where a waiver for these files is in force."""
        if result.passed or not gate.waivable or self.waivers is None:
            return result
        waiver = waiver_for(gate.id, case.bound.artifact, case.waivers, case.now)
        return result if waiver is None else replace(result, passed=True, message=f"{result.message}; {waiver}")

    def _tier_check(self, scope: Scope) -> Iterator[CheckResult]:
        """A line that says the risk tier, where the policy has tiers; it never fails."""
        if self.risk_tiers:
            tier, why = self._tier(scope)
            yield CheckResult("tier", "tier", True, f"Risk tier {tier}: {why}")

    def electorate(self, case: Case) -> Electorate:
        """Who may vote on `case`, for which roles."""
        scope = self.scope(case)
        transition = self._transition_for(case)
        if transition is None:
            return Electorate(case, self.duties, self.roles, {})
        return self._electorate(transition, case, scope)[0]

    def _electorate(self, transition: Transition, case: Case, scope: Scope) -> tuple[Electorate, list[CheckResult]]:
        """Where several rows fire for one role, the larger quorum holds."""
        wanted: dict[str, int] = {}
        rows, unknown = firing(transition.approvals, scope, "approval")
        for row in rows:
            wanted[row.role] = max(row.quorum, wanted.get(row.role, 0))
        return Electorate(case, self.duties, self.roles, wanted, self.votes), unknown

    def _transition_for(self, case: Case) -> Transition | None:
        """The transition to judge by; where none leads from here, the first to that stage, for its reasons."""
        exact = self.transition(case.candidate.stage, case.target)
        return exact or next((t for t in self.transitions if t.target == case.target), None)

    def _apply(self, case: Case, scope: Scope) -> Iterator[CheckResult]:
        """Whether it applies; of several, whether each does."""
        for part in self.parts:
            yield part._applies(part.scope(case))
        if not self.parts:
            yield self._applies(scope)

    def _applies(self, scope: Scope) -> CheckResult:
        name = f"{self.name} version {self.version}"
        try:
            if self.when.holds(scope):
                return CheckResult("policy", "policy", True, f"Policy {name} applies")
            return CheckResult("policy", "policy", False, f"Policy {name} does not apply ({self.when})")
        except UnanswerableError as error:
            return CheckResult("policy", "policy", False, f"It is unknown whether policy {name} applies: {error}")

    def _usable(self, case: Case) -> CheckResult:
        """Whether the status of the version allows what is asked for; the status itself may always change."""
        status = case.candidate.status
        if wanted_status(case.target) is not None:
            return CheckResult("status", "status", True, f"The version is {status}")
        if case.candidate.damaged:
            damaged = f"The stored bytes of {case.candidate.ref} are damaged; restore them first: forebear store repair"
            return CheckResult("status", "status", False, damaged)
        if status is Status.ACTIVE:
            return CheckResult("status", "status", True, "The version is active")
        if attested_stage(case.target) is not None and status is Status.SUSPENDED:
            lifted = "The version is suspended; that ends with this where only the end of its approval was the reason"
            return CheckResult("status", "status", True, lifted)
        if allows(status, self._use(case)):
            return CheckResult("status", "status", True, f"The version is {status}, which allows this")
        return CheckResult("status", "status", False, f"The version is {status}, not active")

    def _use(self, case: Case) -> Use:
        """What the target makes of the version: it leaves the protected stage, comes back to it, or goes on."""
        source, target = case.candidate.stage, case.target
        if source in {target, self.one_version.get(target)}:
            return Use.ROLL_BACK
        leaves = source in self.protected_aliases and target not in self.protected_aliases
        return Use.RETIRE if leaves or target == RETIRED else Use.PROMOTE

    def _order(self, case: Case) -> CheckResult:
        source, target = case.candidate.stage, case.target
        status = wanted_status(target)
        if status is not None:
            return _status_follows(case, status)
        attested = attested_stage(target)
        if self.transition(source, target) is not None:
            message = f"Stage order: {source} → {target}" if attested is None else f"The version is in {source}"
            return CheckResult("order", "order", True, message)
        if attested is not None:
            return CheckResult("order", "order", False, f"The version is in {source}, and not approved in {attested}")
        if target not in self.stages:
            unknown = f"Unknown stage {target[:80]!r}{did_you_mean(target, self.stages)}"
            return CheckResult("order", "order", False, unknown)
        sources = [t.source for t in self.transitions if t.target == target]
        follows = f"{target} follows {' or '.join(sources)}" if sources else f"no transition leads to {target}"
        return CheckResult("order", "order", False, f"Stage order: {follows}, and the version is {source}")


def _rejected(case: Case) -> Iterator[CheckResult]:
    """A failed check for each rejection that stands."""
    for rejection in case.rejections:
        if rejection.stands(case.bound):
            vote = rejection.vote
            yield CheckResult(
                f"rejection-{vote.voter}",
                "veto" if vote.value is VoteValue.VETO else "rejection",
                False,
                f"{vote.voter} {_AGAINST[vote.value]} it on {vote.at:%Y-%m-%d} ({rejection.request}): {vote.comment}. "
                f"{_UNTIL[vote.value]}",
            )


_AGAINST = {VoteValue.REJECT: "rejected", VoteValue.VETO: "vetoed"}
_UNTIL = {
    VoteValue.REJECT: "The rejection stands until it is overruled or something that it was given on changes",
    VoteValue.VETO: "The veto stands until it is overruled or taken back",
}


def _waited(transition: Transition, electorate: Electorate) -> Iterator[CheckResult]:
    """Whether the cooling-off time has passed since the last approval that was needed."""
    if transition.wait is None:
        return
    begun, length = electorate.completed_at(), span(transition.wait)
    if begun is None:
        message = f"The cooling-off time of {length} begins with the last approval"
        yield CheckResult("wait", "wait", False, message)
        return
    end = begun + transition.wait
    passed = electorate.case.now >= end
    message = f"The cooling-off time of {length} {'ended' if passed else 'ends'} {end:%Y-%m-%d %H:%M} UTC"
    yield CheckResult("wait", "wait", passed, message)


def _status_follows(case: Case, wanted: Status) -> CheckResult:
    """Whether the version can get this status: it does not have it, and no alias names what is archived."""
    now, aliases = case.candidate.status, case.candidate.subject.aliases
    if now is wanted:
        return CheckResult("order", "order", False, f"The version is {now} already")
    if wanted is Status.ARCHIVED and aliases:
        message = f"The version is still named by {', '.join(aliases)}: retire it first, or move the alias"
        return CheckResult("order", "order", False, message)
    return CheckResult("order", "order", True, f"Status: {now} → {wanted}")
