"""The verbs of the audit log, of the stored objects and of backups over HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from registry.client.transport.addresses import paging
from registry.client.transport.connection import LONG, Connection
from registry.domain.audit import AuditReport, Proof, SignedCheckpoint
from registry.domain.backups import BackupProgress, BackupReport
from registry.domain.catalog.models import HistoryEntry
from registry.domain.objects import CheckReport, CollectReport, RepairReport, StoreCheck, StoreStats
from registry.domain.paging import Page, PageRequest
from registry.domain.verbs.store import GRACE
from registry.errors import NotRemoteError

PIECE = 20
"""Seconds of one request that checks stored objects."""


@dataclass(frozen=True, slots=True)
class RemoteAudit:
    """Implements `AuditVerbs`."""

    server: Connection

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
        params = {"subject": subject, "action": action, "actor": actor, "since": since, "until": until, **paging(page)}
        return self.server.get(Page[HistoryEntry], "/audit", params)

    def verify(self, *, state: bool = False) -> AuditReport:
        answer = self.server.request("GET", "/audit/verify", params={"state": state}, seconds=LONG)
        return self.server.read(AuditReport, answer)

    def export(self) -> Iterator[bytes]:
        """The lines as they come. One that is cut off raises ServerUnreachableError; begin again then."""
        with self.server.stream("/audit/export", seconds=LONG) as response:
            yield from response.iter_bytes()

    def checkpoint(self) -> SignedCheckpoint:
        return self.server.send(SignedCheckpoint, "POST", "/audit/checkpoints")

    def checkpoints(self) -> Sequence[SignedCheckpoint]:
        return self.server.get(list[SignedCheckpoint], "/audit/checkpoints")

    def keys(self) -> Sequence[str]:
        return self.server.get(list[str], "/audit/keys")

    def verifier(self) -> str:
        return self.server.request("GET", "/audit/verifier").decode()

    def rotate_key(self) -> str:
        raise NotRemoteError(
            "The key that signs the audit log is in the registry folder",
            remedy="Change it on the machine of the registry folder: forebear --home FOLDER audit rotate-key",
        )

    def prove(self, seq: int | None = None, *, since: int | None = None) -> Proof:
        return self.server.get(Proof, "/audit/proof", {"seq": seq, "since": since})


@dataclass(frozen=True, slots=True)
class RemoteStore:
    """Implements `StoreVerbs`. A check runs on the server, piece by piece, so that no request takes long."""

    server: Connection

    def verify(
        self,
        *,
        restart: bool = False,
        rate: int | None = None,
        seconds: float | None = None,
        watch: Callable[[StoreCheck], None] | None = None,
    ) -> CheckReport:
        deadline = None if seconds is None else time.monotonic() + seconds
        report, restored = self._go_on(restart, rate, seconds), dict[object, None]()
        while True:
            restored |= dict.fromkeys(report.restored)
            if watch is not None:
                watch(report.check)
            left = None if deadline is None else deadline - time.monotonic()
            if report.check.ended_at is not None or (left is not None and left <= 0):
                return replace(report, restored=tuple(restored))  # type: ignore[arg-type]  # they are version refs
            report = self._go_on(False, rate, left)

    def _go_on(self, restart: bool, rate: int | None, left: float | None) -> CheckReport:
        piece = PIECE if left is None else max(1, min(PIECE, round(left)))
        params = {"seconds": piece, "restart": restart, "rate": rate}
        return self.server.send(CheckReport, "POST", "/store/check", params=params, seconds=LONG)

    def last_check(self) -> CheckReport | None:
        answer = self.server.request("GET", "/store/check")
        return None if json.loads(answer) is None else self.server.read(CheckReport, answer)

    def repair(self, source: Path, *, origin: str | None = None) -> RepairReport:  # noqa: ARG002 - as of the verb
        raise NotRemoteError(
            f"The server cannot read the folder {source} of this machine",
            remedy="Repair on the machine of the registry folder: forebear --home FOLDER store repair --from BACKUP",
        )

    def collect(self, *, grace: timedelta = GRACE, delete: bool = False) -> CollectReport:
        params = {"grace": int(grace.total_seconds()), "delete": delete}
        return self.server.send(CollectReport, "POST", "/store/collect", params=params, seconds=LONG)

    def stats(self) -> StoreStats:
        return self.server.get(StoreStats, "/store/stats")


@dataclass(frozen=True, slots=True)
class RemoteBackups:
    """Implements `BackupVerbs`: a backup is written where the registry folder is."""

    server: Connection

    def create(
        self,
        folder: Path,
        *,
        signing_key: bool = False,  # noqa: ARG002 - the verb's own signature
        watch: Callable[[BackupProgress], None] | None = None,  # noqa: ARG002 - as above
    ) -> BackupReport:
        raise NotRemoteError(
            f"The server cannot write into the folder {folder} of this machine",
            remedy="Back up on the machine of the registry folder: forebear --home FOLDER backup create TARGET",
        )
