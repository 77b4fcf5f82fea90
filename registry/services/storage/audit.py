"""The audit chain as storage keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from registry.domain.audit import AuditEntry, HeadRecord
from registry.domain.catalog.models import (
    HistoryEntry,
)
from registry.domain.paging import Page, PageRequest


class AuditRepository(Protocol):
    """Reads the chain; only `UnitOfWork.commit` writes it."""

    def kept(self) -> HeadRecord | None:
        """The newest entry as recorded outside the database, now (not as of this unit of work); None without record."""
        ...

    def entries(self, *, after: int = 0) -> Iterator[AuditEntry]:
        """All entries with seq > `after`, in order, streamed."""
        ...

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
