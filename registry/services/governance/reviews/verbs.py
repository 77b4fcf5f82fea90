"""The verbs of what is reviewed around a promotion: findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from registry.domain.governance.promotion import RequestDetail
from registry.domain.governance.reviews.attestations import Attestation
from registry.domain.governance.reviews.bypasses import Emergency
from registry.domain.governance.reviews.findings import Finding, FindingState, NewFinding
from registry.domain.governance.reviews.inbox import Inbox
from registry.domain.governance.reviews.past import AsOf
from registry.domain.governance.reviews.ticks import TickReport
from registry.domain.governance.reviews.waivers import NewWaiver, Waiver, Waivers
from registry.domain.names import Reference, model_only
from registry.domain.paging import Page, PageRequest
from registry.services.context import Context
from registry.services.governance.reviews.agreeing import agree_to_emergency
from registry.services.governance.reviews.attestations import report
from registry.services.governance.reviews.due import tick
from registry.services.governance.reviews.emergencies import counted, promote_in_emergency, review_emergency
from registry.services.governance.reviews.findings import add_finding, resolve_finding
from registry.services.governance.reviews.inbox import inbox_of
from registry.services.governance.reviews.past import as_of
from registry.services.governance.reviews.renewals import attest
from registry.services.governance.reviews.rollbacks import roll_back
from registry.services.governance.reviews.waivers import approve_waiver, ask_for_waiver, end_waiver, waivers_on
from registry.services.lookup import found, resolve

__all__ = ["Reviews"]


@dataclass(frozen=True, slots=True)
class Reviews:
    """Implements `ReviewVerbs` over a unit of work."""

    context: Context

    def inbox(self) -> Inbox:
        """The inbox of the actor."""
        return inbox_of(self.context)

    def as_of(self, reference: Reference, at: datetime) -> AsOf:
        """What a version was just before `at`, or the version that an alias named then."""
        return as_of(self.context, reference, at)

    def tick(self) -> TickReport:
        """Do everything that is due by now."""
        return tick(self.context)

    def add_finding(self, reference: Reference, wish: NewFinding) -> Finding:
        """Raise a finding: votes on the version are stale from then on where the policy reads findings."""
        return add_finding(self.context, reference, wish)

    def roll_back(self, reference: Reference, *, comment: str) -> RequestDetail:
        """Promote a version again that was approved before."""
        return roll_back(self.context, reference, comment)

    def promote_in_emergency(
        self, reference: Reference, to_stage: str, *, incident: str, reason: str, token: str
    ) -> RequestDetail:
        """Promote without votes."""
        return promote_in_emergency(self.context, reference, to_stage, incident=incident, reason=reason, token=token)

    def agree_to_emergency(self, emergency_id: str, *, comment: str = "", token: str) -> RequestDetail:
        """Agree that a waiting emergency takes effect."""
        return agree_to_emergency(self.context, emergency_id, comment, token)

    def review_emergency(self, emergency_id: str, *, comment: str) -> Emergency:
        """Agree with an emergency afterwards."""
        return review_emergency(self.context, emergency_id, comment)

    def emergency(self, emergency_id: str) -> Emergency:
        """One emergency."""
        with self.context.read() as uow:
            one = found(uow.reviews.emergency(emergency_id), f"emergency {emergency_id}", see="emergency list")
            return counted(uow, one)

    def emergencies(self, reference: Reference | None = None) -> Sequence[Emergency]:
        """Of one version, or all; oldest first."""
        with self.context.read() as uow:
            ref = resolve(uow, model_only(reference)) if reference is not None else None
            return [counted(uow, one) for one in uow.reviews.emergencies(ref)]

    def attest(self, reference: Reference, *, comment: str = "") -> RequestDetail:
        """Approve a version again in its stage."""
        return attest(self.context, reference, comment)

    def attestations(self, reference: Reference | None = None) -> Sequence[Attestation]:
        """Of one version, or all, in the order of their due dates."""
        with self.context.read() as uow:
            if reference is None:
                return uow.reviews.attestations()
            held = uow.reviews.attestation(resolve(uow, model_only(reference)))
            return [held] if held is not None else []

    def report_for_attestation(self, reference: Reference, trigger: str, *, reason: str) -> Sequence[Attestation]:
        """Report what happened outside the registry."""
        return report(self.context, reference, trigger, reason)

    def ask_for_waiver(self, reference: Reference, wish: NewWaiver) -> Waiver:
        """Ask that a version is excepted from a gate."""
        return ask_for_waiver(self.context, reference, wish)

    def approve_waiver(self, waiver_id: str, *, comment: str = "") -> Waiver:
        """Agree to a waiver."""
        return approve_waiver(self.context, waiver_id, comment)

    def end_waiver(self, waiver_id: str, *, comment: str) -> Waiver:
        """End a waiver at once."""
        return end_waiver(self.context, waiver_id, comment)

    def waiver(self, waiver_id: str) -> Waiver:
        """One waiver."""
        with self.context.read() as uow:
            return found(uow.reviews.waiver(waiver_id), f"waiver {waiver_id}", see="waiver list")

    def waivers(self, reference: Reference | None = None) -> Waivers:
        """Of one version, with those that its ancestors carry; without one, all that are asked for or in force."""
        now = self.context.clock.now()
        with self.context.read() as uow:
            if reference is not None:
                return waivers_on(uow, resolve(uow, model_only(reference)), now)
            every = (*uow.reviews.waivers_asked(), *uow.reviews.waivers_granted())
            return Waivers(tuple(one for one in every if one.state(now) in {"asked", "in force"}))

    def findings(
        self,
        *,
        reference: Reference | None = None,
        owner: str | None = None,
        state: FindingState | None = None,
        page: PageRequest = PageRequest(),
    ) -> Page[Finding]:
        """Findings, newest first; about one version, of one owner, in one state."""
        with self.context.read() as uow:
            ref = resolve(uow, reference) if reference is not None else None
            return uow.reviews.findings(ref=ref, owner=owner, state=state, now=self.context.clock.now(), page=page)

    def finding(self, finding_id: str) -> Finding:
        """One finding."""
        with self.context.read() as uow:
            return found(uow.reviews.finding(finding_id), f"finding {finding_id}", see="finding list")

    def resolve_finding(self, finding_id: str, *, comment: str) -> Finding:
        """Say that it was put right, and how. What it was the condition of is revoked first where it is overdue."""
        if self.finding(finding_id).overdue(self.context.clock.now()):
            tick(self.context.without_terms())
        return resolve_finding(self.context, finding_id, comment)
