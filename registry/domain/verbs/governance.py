"""Verbs of evidence, promotion requests, votes and policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import BinaryIO, Protocol

from registry.domain.governance.policies.changes import PolicyProposal, PolicyReach, PolicyRevision, ProposalState
from registry.domain.governance.policies.evidence_types import EvidenceType
from registry.domain.governance.promotion import (
    AddedEvidence,
    EvidenceValue,
    PolicyValue,
    RequestDetail,
    RequestState,
    RequestSummary,
    StageOption,
    VoteValue,
)
from registry.domain.governance.replays import ChangedTerm, Explanation, PolicyTrial
from registry.domain.governance.reviews.findings import NewFinding
from registry.domain.names import Name, Reference
from registry.domain.paging import Page, PageRequest


class PromotionVerbs(Protocol):
    """Evidence, requests, votes and policies."""

    def add_evidence(
        self,
        reference: Reference,
        type: str,
        body: Mapping[str, object],
        *,
        file: BinaryIO | None = None,
        file_name: str | None = None,
    ) -> AddedEvidence:
        """Raises: InvalidError when the content does not fit the form of the type; PolicyRefusedError, NoSpaceError."""
        ...

    def evidence(self, reference: Reference) -> Sequence[EvidenceValue]: ...
    def evidence_types(self, reference: Reference) -> Sequence[EvidenceType]:
        """The types that the policy in force takes from the person who asks, with their forms."""
        ...

    def options(self, reference: Reference) -> Sequence[StageOption]:
        """Each stage that may follow for this version under the policy in force, with what is missing now."""
        ...

    def request(self, reference: Reference, to_stage: str, *, comment: str = "") -> RequestDetail:
        """Open a request; the policy in force is frozen into it by digest.

        Raises: PolicyRefusedError when no policy matches or the stage does not follow.
        """
        ...

    def request_detail(self, request_id: str) -> RequestDetail:
        """With the verdict as of now. Raises: NotFoundError."""
        ...

    def requests(
        self,
        *,
        name: Name | None = None,
        reference: Reference | None = None,
        state: RequestState | None = None,
        page: PageRequest = PageRequest(),
    ) -> Page[RequestSummary]:
        """Newest first; of one model (`name`), or of the one version that `reference` names now."""
        ...

    def approve(
        self, request_id: str, *, comment: str = "", conditions: Sequence[NewFinding] = (), signature: str = ""
    ) -> RequestDetail:
        """Vote for. When nothing is missing any more, the version is promoted in the same transaction.

        With `conditions`, each becomes a finding; once one is overdue the approval does not count, and a promotion
        that was decided on it is revoked. `signature` is that of the voter's key over `signing.approval_text`, in
        hexadecimal.

        Raises: PolicyRefusedError (self-approval, no role that counts, closed request); the vote is then not written.
        """
        ...

    def reject(self, request_id: str, *, comment: str) -> RequestDetail: ...
    def veto(self, request_id: str, *, comment: str) -> RequestDetail:
        """Block a request that stays open, until the veto is taken back or overruled. Raises: PolicyRefusedError."""
        ...

    def complete(self, request_id: str) -> RequestDetail:
        """Promote once the cooling-off time has passed. Raises: PolicyRefusedError with what is missing."""
        ...

    def withdraw(self, request_id: str) -> RequestDetail: ...
    def overrule(self, request_id: str, *, comment: str) -> RequestDetail:
        """Overrule the rejection that closed a request: as many people as its policy says, or who gave it alone.

        Raises: PolicyRefusedError, ConflictError.
        """
        ...

    def explain(self, request_id: str) -> Explanation:
        """A decision and its replay from what was stored with it. Raises: NotFoundError, IntegrityError."""
        ...

    def test_policy(self, text: str, *, against: Reference | None = None, days: int = 90) -> PolicyTrial:
        """The decisions of the last `days` that a policy would have taken otherwise; or what it changes for a version.

        Nothing is written. Raises: BadPolicyError, NotFoundError, InvalidError.
        """
        ...

    def test_policy_cases(self, text: str, cases: str) -> PolicyTrial:
        """The cases, written as YAML, that do not come out as they say. Nothing is written. Raises: BadPolicyError."""
        ...

    def diff_policies(self, before: str, after: str) -> Sequence[ChangedTerm]:
        """Every place in which two policy files differ. Raises: BadPolicyError."""
        ...

    def check_policy(self, text: str) -> PolicyValue:
        """Raises: BadPolicyError with line numbers."""
        ...

    def publish_policy(self, text: str) -> PolicyProposal:
        """Propose a policy; it is in force at once only where nobody else has to agree (`state` says).

        Raises: BadPolicyError; ConflictError when the version is not higher than the last, or when a version of this
        policy is proposed already; InUseError when an alias in use would lose its protection.
        """
        ...

    def policy_proposals(self, state: ProposalState | None = None) -> Sequence[PolicyProposal]:
        """Newest first, as stored."""
        ...

    def policy_proposal(self, proposal_id: str) -> PolicyProposal:
        """With what is needed and what it would change while it is open. Raises: NotFoundError."""
        ...

    def vote_on_policy(self, proposal_id: str, value: VoteValue, *, comment: str = "") -> PolicyProposal:
        """Approve, or reject with a comment; the author's rejection withdraws it.

        Raises: NotFoundError, InvalidError, ConflictError; PolicyRefusedError for the author's approval, for who has
        none of the roles, and for a closed proposal; the vote is then not written.
        """
        ...

    def policy_history(self, name: str) -> Sequence[PolicyRevision]:
        """Every version of a policy, newest first, each with what it changed. Raises: NotFoundError."""
        ...

    def policy_reach(self, name: str) -> PolicyReach:
        """Which versions a policy judges now, what it shadows, and what shadows it. Raises: NotFoundError."""
        ...

    def policies(self) -> Sequence[PolicyValue]: ...
    def policy(self, name: str, version: int | None = None) -> PolicyValue: ...
