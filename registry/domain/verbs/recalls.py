"""Verbs of recalls, and of the sources of imported versions: what was taken back here, and what changed upstream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

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
from registry.domain.governance.upstream import Pinned, UpstreamCheck, UpstreamNow
from registry.domain.names import Reference
from registry.domain.paging import Page, PageRequest


class RecallVerbs(Protocol):
    """Recalls and their tasks. To open, to reverse and to confirm takes a role that may suspend versions."""

    def preview(self, wish: NewRecall) -> Impact:
        """What the recall would reach; nothing is changed. Raises: NotFoundError when the target matches nothing."""
        ...

    def advisory(self, text: str) -> AdvisoryMatch:
        """The versions with a file, blob or tensor that an advisory (CSAF 2.0, OSV, a list) names by its digest.

        Nothing is changed. Raises: InvalidError, TooLargeError.
        """
        ...

    def open(self, wish: NewRecall) -> RecallDetail:
        """Take it back, with everything that was made from it, in one transaction.

        Raises: NotFoundError, InvalidError without a reason, PermissionDeniedError.
        """
        ...

    def list(self, *, state: RecallState | None = None, page: PageRequest = PageRequest()) -> Page[Recall]:
        """Newest first."""
        ...

    def show(self, recall_id: str) -> RecallDetail: ...
    def tasks(self, recall_id: str, *, unsettled: bool = False, page: PageRequest = PageRequest()) -> Page[Task]:
        """The descendants, as they were marked; `unsettled` leaves out those whose disposition holds."""
        ...

    def downloads(self, recall_id: str, *, page: PageRequest = PageRequest()) -> Page[Download]:
        """Who read files of what the recall reaches, before and since, by version, newest first.

        Raises: NotFoundError; PermissionDeniedError for who may not open recalls.
        """
        ...

    def dispose(self, recall_id: str, reference: Reference, wish: NewDisposition) -> Task:
        """Say what becomes of a descendant. `accept` and `dispute` do nothing until somebody else confirms them.

        Raises: NotFoundError, InvalidError, ConflictError for one that is settled.
        """
        ...

    def confirm(self, recall_id: str, reference: Reference) -> Task:
        """Confirm what another person proposed. Raises: NotFoundError, ConflictError, PermissionDeniedError."""
        ...

    def reverse(self, recall_id: str, *, reason: str) -> Reversal:
        """Give every version that is still as the recall left it its earlier status again.

        Raises: InvalidError without a reason, ConflictError for one that is reversed, PermissionDeniedError.
        """
        ...


class UpstreamVerbs(Protocol):
    """Repositories of the Hub that versions were imported from."""

    def list(self, *, page: PageRequest = PageRequest()) -> Page[Pinned]:
        """Versions of which that is known, by repository."""
        ...

    def pin(self, reference: Reference, source: str) -> Pinned:
        """Say which one a version was imported from, as `hf:org/name@commit`; an import from the Hub's cache says it.

        Raises: InvalidError, NotFoundError, PermissionDeniedError.
        """
        ...

    def check(self, answers: Sequence[UpstreamNow]) -> UpstreamCheck:
        """Raise a finding where a repository was deleted, renamed, licensed otherwise, or its name was taken over.

        What a finding says already, open or resolved, is not raised again.

        Raises: PermissionDeniedError, TooLargeError.
        """
        ...
