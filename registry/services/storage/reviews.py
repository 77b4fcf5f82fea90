"""What is reviewed around a promotion, as storage keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from registry.domain.governance.findings import Finding, FindingState
from registry.domain.names import VersionRef
from registry.domain.paging import Page, PageRequest

FINDING = "finding "
"""How the names of facts about findings begin; see `services.audit.state`."""


class ReviewRepository(Protocol):
    """Findings."""

    def add_finding(self, value: Finding) -> None: ...
    def finding(self, finding_id: str) -> Finding | None: ...
    def findings_about(self, ref: VersionRef) -> Sequence[Finding]:
        """Every finding about one version, oldest first."""
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

    def broken_conditions(self, now: datetime) -> Sequence[str]:
        """The ids of promoted requests of which a condition is overdue at `now`, in the order of their due dates."""
        ...

    def revoke_request(self, request_id: str) -> None:
        """Mark a promoted request as revoked."""
        ...

    def state(self) -> Mapping[str, str]:
        """What the tables say, by the names above."""
        ...
