"""The verbs of recalls."""

from __future__ import annotations

from dataclasses import dataclass

from registry.domain.catalog.downloads import Download
from registry.domain.governance.advisories import AdvisoryMatch
from registry.domain.governance.recalls import (
    Impact,
    NewDisposition,
    NewRecall,
    Recall,
    RecallDetail,
    RecallState,
    Reversal,
    Task,
)
from registry.domain.names import Reference
from registry.domain.paging import Page, PageRequest
from registry.services.context import Context
from registry.services.downloads import write_downloads
from registry.services.governance.recalls.advisories import match_advisory
from registry.services.governance.recalls.opening import open_recall, preview, recall_of, reverse, show
from registry.services.governance.recalls.tasks import confirm, dispose
from registry.services.governance.statuses import check_may_stop


@dataclass(frozen=True, slots=True)
class Recalls:
    """Implements `RecallVerbs`."""

    context: Context

    def preview(self, wish: NewRecall) -> Impact:
        """What the recall would reach."""
        return preview(self.context, wish)

    def advisory(self, text: str) -> AdvisoryMatch:
        """The versions with what an advisory names."""
        return match_advisory(self.context, text)

    def open(self, wish: NewRecall) -> RecallDetail:
        """Take it back, in one transaction."""
        return open_recall(self.context, wish)

    def list(self, *, state: RecallState | None = None, page: PageRequest = PageRequest()) -> Page[Recall]:
        """Recalls, newest first."""
        with self.context.read() as uow:
            return uow.recalls.recalls(state=state, now=self.context.clock.now(), page=page)

    def show(self, recall_id: str) -> RecallDetail:
        """One recall."""
        return show(self.context, recall_id)

    def tasks(self, recall_id: str, *, unsettled: bool = False, page: PageRequest = PageRequest()) -> Page[Task]:
        """The descendants of what was taken back."""
        now = self.context.clock.now()
        with self.context.read() as uow:
            recall_of(uow, recall_id, now)
            return uow.recalls.tasks(recall_id, unsettled=unsettled, now=now, page=page)

    def downloads(self, recall_id: str, *, page: PageRequest = PageRequest()) -> Page[Download]:
        """Who read files of what the recall reaches."""
        with self.context.read() as uow:
            check_may_stop(uow, self.context.actor)
            recall_of(uow, recall_id, self.context.clock.now())
        write_downloads(self.context)  # what this process has counted since the last minute
        with self.context.read() as uow:
            return uow.recalls.downloads(recall_id, page)

    def dispose(self, recall_id: str, reference: Reference, wish: NewDisposition) -> Task:
        """Say what becomes of a descendant."""
        return dispose(self.context, recall_id, reference, wish)

    def confirm(self, recall_id: str, reference: Reference) -> Task:
        """Confirm what another person proposed."""
        return confirm(self.context, recall_id, reference)

    def reverse(self, recall_id: str, *, reason: str) -> Reversal:
        """Restore what is still as the recall left it."""
        return reverse(self.context, recall_id, reason)
