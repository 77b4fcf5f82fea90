"""The audit log: one entry per change, each with a hash over the one before it.

The body of an entry is RFC 8785 JSON. Its leaf hash is SHA-256(0x00 || body), as in RFC 6962 section 2.1, so that a
Merkle tree grows over the same rows; its entry hash is SHA-256(previous entry hash || leaf hash).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import NamedTuple

from lineage import Digest
from registry.domain import verifier
from registry.domain.credentials import cleaned_facts
from registry.domain.manifests import canonical_json
from registry.errors import AuditBrokenError

GENESIS = Digest(verifier.GENESIS.hex())
"""The hash that stands before the first entry."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a verb changed; the commit writes it. `action` is `scope.action`; `subject` a URI or public id."""

    action: str
    subject: str
    detail: Mapping[str, object] = field(default_factory=dict)

    def without_credentials(self) -> Event:
        """As it is written: entries are kept for ever and exported."""
        return replace(self, detail=cleaned_facts(self.detail))


@dataclass(slots=True)  # not frozen: that takes three times as long to make, for a million entries
class SearchColumns:
    """What the database repeats of an entry's body, to find it by."""

    subject: str
    action: str
    actor: str
    at: datetime


@dataclass(slots=True)  # not frozen, as above
class AuditEntry:
    """One row of the chain. `columns` is None for an entry that was not read from the database."""

    seq: int
    body: bytes
    previous: Digest
    leaf: Digest
    entry: Digest
    columns: SearchColumns | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The newest entry: its number (0 before the first) and its hash."""

    seq: int
    entry: Digest


BEGINNING = Head(0, GENESIS)
"""Where a log begins."""


@dataclass(frozen=True, slots=True)
class Span:
    """The entries from `first` to `last`."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class HeadRecord:
    """The newest entry as kept outside the database, and the entries that were written without keeping them there."""

    head: Head
    gaps: tuple[Span, ...] = ()

    def advanced(self, before: Head, after: Head) -> HeadRecord:
        """The record after a commit that appended the entries `before.seq + 1` to `after.seq`.

        Two processes may keep their records in another order than they committed: the later one first leaves a gap,
        which the earlier one closes. A record that the commit contradicts (the log was cut or rewritten) stays.
        """
        mine = Span(before.seq + 1, after.seq)
        if self.head == before:
            return HeadRecord(after, self.gaps)
        if self.head.seq >= before.seq:
            return HeadRecord(self.head, tuple(part for gap in self.gaps for part in _without(gap, mine)))
        return HeadRecord(after, (*self.gaps, Span(self.head.seq + 1, before.seq)))


