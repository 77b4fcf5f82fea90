"""Making a backup of a registry that is in use.

The database is copied first, in one transaction that sees one moment; then the objects that it names at that moment.
The store keeps all objects from before the copy of the database until the last object is copied: neither a collection
nor a version that is deleted meanwhile takes one away. What is published meanwhile is in the next backup.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from lineage import Digest
from registry import __version__
from registry.domain.audit import AuditReport, Head, HeadRecord, verify_chain
from registry.domain.backups import Backup, BackupProgress, BackupReport, Signatures
from registry.domain.people.people import Permission
from registry.domain.verifier import Witness
from registry.errors import AuditBrokenError, ConflictError, IntegrityError, NotFoundError
from registry.folders import error_of_disk
from registry.services.backups.folder import BackupFolder, digest_of
from registry.services.context import Context
from registry.services.unit_of_work import UnitOfWork

PAGE = 500
"""Objects that are looked up at once."""
Watch = Callable[[BackupProgress], None]


@dataclass(slots=True)
class _Copied:
    """The objects that are in the backup with their bytes, how many of them are new, and why others are not in it."""

    there: list[Digest] = field(default_factory=list)
    size: int = 0
    copied: int = 0
    copied_size: int = 0
    faults: dict[Digest, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Backups:
    """Implements `BackupVerbs`."""

    context: Context

    def create(self, folder: Path, *, signing_key: bool = False, watch: Watch | None = None) -> BackupReport:
        """Write a backup into `folder`; see `BackupVerbs.create`."""
        self.context.actor.require(Permission.ADMIN)
        target = BackupFolder(folder)
        if target.root == self.context.home or self.context.home in target.root.parents:
            raise ConflictError(
                "A backup inside the registry folder would be lost with it", remedy="Give another folder"
            )
        try:
            with target.locked(), self.context.blobs.keeping():
                return _create(self.context, target, watch, signing_key=signing_key)
        except OSError as error:
            raise error_of_disk(error, f"The backup in {target.root} cannot be written") from error


def _create(context: Context, target: BackupFolder, watch: Watch | None, *, signing_key: bool) -> BackupReport:
    before = target.read()
    signatures, faults = _signatures(context, private=signing_key)  # before the entries that they were signed for
    file = target.incoming(".db")
    try:
        backup, wanted = _snapshot(context, file, signatures)
        if before is not None and before[0].registry != backup.registry:
            raise ConflictError(f"{target.root} has a backup of another registry", remedy="Give another folder")
        known = set(target.objects(before[0])) if before is not None else set()
        done = _copy(context, target, wanted, known, watch)
        file.replace(target.database(backup.database))
    finally:
        file.unlink(missing_ok=True)
    backup = replace(
        backup,
        listed=target.write_list(done.there),
        objects=len(done.there),
        size=done.size,
        missing=tuple(sorted(done.faults)),
        faults=(*faults, *backup.faults, *_sentences(context, done.faults)),
    )
    if signatures is not None:
        backup = target.write_signatures(backup, signatures)
    os.sync()  # once for all objects: one by one would take minutes
    digest = target.write(backup)
    target.prune(done.there)
    return BackupReport(backup, digest, done.copied, done.copied_size)


def _signatures(context: Context, *, private: bool) -> tuple[Signatures | None, tuple[str, ...]]:
    """The checkpoints and keys of the registry folder, and why they cannot be read.

    Raises: AuditBrokenError when the private key is asked for and is not there.
    """
    with context.read() as uow:
        signing = uow.audit.checkpoints
    try:
        return (None, ()) if signing is None or not signing.keys() else (signing.copied(private=private), ())
    except AuditBrokenError as error:
        if private:
            raise
        return None, (error.message,)


def _snapshot(context: Context, file: Path, signatures: Signatures | None) -> tuple[Backup, set[Digest]]:
    """Copy the database into `file`: the backup as far as it is known then, and the objects that it must have."""
    kept, faults = None, list[str]()
    with context.read() as uow:
        try:
            kept = uow.audit.kept()  # before the entries: what it names must be among them
        except AuditBrokenError as error:
            faults.append(error.message)
    with context.read() as uow:
        uow.whole.copy_to(file)
        first, report = _verified(uow, kept, signatures)
        if report.reason is not None:
            faults.append(report.reason)
        backup = Backup(
            made_at=context.clock.now(),
            made_by=context.actor.handle,
            program=__version__,
            registry=first,
            revision=uow.whole.revision(),
            database=digest_of(file),
            rows=uow.whole.rows(),
            listed=first,
            objects=0,
            size=0,
            audit=_record(report, kept),
            faults=tuple(faults),
        )
        return backup, _needed(uow, context)


def _verified(uow: UnitOfWork, kept: HeadRecord | None, signatures: Signatures | None) -> tuple[Digest, AuditReport]:
    """The hash of the first entry, and what is wrong with the log."""
    first = next(uow.audit.entries(), None)
    if first is None:
        raise IntegrityError("The audit log is empty: this database has no registry")
    return first.entry, verify_chain(uow.audit.entries(), kept, witness_of(signatures))


def witness_of(signatures: Signatures | None) -> Witness | None:
    """What compares a log with its checkpoints."""
    return None if signatures is None else Witness(signatures.checkpoints, signatures.keys)


def _record(report: AuditReport, kept: HeadRecord | None) -> HeadRecord | None:
    """The newest entry of an intact log. The record of one that is not intact stays, so that its fault stays known."""
    if not report.intact:
        return kept
    return HeadRecord(Head(report.entries, report.head), kept.gaps if kept is not None else ())


def _needed(uow: UnitOfWork, context: Context) -> set[Digest]:
    """What live versions need, whether it is there or not, and what a collection would keep."""
    found, stored = set(named(uow)), context.blobs.list()
    while some := list(islice(stored, PAGE)):
        found |= uow.objects.held(some)
    return found


def named(uow: UnitOfWork) -> Iterator[Digest]:
    """The objects that live versions need."""
    yield from uow.objects.noted()
    after = None
    while page := uow.objects.needed(after=after, limit=PAGE):
        yield from page
        after = page[-1]


def _copy(
    context: Context, target: BackupFolder, wanted: set[Digest], known: set[Digest], watch: Watch | None
) -> _Copied:
    """Copy the objects that are not among the `known` ones of the backup before."""
    done = _Copied()
    for number, digest in enumerate(sorted(wanted), start=1):
        try:
            size = target.size(digest) if digest in known else None
            if size is None:
                with context.blobs.open(digest) as stream:
                    size = target.add(digest, stream)
                done.copied += 1
                done.copied_size += size
            done.there.append(digest)
            done.size += size
        except NotFoundError:
            done.faults[digest] = "missing"
        except IntegrityError:
            done.faults[digest] = "changed"
        if watch is not None:
            watch(BackupProgress(len(wanted), number, done.size))
    return done


def _sentences(context: Context, faults: Mapping[Digest, str]) -> Iterator[str]:
    """Which versions need what could not be copied."""
    if not faults:
        return
    with context.read() as uow:
        uses, noted = uow.objects.uses(faults), uow.objects.noted()
    for digest, fault in sorted(faults.items()):
        places = [f"{use.place} of {use.ref}" for use in (*uses.get(digest, ()), *noted.get(digest, ()))]
        yield f"{', '.join(places) or 'An object'} is {fault} ({digest.short})"
