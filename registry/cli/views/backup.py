"""How backups look in a terminal."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from registry.cli.failures import note
from registry.cli.printing import hint, moment, tell
from registry.presenting.formats import counted, size

if TYPE_CHECKING:
    from registry.domain.backups import BackupReport


def show_created(report: BackupReport, folder: Path) -> None:
    """What is in the backup, and how much of it is new."""
    new = f"{counted(report.copied, 'object')} ({size(report.copied_size)}) of them new"
    tell(f"Backed up {_contents(report)} into {folder}; {new}")
    tell(f"Digest of the backup: {report.digest}")
    _faults(report)
    hint(f"Verify it: forebear backup verify {shlex.quote(str(folder))}")


def show_verified(report: BackupReport) -> None:
    """Whether the backup is whole."""
    made = f"The backup of {moment(report.backup.made_at)}"
    if not report.problems:
        tell(f"{made} is complete and unchanged: {_contents(report)}")
    else:
        tell(f"{made} cannot be restored")
        for problem in report.problems:
            note(problem)
    tell(f"Digest of the backup: {report.digest}")
    _faults(report)


def show_restored(report: BackupReport, home: Path) -> None:
    """What was restored, and where."""
    tell(f"Restored {_contents(report)} into {home}, and verified it there")
    _faults(report)
    hint("Tokens that were revoked after the backup was made are valid again: forebear token list")


def _contents(report: BackupReport) -> str:
    backup = report.backup
    rows = backup.rows.get("audit_entry", 0)
    return f"{counted(backup.objects, 'object')} ({size(backup.size)}) and a log of {counted(rows, 'change')}"


def _faults(report: BackupReport) -> None:
    for fault in report.backup.faults:
        note(f"In the registry when the backup was made: {fault}")