def _without(gap: Span, mine: Span) -> Iterator[Span]:
    if gap.first < mine.first:
        yield Span(gap.first, min(gap.last, mine.first - 1))
    if gap.last > mine.last:
        yield Span(max(gap.first, mine.last + 1), gap.last)


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What verification found: how many entries are valid, and the first that is not (with the reason), if any.

    `warnings` are what the chain alone cannot decide, for example entries that another program may have written.
    """

    entries: int
    head: Digest
    first_bad: int | None = None
    reason: str | None = None
    warnings: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    """Where the database differs from what the log says; only when it was asked for."""
    checkpoints: int = 0
    """Signed checkpoints that the log agrees with."""
    timestamps: int = 0
    """Checkpoints with a timestamp that verifies."""
    erased: int = 0
    """Entries from which a person was erased: their hashes are as they were; a later entry has those of the rest."""

    @property
    def intact(self) -> bool:
        """True when every entry is valid."""
        return self.first_bad is None


def write_entry(seq: int, previous: Digest, event: Event, *, actor: str, at: datetime, salt: str) -> AuditEntry:
    """The next entry after `previous`. `at` is UTC; it is written to the microsecond. Raises: InvalidError.

    `salt` is random: without it, who has the hash of an entry from which a person was erased could guess the handle.
    """
    body = canonical_json(
        {
            "action": event.action,
            "actor": actor,
            "at": at.isoformat(),
            "detail": dict(event.detail),
            "salt": salt,
            "seq": seq,
            "subject": event.subject,
            "v": _SALTED,
        }
    )
    leaf = leaf_hash(body)
    return AuditEntry(seq, body, previous, leaf, chain_hash(previous, leaf))


def leaf_hash(body: bytes) -> Digest:
    """RFC 6962 section 2.1: the hash of a Merkle leaf."""
    return Digest(verifier.leaf_hash(body).hex())


def chain_hash(previous: Digest, leaf: Digest) -> Digest:
    """The hash of an entry: SHA-256 over the 32 bytes of the previous entry hash and the 32 bytes of the leaf hash."""
    return Digest(verifier.chain_hash(bytes.fromhex(previous.hex), bytes.fromhex(leaf.hex)).hex())


def verify_chain(
    entries: Iterable[AuditEntry],
    kept: HeadRecord | None = None,
    witness: verifier.Witness | None = None,
    *,
    since: Head = BEGINNING,
) -> AuditReport:
    """Walk the chain from the row after `since`; stop at the first entry that is not valid.

    Law: a row that was changed, inserted, deleted or swapped is found at that row, and so is one whose search columns
    do not repeat its body. The removal or replacement of the newest rows is found against `kept`, the head that was
    kept outside the database, up to the entry that it names, and against the signed checkpoints of `witness`.
    """
    erasures = verifier.Erasures()
    report = _walked(entries, kept, witness or verifier.Witness((), ()), erasures, since)
    unexplained = erasures.fault()
    if unexplained is not None:
        valid, head, fault = unexplained
        return AuditReport(valid, Digest(head.hex()), *fault)
    return replace(report, erased=erasures.count)


def _walked(
    entries: Iterable[AuditEntry],
    kept: HeadRecord | None,
    witness: verifier.Witness,
    erasures: verifier.Erasures,
    since: Head,
) -> AuditReport:
    head, count = since.entry, since.seq
    try:
        for entry in entries:
            reason = _flaw(entry, count + 1, head, erasures) or _unlike(entry, kept)
            if reason is not None:
                # A missing row is reported at its own number, any other fault at the row itself: the same number.
                return AuditReport(count, head, count + 1, reason)
            fault = witness.add(bytes.fromhex(entry.leaf.hex))
            if fault is not None:
                return AuditReport(count, head, *fault)
            head, count = entry.entry, entry.seq
    except AuditBrokenError as error:  # a row that cannot be read as an entry
        return AuditReport(count, head, count + 1, error.message)
    if kept is not None and kept.head.seq > count:
        reason = (
            f"{verifier.span(count + 1, kept.head.seq)} missing: the registry folder recorded entry {kept.head.seq}"
        )
        return AuditReport(count, head, count + 1, reason)
    fault = witness.end()
    if fault is not None:
        return AuditReport(count, head, *fault)
    return AuditReport(count, head, warnings=tuple(unrecorded(kept, count)), checkpoints=witness.agreed)


def _unlike(entry: AuditEntry, kept: HeadRecord | None) -> str | None:
    """Why `entry` is not the one that was recorded outside the database, or None."""
    if kept is None or entry.seq != kept.head.seq or entry.entry == kept.head.entry:
        return None
    return f"Entry {entry.seq} is not the one that the registry folder recorded: the log was rewritten"


def unrecorded(kept: HeadRecord | None, count: int) -> Iterator[str]:
    """A sentence for each span of the first `count` entries that the record outside the database does not know."""
    if kept is None:
        if count:
            yield "The registry folder has no record of the newest entry: it is written with the next change"
        return
    gaps = kept.gaps
    if count > kept.head.seq:
        gaps = (*gaps, Span(kept.head.seq + 1, count))
    for gap in gaps:
        yield (
            f"{verifier.span(gap.first, gap.last)} not recorded in the registry folder: a process ended just after its "
            "commit, or another program wrote to the database"
        )


def _flaw(entry: AuditEntry, expected: int, head: Digest, erasures: verifier.Erasures) -> str | None:
    """Why `entry` is not the one that follows `head`, or None; a later entry may account for a changed body."""
    if entry.seq != expected:
        return f"Entry {expected} is missing: the next row is {entry.seq}"
    if entry.previous.hex != head.hex:
        return f"Entry {entry.seq} does not follow entry {expected - 1}"
    leaf, previous = bytes.fromhex(entry.leaf.hex), bytes.fromhex(head.hex)
    if sha256(b"\x00" + entry.body).digest() != leaf:
        erasures.changed(entry.seq, entry.body, previous)
    if sha256(previous + leaf).hexdigest() != entry.entry.hex:
        return f"The hash of entry {entry.seq} was changed"
    return _misread(entry, erasures)


def _misread(entry: AuditEntry, erasures: verifier.Erasures) -> str | None:
    """Why the body of a row whose hashes fit is not what Forebear writes, or what the row repeats of it, or None."""
    try:
        body = read_body(entry.body)
    except AuditBrokenError:
        return f"The body of entry {entry.seq} is not what Forebear writes"
    if body.seq != entry.seq:
        return f"The body of entry {entry.seq} says that it is entry {body.seq}"
    if entry.columns is not None and entry.columns != body.columns:
        return f"The columns that find entry {entry.seq} do not repeat its body"
    if body.columns.action == verifier.ERASED:
        erasures.read(entry.seq, {"action": verifier.ERASED, "detail": body.detail})
    return None


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """The first `entries` entries of the log, under one root hash, signed: a C2SP tlog-checkpoint."""

    entries: int
    root: Digest
    note: str
    """The signed text itself."""
    key: str
    """The public key that checks it, as `NAME+ID+BASE64`."""
    timestamp: str = ""
    """What a timestamp authority answered about it (RFC 3161, section 2.4.2), DER as Base64; empty where none did."""


@dataclass(frozen=True, slots=True)
class Proof:
    """That an entry is in the log, or that a log begins with an earlier one; the verifier reads it as JSON."""

    checkpoint: str
    path: tuple[str, ...]
    """Hashes in base64, as RFC 6962 orders them."""
    seq: int | None = None
    body: str | None = None
    former: str | None = None
    """The earlier checkpoint, in a proof of consistency."""


class Body(NamedTuple):
    """The body of an entry, read."""

    seq: int
    columns: SearchColumns
    detail: Mapping[str, object]


_SALTED = 2
"""The version of bodies that have a random number; those of version 1 have none."""


def read_body(body: bytes) -> Body:
    """The parts of an entry's body. Raises: AuditBrokenError for bytes that Forebear does not write."""
    try:
        text = body.decode()
        parts, end = _DECODER.raw_decode(text)
        seq, version, detail = parts["seq"], parts["v"], parts["detail"]
        subject, action, actor, at = parts["subject"], parts["action"], parts["actor"], parts["at"]
        moment = datetime.fromisoformat(at)
        salt, fields = (parts["salt"], 8) if version == _SALTED else ("", 7)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise AuditBrokenError("The body of an entry cannot be read") from error
    if not (
        end == len(text)
        and len(parts) == fields
        and type(subject) is type(action) is type(actor) is type(salt) is str
        and type(seq) is type(version) is int
        and 1 <= version <= _SALTED
        and type(detail) is dict
        and moment.tzinfo is not None
    ):
        raise AuditBrokenError("The body of an entry has other fields than Forebear writes")
    return Body(seq, SearchColumns(subject, action, actor, moment), detail)


_DECODER = json.JSONDecoder()
