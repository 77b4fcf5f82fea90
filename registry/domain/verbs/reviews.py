"""Verbs of what is reviewed around a promotion: the inbox, findings and waivers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from registry.domain.governance.promotion import RequestDetail
from registry.domain.governance.reviews.attestations import Attestation
from registry.domain.governance.reviews.bypasses import Emergency
from registry.domain.governance.reviews.findings import Finding, FindingState, NewFinding
from registry.domain.governance.reviews.inbox import Inbox
from registry.domain.governance.reviews.past import AsOf
from registry.domain.governance.reviews.ticks import TickReport
from registry.domain.governance.reviews.waivers import NewWaiver, Waiver, Waivers
from registry.domain.names import Reference
from registry.domain.paging import Page, PageRequest


class ReviewVerbs(Protocol):
    """The inbox of one person, findings about versions, and waivers of gates."""

    def inbox(self) -> Inbox:
        """What waits for whoever asks, what they requested, and which of their votes went stale."""
        ...

    def as_of(self, reference: Reference, at: datetime) -> AsOf:
        """What a version was just before `at`, or the version that an alias named then: stage, status, the decision
        with its votes, evidence and policy, whether it was allowed, and what was made from it while it was approved.

        Raises: NotFoundError for a version or alias that was not there then; UsageError for a name alone.
        """
        ...

    def tick(self) -> TickReport:
        """Do everything that is due by now: the server does it each minute. Doing it twice does nothing more."""
        ...

    def add_finding(self, reference: Reference, wish: NewFinding) -> Finding:
        """Raises: NotFoundError; InvalidError for a due date that is past, or an owner who is not known."""
        ...

    def roll_back(self, reference: Reference, *, comment: str) -> RequestDetail:
        """Promote a version again that was approved before, without votes; a model without a number, to the one before.

        Raises: NotFoundError where none was; PolicyRefusedError for who could not approve it, and where a gate that is
        not waivable does not hold; DamagedError, ConflictError, InvalidError.
        """
        ...

    def promote_in_emergency(
        self, reference: Reference, to_stage: str, *, incident: str, reason: str, token: str
    ) -> RequestDetail:
        """Promote without votes. `token` is one of the actor's own that may decide: a fresh sign-in. Where the policy
        asks for more people, the request stays open until they agree.

        Raises: UnauthenticatedError; PolicyRefusedError where the policy allows none, to this person, or where a gate
        that is not waivable does not hold; DamagedError, ConflictError, InvalidError.
        """
        ...

    def agree_to_emergency(self, emergency_id: str, *, comment: str = "", token: str) -> RequestDetail:
        """Agree that a waiting emergency takes effect; the last person who is needed promotes. `token` as above.

        Raises: UnauthenticatedError; PolicyRefusedError for who may not; ConflictError where it does not wait any more,
        or something changed since it was declared; NotFoundError, DamagedError, InvalidError.
        """
        ...

    def review_emergency(self, emergency_id: str, *, comment: str) -> Emergency:
        """Raises: PolicyRefusedError, ConflictError when it is too late, NotFoundError, InvalidError."""
        ...

    def emergency(self, emergency_id: str) -> Emergency: ...
    def emergencies(self, reference: Reference | None = None) -> Sequence[Emergency]:
        """Of one version, or all; oldest first."""
        ...

    def attest(self, reference: Reference, *, comment: str = "") -> RequestDetail:
        """Approve a version again in its stage, as a vote on the request for it; where none is open, one is opened.

        Raises: NotFoundError where its approval has no end; PolicyRefusedError for who could not approve it;
        DamagedError, ConflictError.
        """
        ...

    def attestations(self, reference: Reference | None = None) -> Sequence[Attestation]:
        """Until when approvals last: of one version, or all, in the order of their due dates."""
        ...

    def report_for_attestation(self, reference: Reference, trigger: str, *, reason: str) -> Sequence[Attestation]:
        """Report `drift_alert` or `licence_changed`: a new approval is due at once where the policy says so.

        A change of the licence reaches everything made from the version too. Gives the attestations of what it reached.
        Raises: InvalidError for any other trigger, and without a reason.
        """
        ...

    def ask_for_waiver(self, reference: Reference, wish: NewWaiver) -> Waiver:
        """Raises: PolicyRefusedError for a gate that the policy does not let anybody waive, or not so long;
        ConflictError where it is waived or asked for already; InvalidError, NotFoundError.
        """
        ...

    def approve_waiver(self, waiver_id: str, *, comment: str = "") -> Waiver:
        """In force with the last approval that is needed. Raises: PolicyRefusedError, ConflictError, NotFoundError."""
        ...

    def end_waiver(self, waiver_id: str, *, comment: str) -> Waiver:
        """Raises: PermissionDeniedError, ConflictError, NotFoundError, InvalidError without a comment."""
        ...

    def waiver(self, waiver_id: str) -> Waiver: ...
    def waivers(self, reference: Reference | None = None) -> Waivers:
        """Of one version; without one, all that are asked for or in force."""
        ...

    def findings(
        self,
        *,
        reference: Reference | None = None,
        owner: str | None = None,
        state: FindingState | None = None,
        page: PageRequest = PageRequest(),
    ) -> Page[Finding]:
        """Newest first."""
        ...

    def finding(self, finding_id: str) -> Finding: ...
    def resolve_finding(self, finding_id: str, *, comment: str) -> Finding:
        """Raises: InvalidError without a comment; ConflictError for one that is resolved; PermissionDeniedError for who
        made the version, unless they raised the finding themselves.
        """
        ...
