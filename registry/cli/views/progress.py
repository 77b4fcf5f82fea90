"""Watching a transfer step: a bar for each phase with rate and time left, and the metrics of each epoch."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, Self

from registry.domain.codec.problems import error_of
from registry.domain.transfers.step_events import GOING, Listener, StepEvent
from registry.domain.transfers.steps import EpochMetric, StepState, StepSummary
from registry.errors import AdapterError, StepStateError
from registry.presenting.formats import duration, number, size

if TYPE_CHECKING:
    from types import TracebackType

    from rich.progress import Progress as Display
    from rich.progress import TaskID

    from registry.cli.session import Session
    from registry.domain.transfers.steps import Progress, StepDetail
    from registry.domain.verbs.transfers import TransferVerbs

POLL_SECONDS = 0.5
LINE_SECONDS = 5.0
"""Between two lines about progress, where there is no bar."""


_STATES = frozenset(StepState)


class Watcher(Protocol):
    """Shows what happens to a step, inside its `with` block."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def hear(self, events: Sequence[StepEvent]) -> None:
        """The events since the last call, in order."""
        ...


def watch(transfers: TransferVerbs, step_id: str, watcher: Watcher) -> StepDetail:
    """Pass every event of the step to `watcher` until the step has ended; returns the step."""
    with watcher:
        for events in happenings(transfers, step_id):
            watcher.hear(events)
    return transfers.step(step_id)


def happenings(transfers: TransferVerbs, step_id: str) -> Iterator[Sequence[StepEvent]]:
    """Yields the new events of the step, from its beginning to its end."""
    listener = Listener()
    while True:
        news = transfers.news(step_id, after=listener.place.point)
        if events := list(listener.hear(news.summary, news.points)):
            yield events
        if news.summary.state not in GOING:
            return
        time.sleep(POLL_SECONDS)


def interrupted(transfers: TransferVerbs, step_id: str) -> StepDetail:
    """What Ctrl-C does to a step that this command has started: in a terminal it asks, elsewhere it cancels the step.

    No, which is the default, leaves the step running; so does Ctrl-C at the question.
    """
    import typer

    from registry.cli.printing import hint

    if not sys.stdin.isatty():
        return transfers.cancel(step_id)
    hint(f"\n{step_id} is still running.")
    hint("Yes cancels it: the training so far is lost, its record stays. No leaves it running in the background.")
    try:
        if typer.confirm("Cancel it?", default=False, err=True):
            return transfers.cancel(step_id)
    except typer.Abort:
        hint("")
    hint(f"Watch it: forebear transfer show {step_id} --follow. Cancel it: forebear transfer cancel {step_id}")
    return transfers.step(step_id)


def check_outcome(step: StepDetail) -> None:
    """Raises: what made a failed step fail, StepStateError for an interrupted or cancelled one."""
    found = step.summary
    if found.state is StepState.FAILED:
        reason = (found.error or "the worker gave no reason").rstrip(".")
        code, _, sentence = reason.removeprefix("[").partition("] ")
        remedy = f"See forebear transfer show {found.id}"
        error = error_of(code, f"{found.id} failed: {sentence}", remedy=remedy)
        raise error or AdapterError(f"{found.id} failed: {reason}", remedy=remedy)
    if found.state is StepState.INTERRUPTED:
        raise StepStateError(f"The worker of {found.id} died", remedy=f"Resume it: forebear transfer resume {found.id}")
    if found.state is StepState.CANCELLED:
        raise StepStateError(f"{found.id} was cancelled")


class Bars:
    """A bar for each phase on standard error, so that a pipe stays clean; the metrics of epochs scroll above."""

    def __init__(self, *, quiet: bool = False) -> None:
        from rich.progress import BarColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as Display

        from registry.cli.printing import errors

        self._bars = Display(
            SpinnerColumn(finished_text="✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[count]}"),
            TextColumn("{task.fields[pace]}", style="dim"),
            TextColumn("{task.fields[left]}"),
            console=errors(),
            expand=True,
            disable=quiet or not errors().is_terminal,
        )
        self._phases: dict[str, TaskID] = {}
        self._now = ""
        self._latest: Progress | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def hear(self, events: Sequence[StepEvent]) -> None:
        """Move the bar of the phase under way; print the newest epoch above it."""
        for event in events:
            if isinstance(event.data, StepSummary):
                self._draw(event.data)
        if not self._bars.disable and (epochs := by_epoch(events)):
            self._bars.console.print(epochs[-1], style="dim", highlight=False)

    def _draw(self, step: StepSummary) -> None:
        progress = step.progress
        if step.state is not StepState.RUNNING or progress is None:
            phase, ended = str(step.state), step.state not in GOING
            self._turn_to("" if ended else phase)
            if not ended:
                self._set(phase, total=None, count="", pace="", left="")
            return
        self._turn_to(progress.phase)
        self._latest = progress
        done, total = (
            (progress.samples, progress.total)
            if progress.total or not progress.step
            else (progress.step, progress.steps)
        )
        self._set(
            progress.phase,
            completed=done,
            total=total,
            count=counted(progress),
            pace=paced(progress),
            left=time_left(progress),
        )

    def _turn_to(self, phase: str) -> None:
        """Fill the bar of the phase that has ended; a bar that showed only a state is removed."""
        if self._now == phase:
            return
        if (before := self._phases.get(self._now)) is not None:
            if self._now in _STATES:
                self._bars.remove_task(before)
                del self._phases[self._now]
            else:
                self._bars.update(before, total=1, completed=1, left="", count=self._whole())
        self._now = phase

    def _whole(self) -> str:
        """How much a finished phase did in all, also where its last progress was not written."""
        progress = self._latest
        if progress is None:
            return ""
        return counted(replace(progress, samples=progress.total) if progress.total else progress)

    def _set(self, phase: str, **fields: object) -> None:
        if phase not in self._phases:
            self._phases[phase] = self._bars.add_task(phase, total=None, count="", pace="", left="")
        self._bars.update(self._phases[phase], **fields)  # type: ignore[arg-type]


