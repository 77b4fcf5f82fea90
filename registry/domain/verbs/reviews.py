"""Verbs of what is reviewed around a promotion: the inbox, and findings."""

from __future__ import annotations

from typing import Protocol

from registry.domain.governance.findings import Finding, FindingState, NewFinding
from registry.domain.governance.inbox import Inbox
from registry.domain.governance.ticks import TickReport
from registry.domain.names import Reference
from registry.domain.paging import Page, PageRequest


class ReviewVerbs(Protocol):
    """The inbox of one person, and findings about versions."""

    def inbox(self) -> Inbox:
        """What waits for whoever asks, what they requested, and which of their votes went stale."""
        ...

    def tick(self) -> TickReport:
        """Do everything that is due by now: the server does it each minute. Doing it twice does nothing more."""
        ...

    def add_finding(self, reference: Reference, wish: NewFinding) -> Finding:
        """Raises: NotFoundError; InvalidError for a due date that is past, or an owner who is not known."""
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
