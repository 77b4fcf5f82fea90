"""The verbs of the audit log: search it, verify it, export it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from lineage import Digest
from registry.domain import verifier
from registry.domain.audit import AuditReport, Event, Proof, SignedCheckpoint, leaf_hash, unrecorded, verify_chain
from registry.domain.catalog.models import HistoryEntry
from registry.domain.merkle import consistency_path, inclusion_path
from registry.domain.paging import Page, PageRequest
from registry.domain.people.people import Permission
from registry.domain.people.teams import TEAM
from registry.errors import NotFoundError, UnavailableError, UsageError
from registry.services.audit.stamping import Authority, verified
from registry.services.audit.state import differences
from registry.services.context import Context
from registry.services.storage.audit import Checkpointing
from registry.services.unit_of_work import UnitOfWork

_TEAM = re.compile(rf"\bteam:({TEAM})")


@dataclass(frozen=True, slots=True)
class Audit:
    """Implements `AuditVerbs`. Nothing here writes an entry but the change of a key: commits do."""

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
        """Check every entry, what the database repeats of it, the record in the registry folder, and the checkpoints.

        With `state`, also whether stages, statuses, aliases, roles, requests, votes, findings, recalls, corrections
        and teams are as they say.

        Raises: AuditBrokenError for a record that cannot be read.
        """
        with self.context.read() as uow:
            kept = uow.audit.kept()  # before the entries are read: what it names must be among them
            signed = uow.audit.checkpoints
            witness = verifier.Witness(signed.all(), signed.keys()) if signed is not None else None
        with self.context.read() as uow:
            report = verify_chain(uow.audit.entries(), kept, witness)
            if signed is not None and report.intact:
                report = verified(report, signed, self.context.settings)
            if state and report.intact:
                subjects = (uow.governance, uow.reviews, uow.recalls, uow.graph, uow.corrections, uow.teams)
                state_now = dict(fact for one in subjects for fact in one.state().items())
                found = differences(uow.audit.entries(), state_now)
                report = replace(report, differences=tuple(one for one in found if not self._hides(one)))
            if report.intact and kept is not None and report.entries > kept.head.seq:
                return _with_record_of_now(report, uow)
        return report

    def _hides(self, sentence: str) -> bool:
        """True for a difference of a team that the person does not see; names of what is in one are covered."""
        return any(self.context.actor.sight.hides(match[1]) for match in _TEAM.finditer(sentence))

    def export(self) -> Iterator[bytes]:
        """One JSON line per entry: `seq`, `body` as the very text that was hashed, and the three hashes in hex."""
        return _lines(self.context.read())  # permission is checked now, before an answer has begun

    def checkpoint(self) -> SignedCheckpoint:
        """Sign the log as it is now; the last checkpoint again when nothing was added since.

        Where a timestamp authority is set, it is asked about the checkpoint. Raises: AuditBrokenError for a log that
        does not begin with what was signed before; UnavailableError, also where the authority gives no timestamp: the
        checkpoint is signed all the same.
        """
        self.context.actor.require(Permission.EDIT)
        signing = self._signing()
        one = signing.take()
        if one is None:
            raise NotFoundError("The audit log is empty", remedy="Its first entry comes with the first change")
        authority = Authority.of(self.context.settings)
        if authority is not None:
            authority.stamp(signing, one)
        return _signed(one, signing.keys(), signing.timestamp(one.size))

    def checkpoints(self) -> Sequence[SignedCheckpoint]:
        """Every checkpoint in the registry folder, oldest first. Raises: AuditBrokenError."""
        self.context.actor.require(Permission.READ)
        signing = self._signing()
        keys, tokens = signing.keys(), signing.timestamps()
        return [_signed(one, keys, tokens.get(one.size)) for one in signing.all()]

    def keys(self) -> Sequence[str]:
        """The public keys that check checkpoints, the present one last. Raises: AuditBrokenError."""
        self.context.actor.require(Permission.READ)
        return [*map(str, self._signing().keys())]

    def verifier(self) -> str:
        """The program that verifies an export and proofs without Forebear: the text of one Python file."""
        self.context.actor.require(Permission.READ)
        return Path(verifier.__file__).read_text("utf-8")

    def rotate_key(self) -> str:
        """Sign with a new key from now on; the log has both. Gives the new public key."""
        signing = self._signing()
        with self.context.write(Permission.ADMIN) as uow:
            former = [*map(str, signing.keys())][-1:]
            key = signing.rotate()
            uow.commit(Event("audit.key_rotated", "audit", {"key": str(key), "former": former}))
        signing.take()
        return str(key)

    def prove(self, seq: int | None = None, *, since: int | None = None) -> Proof:
        """That entry `seq` is in the log of the last checkpoint, or that it begins with that of `since` entries.

        Raises: NotFoundError for no entry, before a checkpoint covers it, or without one of `since`; UsageError.
        """
        self.context.actor.require(Permission.READ)
        if (seq is None) == (since is None):
            raise UsageError(
                "Name an entry or an earlier checkpoint, one of the two", remedy="Run: forebear audit prove 12"
            )
        signed = self._signing().all()
        with self.context.read() as uow:
            return _of_entry(uow, signed, seq) if seq is not None else _of_beginning(uow, signed, since)

    def _signing(self) -> Checkpointing:
        with self.context.open_uow(actor=self.context.actor.handle) as uow:
            if uow.audit.checkpoints is None:
                raise UnavailableError("This database has no registry folder, where checkpoints are kept")
            return uow.audit.checkpoints


def _signed(one: verifier.Checkpoint, keys: Sequence[verifier.PublicKey], token: bytes | None) -> SignedCheckpoint:
    key = next((str(key) for key in keys if any(key.id == number for _, number, _ in one.signatures)), "")
    timestamp = base64.b64encode(token or b"").decode()
    return SignedCheckpoint(one.size, Digest(one.root.hex()), str(one), key, timestamp)


def _of_entry(uow: UnitOfWork, signed: Sequence[verifier.Checkpoint], seq: int) -> Proof:
    size = signed[-1].size if signed else 0
    newest = uow.audit.search(page=PageRequest(1)).items
    if not newest or not 1 <= seq <= newest[0].seq:
        has = f"has entries 1 to {newest[0].seq}" if newest else "is empty"
        raise NotFoundError(f"The audit log has no entry {seq}: it {has}")
    if seq > size:
        raise NotFoundError(f"No checkpoint covers entry {seq}", remedy="Sign one: forebear audit checkpoint")
    path = inclusion_path(uow.audit.node, seq - 1, size)
    entry = next(uow.audit.entries(after=seq - 1))
    if leaf_hash(entry.body) != entry.leaf:
        raise NotFoundError(
            f"A person was erased from entry {seq}, so what it says now is not what was signed",
            remedy="Prove the entry that has the hash of what is left: forebear audit show --action person.erased",
        )
    return Proof(str(signed[-1]), _encoded(path), seq=seq, body=entry.body.decode())


def _of_beginning(uow: UnitOfWork, signed: Sequence[verifier.Checkpoint], entries: int | None) -> Proof:
    former = next((one for one in signed if one.size == entries), None)
    if former is None:
        remedy = "See: forebear audit checkpoint --list"
        raise NotFoundError(f"There is no checkpoint of {entries} entries", remedy=remedy)
    path = consistency_path(uow.audit.node, former.size, signed[-1].size)
    return Proof(str(signed[-1]), _encoded(path), former=str(former))


def _encoded(path: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(base64.b64encode(one).decode() for one in path)


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
