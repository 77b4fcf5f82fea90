"""Verbs of the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from registry.domain.audit import AuditReport
from registry.domain.catalog.models import (
    HistoryEntry,
)
from registry.domain.paging import Page, PageRequest


class AuditVerbs(Protocol):
    """The audit log."""

    def search(
        self,
        *,
        subject: str | None = None,
        action: str | None = None,
        actor: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        page: PageRequest = PageRequest(),
    ) -> Page[HistoryEntry]:
        """Newest first. `subject` is exact; `S/*` means S and all under it; `until` is the first moment after."""
        ...

    def verify(self, *, state: bool = False) -> AuditReport:
        """The chain; with `state` also whether the database is what the entries say."""
        ...

    def export(self) -> Iterator[bytes]:
        """The bodies with their hashes as JSON lines, streamed."""
        ...
