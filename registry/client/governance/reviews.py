"""The verbs of the inbox, of findings and of waivers over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from registry.client.transport.addresses import paging, part
from registry.client.transport.connection import LONG, Connection, signed_in
from registry.domain.codec import to_json
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


@dataclass(frozen=True, slots=True)
class RemoteReviews:
    """Implements `ReviewVerbs`."""

    server: Connection

    def inbox(self) -> Inbox:
        """What waits for whoever asks."""
        return self.server.get(Inbox, "/inbox")

    def as_of(self, reference: Reference, at: datetime) -> AsOf:
        """What a version was at a moment."""
        return self.server.get(AsOf, "/as-of", {"reference": reference, "at": at})

    def tick(self) -> TickReport:
        """Do what is due by now."""
        return self.server.send(TickReport, "POST", "/tick", seconds=LONG)

    def add_finding(self, reference: Reference, wish: NewFinding) -> Finding:
        """Raise a finding."""
        return self.server.send(Finding, "POST", "/findings", {"reference": str(reference), **to_json(wish)})

    def findings(
        self,
        *,
        reference: Reference | None = None,
        owner: str | None = None,
        state: FindingState | None = None,
        page: PageRequest = PageRequest(),
    ) -> Page[Finding]:
        """Newest first."""
        params = {"reference": reference, "owner": owner, "state": state, **paging(page)}
        return self.server.get(Page[Finding], "/findings", params)

    def finding(self, finding_id: str) -> Finding:
        """One finding."""
        return self.server.get(Finding, f"/findings/{part(finding_id)}")

    def resolve_finding(self, finding_id: str, *, comment: str) -> Finding:
        """Say that it was put right."""
        return self.server.send(Finding, "POST", f"/findings/{part(finding_id)}/resolve", {"comment": comment})

    def attest(self, reference: Reference, *, comment: str = "") -> RequestDetail:
        """Approve a version again in its stage."""
        body = {"reference": str(reference), "comment": comment}
        return self.server.send(RequestDetail, "POST", "/attestations", body, seconds=LONG)

    def attestations(self, reference: Reference | None = None) -> Sequence[Attestation]:
        """Of one version, or all."""
        return self.server.get(tuple[Attestation, ...], "/attestations", {"reference": reference})

    def report_for_attestation(self, reference: Reference, trigger: str, *, reason: str) -> Sequence[Attestation]:
        """Report what happened outside the registry."""
        body = {"reference": str(reference), "trigger": trigger, "reason": reason}
        return self.server.send(tuple[Attestation, ...], "POST", "/attestations/report", body)

    def ask_for_waiver(self, reference: Reference, wish: NewWaiver) -> Waiver:
        """Ask that a version is excepted from a gate."""
        return self.server.send(Waiver, "POST", "/waivers", {"reference": str(reference), **to_json(wish)})

    def approve_waiver(self, waiver_id: str, *, comment: str = "") -> Waiver:
        """Agree to a waiver."""
        return self.server.send(Waiver, "POST", f"/waivers/{part(waiver_id)}/approve", {"comment": comment})

    def end_waiver(self, waiver_id: str, *, comment: str) -> Waiver:
        """End a waiver at once."""
        return self.server.send(Waiver, "POST", f"/waivers/{part(waiver_id)}/end", {"comment": comment})

    def waiver(self, waiver_id: str) -> Waiver:
        """One waiver."""
        return self.server.get(Waiver, f"/waivers/{part(waiver_id)}")

    def waivers(self, reference: Reference | None = None) -> Waivers:
        """Of one version, or all that are asked for or in force."""
        return self.server.get(Waivers, "/waivers", {"reference": reference})

    def roll_back(self, reference: Reference, *, comment: str) -> RequestDetail:
        """Promote a version again that was approved before."""
        body = {"reference": str(reference), "comment": comment}
        return self.server.send(RequestDetail, "POST", "/rollbacks", body, seconds=LONG)

    def promote_in_emergency(
        self, reference: Reference, to_stage: str, *, incident: str, reason: str, token: str
    ) -> RequestDetail:
        """Promote without votes."""
        body = {"reference": str(reference), "to_stage": to_stage, "incident": incident, "reason": reason}
        return signed_in(self.server, RequestDetail, "POST", "/emergencies", body, token)

    def agree_to_emergency(self, emergency_id: str, *, comment: str = "", token: str) -> RequestDetail:
        """Agree that a waiting emergency takes effect."""
        path = f"/emergencies/{part(emergency_id)}/agree"
        return signed_in(self.server, RequestDetail, "POST", path, {"comment": comment}, token)

    def review_emergency(self, emergency_id: str, *, comment: str) -> Emergency:
        """Agree with an emergency afterwards."""
        return self.server.send(Emergency, "POST", f"/emergencies/{part(emergency_id)}/review", {"comment": comment})

    def emergency(self, emergency_id: str) -> Emergency:
        """One emergency."""
        return self.server.get(Emergency, f"/emergencies/{part(emergency_id)}")

    def emergencies(self, reference: Reference | None = None) -> Sequence[Emergency]:
        """Of one version, or all; oldest first."""
        return self.server.get(tuple[Emergency, ...], "/emergencies", {"reference": reference})
