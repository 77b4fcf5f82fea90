"""Backups: what one is made of, and what making, verifying or restoring it found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from lineage import Digest
from registry.domain.audit import HeadRecord
from registry.domain.verifier import Checkpoint, PublicKey

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Backup:
    """The whole state of a registry at one moment; `backup.json` in the folder of the backup is the JSON of this."""

    made_at: datetime
    made_by: str
    program: str
    """The version of Forebear that made it."""
    registry: Digest
    """The hash of the first entry of the audit log: which registry it is a backup of."""
    revision: str
    """The revision of the database."""
    database: Digest
    """SHA-256 of the copy of the database, a SQLite file."""
    rows: Mapping[str, int]
    """How many rows each table has."""
    listed: Digest
    """SHA-256 of the list of objects, which has a line for each in the format of `sha256sum`."""
    objects: int
    size: int
    """Bytes of all objects."""
    audit: HeadRecord | None
    """The newest audit entry, as it is recorded outside the database."""
    missing: tuple[Digest, ...] = ()
    """Objects that the registry needed and did not have, or of which it had other bytes."""
    faults: tuple[str, ...] = ()
    """What was missing, damaged or changed in the registry already when this was made: a sentence for each."""
    checkpoints: Digest | None = None
    """SHA-256 of the file of signed checkpoints; None for a registry without them."""
    public_keys: Digest | None = None
    """SHA-256 of the file of public keys that check them; None as above."""
    signing_key: Digest | None = None
    """SHA-256 of the private key that signs checkpoints; None when the backup was made without it."""
    timestamps: Digest | None = None
    """SHA-256 of the file of timestamps of checkpoints; None where there are none."""
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Signatures:
    """The signed checkpoints of an audit log with what checks them, and, where it was asked for, what signs them."""

    checkpoints: tuple[Checkpoint, ...]
    keys: tuple[PublicKey, ...]
    """The present one last."""
    private: bytes | None = None
    """The private key as PEM."""
    timestamps: Mapping[int, bytes] = field(default_factory=dict)
    """By the entries of a checkpoint, what a timestamp authority answered about it."""


@dataclass(frozen=True, slots=True)
class BackupProgress:
    """How many objects were copied or verified, of how many, and their bytes."""

    total: int
    objects: int
    size: int


@dataclass(frozen=True, slots=True)
class BackupReport:
    """A backup, the digest of its `backup.json`, and how much of it this call copied.

    `problems` is what is missing from it or was changed since it was made: a sentence for each.
    """

    backup: Backup
    digest: Digest
    copied: int = 0
    """Objects."""
    copied_size: int = 0
    """Their bytes."""
    problems: tuple[str, ...] = ()
