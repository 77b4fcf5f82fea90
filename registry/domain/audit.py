"""The audit log: one entry per change, each with a hash over the one before it.

The body of an entry is RFC 8785 JSON. Its leaf hash is SHA-256(0x00 || body), as in RFC 6962 section 2.1, so that a
Merkle tree can be grown over the same rows later; its entry hash is SHA-256(previous entry hash || leaf hash).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lineage import Digest
from registry.domain.manifests import canonical_json
from registry.errors import AuditBrokenError

GENESIS = Digest(hashlib.sha256(b"forebear/audit/v1").hexdigest())
"""The hash that stands before the first entry."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a verb changed; the commit writes it. `action` is `scope.action`; `subject` a URI or public id."""

    action: str
    subject: str
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row of the chain."""

    seq: int
    body: bytes
    previous: Digest
    leaf: Digest
    entry: Digest


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What verification found: how many entries are valid, and the first that is not (with the reason), if any."""

    entries: int
    head: Digest
    first_bad: int | None = None
    reason: str | None = None

    @property
    def intact(self) -> bool:
        """True when every entry is valid."""
        return self.first_bad is None


def write_entry(seq: int, previous: Digest, event: Event, *, actor: str, at: datetime) -> AuditEntry:
    """The next entry after `previous`. `at` is UTC; it is written to the microsecond. Raises: InvalidError."""
    body = canonical_json(
        {
            "action": event.action,
            "actor": actor,
            "at": at.isoformat(),
            "detail": dict(event.detail),
            "seq": seq,
            "subject": event.subject,
            "v": 1,
        }
    )
    leaf = leaf_hash(body)
    return AuditEntry(seq, body, previous, leaf, chain_hash(previous, leaf))


def leaf_hash(body: bytes) -> Digest:
    """RFC 6962 section 2.1: the hash of a Merkle leaf."""
    return Digest(hashlib.sha256(b"\x00" + body).hexdigest())


def chain_hash(previous: Digest, leaf: Digest) -> Digest:
    """The hash of an entry: SHA-256 over the 32 bytes of the previous entry hash and the 32 bytes of the leaf hash."""
    return Digest(hashlib.sha256(bytes.fromhex(previous.hex) + bytes.fromhex(leaf.hex)).hexdigest())


def verify_chain(entries: Iterable[AuditEntry]) -> AuditReport:
    """Walk the chain from the first row; stop at the first entry that is not valid.

    Law: a row that was changed, inserted, deleted or swapped is found at that row. Only the removal of the newest rows
    is not found: compare `AuditReport.head` with one kept elsewhere.
    """
    head, count = GENESIS, 0
    try:
        for entry in entries:
            reason = _flaw(entry, count + 1, head)
            if reason is not None:
                # A missing row is reported at its own number, any other fault at the row itself: the same number.
                return AuditReport(count, head, count + 1, reason)
            head, count = entry.entry, entry.seq
    except AuditBrokenError as error:  # a row that cannot be read as an entry
        return AuditReport(count, head, count + 1, error.message)
    return AuditReport(count, head)


def _flaw(entry: AuditEntry, expected: int, head: Digest) -> str | None:
    """Why `entry` is not the one that follows `head`, or None."""
    if entry.seq != expected:
        return f"Entry {expected} is missing: the next row is {entry.seq}"
    if entry.previous != head:
        return f"Entry {entry.seq} does not follow entry {expected - 1}"
    if leaf_hash(entry.body) != entry.leaf:
        return f"The body of entry {entry.seq} was changed"
    if chain_hash(entry.previous, entry.leaf) != entry.entry:
        return f"The hash of entry {entry.seq} was changed"
    return None
