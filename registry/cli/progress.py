"""Watching a transfer step from a terminal: a bar with rate, time left and the newest metrics."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from registry.domain.transfers import StepState
from registry.errors import AdapterError, StepStateError, error_of

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from registry.domain.transfers import StepDetail
    from registry.domain.verbs import TransferVerbs

POLL_SECONDS = 0.25
GOING = frozenset({StepState.QUEUED, StepState.RUNNING})


def watch(transfers: TransferVerbs, step: StepDetail, *, quiet: bool = False) -> StepDetail:
    """Poll `step` until it has ended and give how it ended; `quiet` shows nothing.

    Ctrl-C asks whether to cancel (in a terminal) and cancels (elsewhere); then the step that is given is cancelled, or
    still going if it was to be left running.
    """
    bar = _bar(quiet=quiet)
    with bar:
        line = bar.add_task(step.summary.id, total=max(step.summary.epochs, 1), note="")
        try:
            while step.summary.state in GOING:
                _draw(bar, line, step)
                time.sleep(POLL_SECONDS)
                step = transfers.step(step.summary.id)
        except KeyboardInterrupt:
            bar.stop()
            return _interrupt(transfers, step)
        _draw(bar, line, step)
    return step


def check_outcome(step: StepDetail) -> None:
    """Raises: what made a failed step fail, StepStateError for an interrupted or cancelled one."""
    found = step.summary
    if found.state is StepState.FAILED:
        reason = (found.error or "its worker gave no reason").rstrip(".")
        code, _, sentence = reason.removeprefix("[").partition("] ")
        remedy = f"See forebear transfer show {found.id}"
        error = error_of(code, f"{found.id} failed: {sentence}", remedy=remedy)
        raise error or AdapterError(f"{found.id} failed: {reason}", remedy=remedy)
    if found.state is StepState.INTERRUPTED:
        raise StepStateError(
            f"the worker of {found.id} died", remedy=f"Go on with: forebear transfer resume {found.id}"
        )
    if found.state is StepState.CANCELLED:
        raise StepStateError(f"{found.id} was cancelled")


def _interrupt(transfers: TransferVerbs, step: StepDetail) -> StepDetail:
    import typer

    if sys.stdin.isatty() and not typer.confirm(f"\nStop {step.summary.id}?", default=True, err=True):
        return transfers.step(step.summary.id)
    return transfers.cancel(step.summary.id)


def _bar(*, quiet: bool) -> Progress:
    """On standard error: what goes into a pipe is the answer alone."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from registry.cli.printing import errors

    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", style="dim"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors(),
        disable=quiet or not errors().is_terminal,
    )


def _draw(bar: Progress, line: TaskID, step: StepDetail) -> None:
    found = step.summary
    bar.update(line, completed=found.epoch, total=max(found.epochs, 1), note=note(step))
    task = bar.tasks[0]
    rate = f"{task.speed * 60:.1f} epochs/min" if task.speed else ""
    bar.update(line, note="  ".join(part for part in (note(step), rate) if part))


def note(step: StepDetail) -> str:
    """The state until the loop runs, then the newest value of each metric on the latest role that has it."""
    if step.summary.state is not StepState.RUNNING or not step.curve:
        return str(step.summary.state)
    newest = {f"{point.role} {point.name}": point.value for point in step.curve}
    return "  ".join(f"{name} {value:.3f}" for name, value in list(newest.items())[-3:])
