"""Evidence, policies, requests and votes as storage keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from registry.domain.governance.promotion import (
    EvidenceValue,
    PolicyValue,
    RequestDetail,
    RequestState,
    RequestSummary,
    Verdict,
    VoteEntry,
)
from registry.domain.names import Name, VersionRef
from registry.domain.paging import Page, PageRequest


class GovernanceRepository(Protocol):
    """Evidence, policies, requests and votes. `lock` serialises decisions about one model."""

    def add_evidence(self, value: EvidenceValue) -> None: ...
    def evidence(self, ref: VersionRef) -> Sequence[EvidenceValue]: ...
    def add_policy(self, value: PolicyValue) -> None: ...
    def policies(self) -> Sequence[PolicyValue]:
        """The newest version of each policy, by name."""
        ...

    def policy(self, name: str, version: int | None = None) -> PolicyValue | None: ...
    def add_request(self, value: RequestDetail) -> None: ...
    def request(self, request_id: str) -> RequestDetail | None:
        """As stored: `verdict` is the last stored one and no vote is marked stale."""
        ...

    def requests(
        self, *, name: Name | None, ref: VersionRef | None, state: RequestState | None, page: PageRequest
    ) -> Page[RequestSummary]:
        """Newest first; of one model (`name`) or of one version (`ref`)."""
        ...

    def add_vote(self, request_id: str, vote: VoteEntry) -> None: ...
    def close_request(self, request_id: str, state: RequestState, verdict: Verdict, *, at: datetime) -> None: ...
    def lock(self, name: Name) -> None:
        """Hold other deciders about this registered model back until this unit of work ends."""
        ...
