"""The verbs of the audit log: search it, verify it, export it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from registry.domain.audit import AuditReport, verify_chain
from registry.domain.catalog.models import HistoryEntry
from registry.domain.paging import Page, PageRequest
from registry.services.context import Context
from registry.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Audit:
    """Implements `AuditVerbs`. Nothing here writes: commits do."""

    context: Context

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
        with self.context.read() as uow:
            return uow.audit.search(subject=subject, action=action, actor=actor, since=since, until=until, page=page)

    def verify(self) -> AuditReport:
        """Check every entry; compare `head` with one kept elsewhere to see whether the newest entries were replaced."""
        with self.context.read() as uow:
            return verify_chain(uow.audit.entries())

    def export(self) -> Iterator[bytes]:
        """One JSON line per entry: `seq`, `body` as the very text that was hashed, and the three hashes in hex."""
        return _lines(self.context.read())  # permission is checked now, before an answer has begun


def _lines(opened: UnitOfWork) -> Iterator[bytes]:
    with opened as uow:
        for entry in uow.audit.entries():
            line = {
                "seq": entry.seq,
                "body": entry.body.decode(),
                "previous": entry.previous.hex,
                "leaf": entry.leaf.hex,
                "entry": entry.entry.hex,
            }
            yield json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
