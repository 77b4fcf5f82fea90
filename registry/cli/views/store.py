"""How checks and repairs of the stored files look in a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from registry.cli.failures import note
from registry.cli.printing import errors, hint, moment, table, tell
from registry.presenting.formats import counted, duration, number, size

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress

    from registry.domain.backups import BackupProgress
    from registry.domain.objects import CheckReport, CollectReport, Damage, RepairReport, StoreCheck, StoreStats

LINE_SECONDS = 5.0
"""Between two lines about progress, where there is no bar."""


class Bar:
    """A bar of the objects that were checked or copied, on a terminal; a line from time to time elsewhere."""

    def __init__(self, *, shown: bool) -> None:
        self._shown, self._last, self._began = shown, time.monotonic(), time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        if self._shown and sys.stderr.isatty():
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[read]}"), TimeRemainingColumn())
            self._bar = Progress("Objects", *columns, console=errors(), transient=True)
            self._bar.add_task("Objects", read="", total=None)
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, check: StoreCheck | BackupProgress) -> None:
        """Show how far the check or the copy is."""
        if self._bar is not None:
            task = self._bar.tasks[0].id
            self._bar.update(task, total=check.total, completed=check.objects, read=size(check.size))
        elif self._shown and time.monotonic() - self._last >= LINE_SECONDS:
            self._last = time.monotonic()
            spent = duration(self._last - self._began)
            hint(f"{number(check.objects)} of {counted(check.total, 'object')}, {size(check.size)}, {spent}")


def show_check(report: CheckReport) -> None:
    """What a check found, and what to do about it."""
    check = report.check
    if check.ended_at is None:
        done = f"{number(check.objects)} of {counted(check.total, 'object')}"
        tell(f"Verified {done} ({size(check.size)}) up to {moment(check.updated_at)}")
        hint("The check has not ended; continue it: forebear store verify")
    else:
        tell(f"Verified {counted(check.objects, 'object')} ({size(check.size)}) on {moment(check.ended_at)}")
    for ref in report.restored:
        tell(f"{ref} can be used again: its stored files are right")
    show_damage(report.damage)


def show_last(report: CheckReport | None) -> None:
    """The last check, if there was one."""
    if report is None:
        hint("The stored files were never verified. Verify them: forebear store verify")
    else:
        show_check(report)


def show_repair(report: RepairReport) -> None:
    """What was restored and what is still damaged."""
    if not report.objects:
        tell("Nothing was restored")
    for ref in report.restored:
        tell(f"Restored {ref}: it can be used again")
    show_damage(report.damage)


def show_damage(damage: Sequence[Damage]) -> None:
    """Damaged versions with what is damaged in each, or that there are none."""
    if not damage:
        tell("Nothing is damaged")
        return
    rows = [(str(one.ref), one.place, one.fault, one.digest.short, moment(one.found_at)) for one in damage]
    table(("Version", "What", "Is", "Digest", "Found"), rows, empty="", drop=("Found", "Digest"))
    versions = len({one.ref for one in damage})
    note(
        f"{counted(versions, 'version')} cannot be used until the files are restored: "
        "forebear store repair --from BACKUP"
    )


def show_collected(report: CollectReport) -> None:
    """What was removed or could be."""
    what = f"{counted(report.objects, 'object')} ({size(report.size)}) that nothing needs"
    tell(f"Removed {what}" if report.deleted else f"Found {what}")
    if report.kept:
        tell(f"Kept {counted(report.kept, 'object')} that nothing needs yet or any more, stored too recently")
    if report.objects and not report.deleted:
        hint("Remove them: forebear store gc --delete")


def show_stats(stats: StoreStats) -> None:
    """Who needs how much, largest first, and the sum."""
    rows = [(one.name, number(one.objects), size(one.size), size(one.alone)) for one in stats.holders]
    table(("Name", ">Objects", ">Size", ">Only here"), rows, empty="No model or dataset has stored files.")
    tell(f"{counted(stats.objects, 'object')} in the store ({size(stats.size)})")
    if stats.unneeded:
        tell(f"Nothing needs {counted(stats.unneeded, 'object')} of them ({size(stats.unneeded_size)})")
        hint("Free their space: forebear store gc")
