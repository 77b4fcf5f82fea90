"""Whether a backup is whole and unchanged: every digest, the rows of its database, the audit log, and what it names."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from lineage import Digest
from registry.domain.audit import verify_chain
from registry.domain.backups import Backup, BackupProgress, BackupReport, Signatures
from registry.errors import BackupBrokenError
from registry.folders import error_of_disk
from registry.services.backups.creating import Watch, named, witness_of
from registry.services.backups.folder import BackupFolder, digest_of
from registry.services.unit_of_work import UnitOfWorkFactory

SHOWN = 20
"""How many objects are named of those that are missing or were changed."""


@dataclass(frozen=True, slots=True)
class CopiedDatabase:
    """A copy of the database of a backup, which may be of an older revision until `upgrade` is called."""

    open_uow: UnitOfWorkFactory
    upgrade: Callable[[], None]


def verify(
    folder: Path, copied: Callable[[Path], AbstractContextManager[CopiedDatabase]], watch: Watch | None = None
) -> BackupReport:
    """Read all of the backup in `folder`; `copied` copies its database for a moment. Nothing in `folder` is changed.

    Raises: NotFoundError where there is none, BackupBrokenError for one whose `backup.json` cannot be read.
    """
    source = BackupFolder(folder)
    backup, digest = source.require()
    problems = list[str]()
    try:
        listed = source.objects(backup)
        signatures = source.signatures(backup)
    except BackupBrokenError as error:
        return BackupReport(backup, digest, problems=(error.message,))
    wrong = {one: fault for one, fault in _read(source, listed, watch) if fault is not None}
    problems += [f"The object {one.hex} {fault}" for one, fault in sorted(wrong.items())[:SHOWN]]
    if len(wrong) > SHOWN:
        problems.append(f"{len(wrong) - SHOWN} more objects are missing or were changed")
    if fault := fault_of(source.database(backup.database), backup.database):
        problems.append(f"The copy of the database {fault}")
    else:
        with copied(source.database(backup.database)) as database:
            problems += check_contents(database, backup, set(listed), signatures)
    return BackupReport(backup, digest, problems=tuple(problems))


def fault_of(file: Path, digest: Digest) -> str | None:
    """What is wrong with a file that should have this digest. Raises: UnavailableError for one that cannot be read."""
    try:
        return None if digest_of(file) == digest else "was changed"
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        raise error_of_disk(error, f"{file} cannot be read") from error


def _read(source: BackupFolder, listed: list[Digest], watch: Watch | None) -> Iterator[tuple[Digest, str | None]]:
    progress = BackupProgress(len(listed), 0, 0)
    for number, one in enumerate(listed, start=1):
        yield one, fault_of(source.object(one), one)
        if watch is not None:
            progress = replace(progress, objects=number, size=progress.size + (source.size(one) or 0))
            watch(progress)


def check_contents(
    database: CopiedDatabase, backup: Backup, listed: Collection[Digest], signatures: Signatures | None
) -> Iterator[str]:
    """A sentence for each thing in the database that is not as the backup says; the copy is upgraded."""
    with database.open_uow(actor="system") as uow:
        found, rows = uow.whole.revision(), uow.whole.rows()
    if found != backup.revision:
        yield f"The database is at revision {found}, not {backup.revision}"
    for name in sorted(rows.keys() | backup.rows.keys()):
        if rows.get(name) != backup.rows.get(name):
            yield f"The table {name} has {rows.get(name)} rows, not {backup.rows.get(name)}"
    database.upgrade()
    with database.open_uow(actor="system") as uow:
        report = verify_chain(uow.audit.entries(), backup.audit, witness_of(signatures))
        if report.reason is not None and report.reason not in backup.faults:
            yield f"The audit log is damaged: {report.reason}"
        first = next(uow.audit.entries(), None)
        if first is None or first.entry != backup.registry:
            yield "The audit log does not begin with the entry that the backup names"
        absent = {one for one in named(uow) if one not in listed} - set(backup.missing)
    if absent:
        yield f"The database names {len(absent)} objects that are not in the list, such as {min(absent).short}"
