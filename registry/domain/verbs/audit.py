"""Verbs of the audit log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from registry.domain.audit import AuditReport
from registry.domain.catalog.models import (
    HistoryEntry,
)
from registry.domain.paging import Page, PageRequest


class AuditVerbs(Protocol):
    """The audit log."""

    def search(self, *, subject: str | None, action: str | None, page: PageRequest) -> Page[HistoryEntry]: ...
    def verify(self) -> AuditReport: ...
    def export(self) -> Iterator[bytes]:
        """The bodies with their hashes as JSON lines, streamed."""
        ...
