"""What is reviewed around a promotion, as storage keeps it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from lineage import NodeId
from registry.domain.governance.reviews.attestations import Attestation
from registry.domain.governance.reviews.bypasses import Emergency, EmergencyAgreement, EmergencyReview
from registry.domain.governance.reviews.findings import Finding, FindingState
from registry.domain.governance.reviews.waivers import Waiver, WaiverApproval
from registry.domain.names import VersionRef
from registry.domain.paging import Page, PageRequest

FINDING, WAIVER, EMERGENCY, ATTESTATION = "finding ", "waiver ", "emergency ", "attestation of "
"""How the names of facts about them begin; see `services.audit.state`."""


class ReviewRepository(Protocol):
    """Findings, waivers and emergencies."""

    def add_finding(self, value: Finding) -> None: ...
    def finding(self, finding_id: str) -> Finding | None: ...
    def findings_about(self, ref: VersionRef) -> Sequence[Finding]:
        """Every finding about one version, oldest first."""
        ...

    def open_findings(self, nodes: Sequence[NodeId]) -> Mapping[NodeId, int]:
        """By node, how many findings about it are open; nodes without one are left out."""
        ...

    def findings(
        self,
        *,
        ref: VersionRef | None,
        owner: str | None,
        state: FindingState | None,
        now: datetime,
        page: PageRequest,
    ) -> Page[Finding]:
        """Newest first; what is overdue is so at `now`."""
        ...

    def resolve_finding(self, finding_id: str, *, by: str, comment: str, at: datetime) -> None:
        """Raises: ConflictError for one that is resolved already."""
        ...

    def add_waiver(self, value: Waiver) -> None: ...
    def waiver(self, waiver_id: str) -> Waiver | None: ...
    def waivers_about(self, ref: VersionRef) -> Sequence[Waiver]:
        """Every waiver of one version, oldest first."""
        ...

    def waivers_granted(self) -> Sequence[Waiver]:
        """Every waiver that was granted and not ended, of all versions; there are few."""
        ...

    def waivers_asked(self) -> Sequence[Waiver]:
        """Every waiver that was neither granted nor ended."""
        ...

    def add_waiver_approval(self, waiver_id: str, approval: WaiverApproval) -> None: ...
    def grant_waiver(self, waiver_id: str, *, at: datetime) -> None: ...
    def end_waiver(self, waiver_id: str, *, by: str, at: datetime) -> None:
        """Raises: ConflictError for one that was ended."""
        ...

    def add_emergency(self, value: Emergency) -> None: ...
    def emergency(self, emergency_id: str) -> Emergency | None: ...
    def emergencies(self, ref: VersionRef | None) -> Sequence[Emergency]:
        """Of one version, or all; oldest first."""
        ...

    def emergencies_open(self) -> Sequence[Emergency]:
        """Those that were neither reviewed nor closed, and those that wait for more people; there are few."""
        ...

    def add_emergency_agreement(self, emergency_id: str, agreement: EmergencyAgreement) -> None: ...
    def emergency_takes_effect(self, emergency_id: str, *, at: datetime, due_at: datetime) -> None:
        """Enough people want it: its time begins."""
        ...

    def add_emergency_review(self, emergency_id: str, review: EmergencyReview) -> None: ...
    def close_emergency(
        self, emergency_id: str, *, reviewed_at: datetime | None = None, lapsed_at: datetime | None = None
    ) -> None: ...
    def save_attestation(self, value: Attestation) -> None:
        """Keep it in place of the one that the version has, if it has one."""
        ...

    def drop_attestation(self, ref: VersionRef) -> None: ...
    def attestation(self, ref: VersionRef) -> Attestation | None: ...
    def attestations(
        self,
        *,
        of: Collection[VersionRef] | None = None,
        warn_by: datetime | None = None,
        due_by: datetime | None = None,
    ) -> Sequence[Attestation]:
        """Of live versions, in the order of their due dates; those to ask about by `warn_by`, or due by `due_by`.

        With `of`, those of these versions alone.
        """
        ...

    def broken_conditions(self, now: datetime) -> Sequence[str]:
        """The ids of promoted requests of which a condition is overdue at `now`, in the order of their due dates."""
        ...

    def revoke_request(self, request_id: str) -> None:
        """Mark a promoted request as revoked."""
        ...

    def state(self) -> Mapping[str, str]:
        """What the tables say, by the names above."""
        ...
