"""Whose vote counts, and whether enough of them do: separation of duties, staleness and quorum, as declared fields.

These rules are fields, not expressions, so that they can be shown, checked and proved. Laws: a quorum counts distinct
people; the vote of a contributor never counts; a vote counts only while everything it was given on is unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from registry.domain.governance.case import RECORDED, Case, Contribution, Standing
from registry.domain.governance.policies.terms import VoteRules
from registry.domain.governance.promotion import Bindings, CheckResult, VoteEntry, VoteValue
from registry.domain.governance.reviews.attestations import stage_of
from registry.domain.governance.seen import differences
from registry.domain.governance.signing import is_signed

_BOUND = {"artifact": "the artifact", "lineage": "the lineage", "policy": "the policy", "evidence": "the evidence"}


@dataclass(frozen=True, slots=True)
class RoleRule:
    """Who may hold a role of the policy: people who were granted one of `groups`, or the owners of the subject."""

    groups: frozenset[str] = frozenset()
    owners: bool = False

    def held_by(self, handle: str, standing: Standing, owners: Sequence[str]) -> bool:
        """True when `handle` holds the role now."""
        return bool(self.groups & standing.roles) or (self.owners and handle in owners)


@dataclass(frozen=True, slots=True)
class Duties:
    """Separation of duties."""

    no_self_approval: bool = True
    contributors: frozenset[Contribution] = frozenset(Contribution)
    distinct_people_per_stage: bool = True
    """One person fills one role."""
    service_accounts_may_vote: bool = False
    new_accounts_may_vote: bool = False
    """Whether an account that is younger than the request votes on it."""
    checking_evidence: frozenset[str] = frozenset()
    """Types of evidence that check a version: adding one does not make its author a contributor."""
    distinct_across_stages: tuple[frozenset[str], ...] = ()
    """Sets of stages: who approved the way into one of them does not approve the way into another."""


@dataclass(frozen=True, slots=True)
class Electorate:
    """Who may vote in which role on one case. `wanted` maps each role that is needed to its quorum, in policy order."""

    case: Case
    duties: Duties
    roles: Mapping[str, RoleRule]
    wanted: Mapping[str, int]
    rules: VoteRules = field(default_factory=VoteRules)

    def roles_of(self, handle: str) -> tuple[str, ...]:
        """The needed roles that `handle` holds now."""
        standing, owners = self.case.standing(handle), self.case.candidate.subject.owners
        return tuple(role for role in self.wanted if self.roles[role].held_by(handle, standing, owners))

    def objections(self, handle: str) -> tuple[str, ...]:
        """Why a vote of `handle` would not count, all of it; empty when it would."""
        reasons: list[str] = []
        deeds = self._deeds(handle)
        if deeds:
            did = " and ".join(filter(None, (", ".join(deeds[:-1]), deeds[-1])))
            reasons.append(f"{handle} {did}: nobody approves their own work")
        if self.case.standing(handle).service and not self.duties.service_accounts_may_vote:
            reasons.append(f"{handle} is a service account, and service accounts do not vote")
        since, opened = self.case.standing(handle).since, self.case.opened_at
        if since is not None and opened is not None and since > opened and not self.duties.new_accounts_may_vote:
            reasons.append(f"{handle} has an account only since the request was opened")
        reasons += self._signed_before(handle)
        if not self.wanted:
            reasons.append("This transition needs no approval")
        elif not self.roles_of(handle):
            reasons.append(f"{handle} has none of the roles that can approve here: {', '.join(self.wanted)}")
        return tuple(reasons)

    def _deeds(self, handle: str) -> list[str]:
        """How `handle` contributed to the candidate, among the contributions that these duties name."""
        recorded = self.case.candidate.contributors
        named = self.duties.contributors if self.duties.no_self_approval else frozenset()
        own = self._accounts_of(handle)
        done = [deed for deed in Contribution if deed in named and not own.isdisjoint(recorded.get(deed, ()))]
        if Contribution.EVIDENCE_AUTHOR in done and self._only_checked(handle):
            done.remove(Contribution.EVIDENCE_AUTHOR)
        return [deed.deed for deed in done]

    def _signed_before(self, handle: str) -> list[str]:
        """The other stages that `handle` let the version into, where the policy wants different people for both."""
        own, target = self._accounts_of(handle), stage_of(self.case.target)
        others = [group - {target} for group in self.duties.distinct_across_stages if target in group]
        stages = sorted(frozenset[str]().union(*others))
        found = [stage for stage in stages if not own.isdisjoint(self.case.signed.get(stage, ()))]
        return [
            f"{handle} approved the way into {stage}: the policy wants other people for {target}" for stage in found
        ]

    def completed_at(self) -> datetime | None:
        """When the last approval that is needed was given; None while one is missing."""
        if not self.wanted:
            return self.case.opened_at
        for at in sorted({vote.at for vote in self.case.votes}):
            votes = tuple(vote for vote in self.case.votes if vote.at <= at)
            earlier = replace(self, case=replace(self.case, votes=votes))
            if earlier.filled() == self.wanted:
                return at
        return None

    def filled(self) -> dict[str, int]:
        """By role, how many people fill it."""
        return count(self.wanted, self.eligible(), distinct=self.duties.distinct_people_per_stage)

    def _accounts_of(self, handle: str) -> frozenset[str]:
        """Every account of the person behind `handle` that the case knows, and the one that they all belong to."""
        who = self._who(handle)
        return frozenset({handle, who, *(other for other in self.case.people if self._who(other) == who)})

    def _who(self, handle: str) -> str:
        return self.case.who(handle)

    def _one_each(self, voters: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        """`voters` with the accounts of one person as one, in all their roles."""
        first: dict[str, str] = {}
        merged: dict[str, tuple[str, ...]] = {}
        for handle in sorted(voters):
            one = first.setdefault(self._who(handle), handle)
            merged[one] = tuple(dict.fromkeys((*merged.get(one, ()), *voters[handle])))
        return merged

    def _only_checked(self, handle: str) -> bool:
        """True when all that `handle` added is evidence of checking."""
        own = self._accounts_of(handle)
        added = [e.type for e in self.case.evidence if e.added_by in own and not e.id.startswith(RECORDED)]
        return bool(added) and self.duties.checking_evidence.issuperset(added)

    def eligible(self) -> dict[str, tuple[str, ...]]:
        """By voter, the roles in which their valid approval counts: held when they voted, and still held now."""
        found = {}
        for vote in self.last_votes():
            if vote.value.approves and not self.lapsed(vote) and not self.objections(vote.voter):
                roles = tuple(role for role in self.roles_of(vote.voter) if role in vote.roles)
                if roles:
                    found[vote.voter] = roles
        return self._one_each(found)

    def possible(self) -> dict[str, tuple[str, ...]]:
        """By person of the case, the needed roles in which a vote of theirs would count."""
        found = {handle: self.roles_of(handle) for handle in self.case.people if not self.objections(handle)}
        return {handle: roles for handle, roles in found.items() if roles}

    def stands(self, handle: str) -> bool:
        """True when the newest vote of `handle` is an approval in every role they hold, on the state of things now."""
        return any(
            (vote.voter, vote.roles) == (handle, self.roles_of(handle))
            and vote.value.approves
            and not self.lapsed(vote)
            for vote in self.last_votes()
        )

    def lapsed(self, vote: VoteEntry) -> str | None:
        """Why a vote does not count any more: what it was given on changed, it expired, or a condition is overdue."""
        if vote.bound != self.case.bound:
            return changed(vote, self.case)
        if self.rules.signed and vote.value.approves and not self._signed(vote):
            return f"it is not signed with the key of {vote.voter}"
        late = [one for one in self.case.findings if one.id in vote.conditions and one.overdue(self.case.now)]
        if late:
            return f"its condition, {late[0]}, is overdue"
        age, longest = self.case.now - vote.at, self.rules.expires
        return f"approvals expire after {longest.days} days" if longest is not None and age > longest else None

    def _signed(self, vote: VoteEntry) -> bool:
        """Whether the key that the voter has now signed it, for this request."""
        own = vote.signature is not None and vote.signature.key == self.case.standing(vote.voter).key
        ref, target = str(self.case.candidate.ref), self.case.target
        return own and is_signed(vote, self.case.request, ref, target, self.case.findings)

    def checks(self) -> list[CheckResult]:
        """One check per needed role, and one failed check per open rejection."""
        filled = self.filled()
        uncounted = self._uncounted()
        checks = []
        for role, quorum in self.wanted.items():
            have = filled[role]
            message = f"{have} of {quorum} {role} approvals"
            if have < quorum:
                message += uncounted.get(role, "")
            checks.append(CheckResult(role, "approval", have >= quorum, message))
        for vote in self.last_votes():
            if vote.value is VoteValue.REJECT:
                why = f": {vote.comment}" if vote.comment else ""
                checks.append(
                    CheckResult(f"rejection-{vote.voter}", "approval", False, f"{vote.voter} rejected it{why}")
                )
        return checks

    def _uncounted(self) -> dict[str, str]:
        """By role, a note on the approvals that are stale and not counted."""
        notes: dict[str, list[str]] = {}
        for vote in self.last_votes():
            why = self.lapsed(vote) if vote.value.approves else None
            if why is not None:
                for role in vote.roles:
                    notes.setdefault(role, []).append(f"the approval of {vote.voter} is stale because {why}")
        return {role: f" ({'; '.join(lines)})" for role, lines in notes.items()}

    def last_votes(self) -> list[VoteEntry]:
        """The newest vote of each person, in order of voter: votes stand in the order in which they were given."""
        last: dict[str, VoteEntry] = {}
        for vote in self.case.votes:
            last[vote.voter] = vote
        return [last[voter] for voter in sorted(last)]


def count(wanted: Mapping[str, int], eligible: Mapping[str, Sequence[str]], *, distinct: bool) -> dict[str, int]:
    """How many distinct people fill each role. With `distinct`, each person fills one role only, as well as can be.

    That is a largest bipartite matching of places (role, number) to people, grown by augmenting paths (Kuhn 1955).
    """
    if not distinct:
        return {role: min(quorum, sum(role in roles for roles in eligible.values())) for role, quorum in wanted.items()}
    place_of: dict[str, tuple[str, int]] = {}

    def assign(place: tuple[str, int], seen: set[str]) -> bool:
        for person in sorted(eligible):
            if place[0] in eligible[person] and person not in seen:
                seen.add(person)
                if person not in place_of or assign(place_of[person], seen):
                    place_of[person] = place
                    return True
        return False

    return {role: sum(assign((role, number), set()) for number in range(quorum)) for role, quorum in wanted.items()}


def parts_changed(before: Bindings, now: Bindings) -> str:
    """Which of the digests differ, in words; empty where none does."""
    parts = [words for name, words in _BOUND.items() if getattr(before, name) != getattr(now, name)]
    return " and ".join([*parts, *(["the facts that its conditions read"] if before.seen != now.seen else [])])


def changed(vote: VoteEntry, case: Case) -> str:
    """What differs of what `vote` was bound to, for people to read."""
    parts = parts_changed(replace(vote.bound, seen=None), replace(case.bound, seen=None))
    told = [f"{parts} changed since"] if parts else []
    if vote.bound.seen != case.bound.seen:
        told += differences(vote.seen, case.seen)
    return " and ".join(told)
