"""The verbs of the audit log: search it, verify it, export it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from registry.domain.audit import AuditReport, unrecorded, verify_chain
from registry.domain.catalog.models import HistoryEntry
from registry.domain.paging import Page, PageRequest
from registry.services.audit.state import differences
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

    def verify(self, *, state: bool = False) -> AuditReport:
        """Check every entry, what the database repeats of it, and the newest against the record in the registry folder.

        With `state`, also whether stages, statuses, aliases, roles, requests, votes and findings are what they say.

        Raises: AuditBrokenError for a record that cannot be read.
        """
        with self.context.read() as uow:
            kept = uow.audit.kept()  # before the entries are read: what it names must be among them
        with self.context.read() as uow:
            report = verify_chain(uow.audit.entries(), kept)
            if state and report.intact:
                state_now = {**uow.governance.state(), **uow.reviews.state()}
                report = replace(report, differences=differences(uow.audit.entries(), state_now))
            if report.intact and kept is not None and report.entries > kept.head.seq:
                return _with_record_of_now(report, uow)
        return report

    def export(self) -> Iterator[bytes]:
        """One JSON line per entry: `seq`, `body` as the very text that was hashed, and the three hashes in hex."""
        return _lines(self.context.read())  # permission is checked now, before an answer has begun


def _with_record_of_now(report: AuditReport, uow: UnitOfWork) -> AuditReport:
    """Entries that were committed after the record was read are in the record of now."""
    now = uow.audit.kept()
    if now is None or now.head.seq < report.entries:
        return report
    return replace(report, warnings=tuple(unrecorded(now, report.entries)))


def _lines(opened: AbstractContextManager[UnitOfWork]) -> Iterator[bytes]:
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
