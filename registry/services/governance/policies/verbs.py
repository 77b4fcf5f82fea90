"""The verbs of policies: checked, tried, proposed, voted on and read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.domain.governance.policies.changes import PolicyProposal, PolicyReach, PolicyRevision, ProposalState
from registry.domain.governance.promotion import PolicyValue, VoteValue
from registry.domain.governance.replays import ChangedTerm, PolicyTrial
from registry.domain.names import Reference
from registry.services.context import Context
from registry.services.governance.policies.proposing import policy_proposal, propose_policy, vote_on_policy
from registry.services.governance.policies.standing import history_of, reach_of
from registry.services.governance.policies.stored import examined_policy, policy_value, with_rules
from registry.services.governance.policies.trying import compare_policies, try_on_cases, try_on_history, try_on_version
from registry.services.lookup import resolve

HISTORY = 90
"""Days of decisions that a policy is tried on."""


@dataclass(frozen=True, slots=True)
class Policies:
    """The part of `PromotionVerbs` that is about policies."""

    context: Context

    def check_policy(self, text: str) -> PolicyValue:
        """What `text` would be published as, with what the people of this registry cannot fulfil."""
        return examined_policy(self.context, text)

    def publish_policy(self, text: str) -> PolicyProposal:
        """Propose a policy, which is in force when those agree whom the policies name; open requests keep theirs."""
        return propose_policy(self.context, text)

    def policy_proposals(self, state: ProposalState | None = None) -> Sequence[PolicyProposal]:
        """Policies that were proposed, newest first."""
        with self.context.read() as uow:
            return uow.governance.proposals(state)

    def policy_proposal(self, proposal_id: str) -> PolicyProposal:
        """One of them; while it is open, with what is needed and what it would change."""
        return policy_proposal(self.context, proposal_id)

    def vote_on_policy(self, proposal_id: str, value: VoteValue, *, comment: str = "") -> PolicyProposal:
        """Approve or reject a proposed policy; its author withdraws it by rejecting it."""
        return vote_on_policy(self.context, proposal_id, value, comment)

    def policies(self) -> Sequence[PolicyValue]:
        """The newest version of each policy."""
        with self.context.read() as uow:
            return [with_rules(value) for value in uow.governance.policies()]

    def policy(self, name: str, version: int | None = None) -> PolicyValue:
        """One published policy."""
        with self.context.read() as uow:
            return policy_value(uow, name, version)

    def policy_history(self, name: str) -> Sequence[PolicyRevision]:
        """Every version of a policy, newest first, each with what it changed. Raises: NotFoundError."""
        return history_of(self.context, name)

    def policy_reach(self, name: str) -> PolicyReach:
        """Which versions a policy judges now, what it shadows, and what shadows it. Raises: NotFoundError."""
        return reach_of(self.context, name)

    def test_policy(self, text: str, *, against: Reference | None = None, days: int = HISTORY) -> PolicyTrial:
        """What `text` would have decided otherwise in the last `days`, or what it would change for one version.

        Raises: BadPolicyError, NotFoundError, InvalidError.
        """
        if against is None:
            return try_on_history(self.context, text, days)
        with self.context.read() as uow:
            ref = resolve(uow, against)
        return try_on_version(self.context, text, ref)

    def test_policy_cases(self, text: str, cases: str) -> PolicyTrial:
        """The cases, written as YAML, that do not come out as they say. Raises: BadPolicyError."""
        return try_on_cases(self.context, text, cases)

    def diff_policies(self, before: str, after: str) -> Sequence[ChangedTerm]:
        """Every place in which two policy files differ. Raises: BadPolicyError."""
        return compare_policies(self.context, before, after)
