"""Verbs of the audit log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Protocol

from registry.domain.audit import AuditReport, Proof, SignedCheckpoint
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

    def checkpoint(self) -> SignedCheckpoint:
        """Sign the log as it is now; the last checkpoint again when nothing was added since."""
        ...

    def checkpoints(self) -> Sequence[SignedCheckpoint]:
        """Every checkpoint in the registry folder, oldest first."""
        ...

    def keys(self) -> Sequence[str]:
        """The public keys that check checkpoints, the present one last."""
        ...

    def rotate_key(self) -> str:
        """Sign with a new key from now on; the log has both. Gives the new public key."""
        ...

    def verifier(self) -> str:
        """The program that verifies an export and proofs without Forebear: the text of one Python file."""
        ...

    def prove(self, seq: int | None = None, *, since: int | None = None) -> Proof:
        """That entry `seq` is in the log of the last checkpoint, or that it begins with that of `since` entries."""
        ...