@dataclass
class Lines:
    """A line for each state and epoch on standard output, and one about progress now and then: for a pipe or a log."""

    _phase: str = ""
    _printed_at: datetime | None = field(default=None, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def hear(self, events: Sequence[StepEvent]) -> None:
        """Print states and progress as they come, and the metrics of an epoch together."""
        printed = False
        for event in events:
            if isinstance(event.data, EpochMetric):
                if not printed:
                    self._print("\n".join(by_epoch(events)))
                printed = True
            elif event.event == "state":
                self._print(f"{event.data.id} is {event.data.state}")
            elif event.data.state in GOING and event.data.progress is not None:
                self._progress(event.data.progress)

    def _progress(self, progress: Progress) -> None:
        due = self._printed_at is None or (progress.updated_at - self._printed_at).total_seconds() >= LINE_SECONDS
        if due or progress.phase != self._phase:
            self._phase, self._printed_at = progress.phase, progress.updated_at
            self._print(
                ", ".join(filter(None, (progress.phase, counted(progress), paced(progress), time_left(progress))))
            )

    def _print(self, line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


@dataclass
class JsonLines:
    """Writes every event as a line of JSON to standard output, with the data of the API's server-sent events."""

    session: Session

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def hear(self, events: Sequence[StepEvent]) -> None:
        """Write them."""
        for event in events:
            self.session.write_line(event)


def by_epoch(events: Sequence[StepEvent]) -> list[str]:
    """The metrics among `events`, a line for each epoch."""
    epochs: dict[int, list[str]] = {}
    for event in events:
        if isinstance(event.data, EpochMetric):
            point = event.data
            epochs.setdefault(point.epoch, []).append(f"{point.role} {point.name} {number(point.value)}")
    return [f"epoch {epoch}: {', '.join(values)}" for epoch, values in epochs.items()]


def counted(progress: Progress) -> str:
    """How much of the phase is done; empty in one that counts nothing."""
    if not progress.is_counted:
        return ""
    if progress.total is not None:
        return f"{number(progress.samples)}/{number(progress.total)} samples"
    return (
        f"{number(progress.step)}/{number(progress.steps)} steps"
        if progress.step
        else f"{number(progress.samples)} samples"
    )


def paced(progress: Progress) -> str:
    """Samples a second, and the loss."""
    rate = "" if progress.rate is None else number(round(progress.rate) if progress.rate >= 10 else progress.rate)
    loss = "" if progress.loss is None else f"loss {number(progress.loss)}"
    return ", ".join(filter(None, (rate and f"{rate} samples/s", loss)))


def time_left(progress: Progress) -> str:
    """The estimated time to the end of this phase."""
    return f"{duration(progress.seconds_left)} left" if progress.seconds_left else ""


class Transferred:
    """On a terminal: how many bytes of files came or went so far, and how fast. Called with each number of bytes."""

    def __init__(self) -> None:
        self._display: Display | None = None
        self._moved = 0

    def __call__(self, count: int) -> None:
        """So many bytes more."""
        if self._display is None:
            from rich.progress import Progress as Display
            from rich.progress import SpinnerColumn, TextColumn, TransferSpeedColumn

            from registry.cli.printing import errors

            columns = (SpinnerColumn(), TextColumn("Transferred {task.fields[moved]}"), TransferSpeedColumn())
            self._display = Display(*columns, console=errors(), transient=True)
            self._display.add_task("", total=None, moved="")
            self._display.start()
        self._moved += count
        self._display.update(self._display.tasks[0].id, completed=self._moved, moved=size(self._moved))

    def close(self) -> None:
        """Take it from the terminal."""
        if self._display is not None:
            self._display.stop()
            self._display = None
