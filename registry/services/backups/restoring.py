"""Restoring a backup into a registry folder that is being made: the objects, and a check of everything afterwards."""

from __future__ import annotations

import os

from lineage import Digest
from registry.domain.audit import Event, verify_chain
from registry.domain.backups import Backup, BackupProgress, Signatures
from registry.errors import BackupBrokenError, IntegrityError
from registry.ports.blobs import BlobStore
from registry.services.backups.creating import Watch, witness_of
from registry.services.backups.folder import BackupFolder
from registry.services.backups.verifying import CopiedDatabase, check_contents, fault_of


def require_database(source: BackupFolder, backup: Backup) -> None:
    """Raises: BackupBrokenError unless the copy of the database is there and unchanged."""
    if fault := fault_of(source.database(backup.database), backup.database):
        raise broken((f"The copy of the database {fault}",))


def restore(
    source: BackupFolder,
    backup: Backup,
    digest: Digest,
    blobs: BlobStore,
    database: CopiedDatabase,
    watch: Watch | None,
) -> None:
    """Fill the new store `blobs`, check it and `database` against the backup, and write in the audit log what was done.

    `blobs` need not be durable by itself. Raises: BackupBrokenError.
    """
    signatures, listed, size = source.signatures(backup), source.objects(backup), 0
    for number, one in enumerate(listed, start=1):
        try:
            with source.object(one).open("rb") as stream:
                blobs.put(stream, expected=one)
            size += blobs.verify(one)
        except FileNotFoundError:
            raise broken((f"The object {one.hex} is missing",)) from None
        except IntegrityError as error:
            raise broken((f"The object {one.hex} was changed",)) from error
        if watch is not None:
            watch(BackupProgress(len(listed), number, size))
    os.sync()  # once for all objects
    if problems := tuple(check_contents(database, backup, set(listed), signatures)):
        raise broken(problems)
    new_key = _adopted(database, signatures) if signatures is not None else []
    with database.open_uow(actor="system", write=True) as uow:
        if not verify_chain(uow.audit.entries(), backup.audit, witness_of(signatures)).intact:
            return  # as it was: an entry after a cut or changed one would hide it
        facts = {"backup": str(digest), "made_at": backup.made_at.isoformat(), "made_by": backup.made_by}
        uow.commit(Event("registry.restored", "registry", facts), *new_key)


def _adopted(database: CopiedDatabase, signatures: Signatures) -> list[Event]:
    """Bring back the checkpoints and keys; make a new key where the private one is not among them.

    Gives what the audit log says of that. The public half of the former key stays, and checks what it signed.
    """
    with database.open_uow(actor="system") as uow:
        signing = uow.audit.checkpoints
    if signing is None:
        return []
    signing.adopt(signatures)
    if signatures.private is not None:
        return []
    former = [*map(str, signatures.keys)][-1:]
    return [Event("audit.key_rotated", "audit", {"key": str(signing.rotate()), "former": former})]


def broken(problems: tuple[str, ...]) -> BackupBrokenError:
    """The error for a backup with these problems."""
    return BackupBrokenError(
        f"The backup cannot be restored: {problems[0]}",
        remedy="Nothing was restored. Use another backup; forebear backup verify lists all that is wrong",
        facts={"problems": list(problems)},
    )
