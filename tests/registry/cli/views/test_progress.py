"""Watching a step: to its end, however it ends, and away from it with Ctrl-C."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from rich.console import Console

from registry.cli import printing
from registry.cli.session import Output, Session
from registry.cli.views import progress
from registry.cli.views.progress import Bars, JsonLines, Lines, Transferred, Watcher
from registry.domain.names import Name
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import (
    EpochMetric,
    MirrorState,
    Progress,
    StepDetail,
    StepNews,
    StepState,
    StepSummary,
)
from registry.domain.verbs.transfers import TransferVerbs
from registry.errors import AdapterError, StepStateError
from registry.settings import Settings
from tests.builders import NOW

QUEUED = StepDetail(
    StepSummary(
        "step-1", Method.FINE_TUNING, "torch", StepState.QUEUED, None, Name("vision", "digits"), NOW, "ana", None, None,
        0.0, 4, None,
    ),
    (), {}, (), (), None, None, MirrorState("off"),
)  # fmt: skip


def at(state: StepState, step: int = 0, *, phase: str = "train", error: str | None = None, **said: Any) -> StepDetail:
    """The step in a state, `step` of 4000 optimiser steps done."""
    told = Progress(
        phase, step, 4000, step * 8, said.get("total"), 812.4, 0.25, (4000 - step) / 100, NOW + timedelta(seconds=step)
    )
    return replace(QUEUED, summary=replace(QUEUED.summary, state=state, error=error, progress=told if step else None))


def points(epoch: int) -> tuple[EpochMetric, ...]:
    """What one epoch measured."""
    return (
        EpochMetric(epoch, epoch * 10, "loss", "train", 1 / epoch, epoch * 2 - 1),
        EpochMetric(epoch, epoch * 10, "accuracy", "validation", 1 - 1 / epoch, epoch * 2),
    )


LIFE = (
    (QUEUED, ()),
    (at(StepState.RUNNING, 1000), points(1)),
    (at(StepState.RUNNING, 1001), ()),
    (at(StepState.RUNNING, 2000), points(2)),
    (at(StepState.RUNNING, 2001, phase="test", total=40_000), ()),
    (at(StepState.SUCCEEDED, 4000), ()),
)


class Steps:
    """Plays a step's life, one moment each time it is asked for news; then Ctrl-C."""

    def __init__(self, *life: tuple[StepDetail, Sequence[EpochMetric]]) -> None:
        self.life = iter(life)
        self.last = QUEUED
        self.cancelled = False

    def news(self, step_id: str, *, after: int = 0) -> StepNews:
        """The next moment."""
        try:
            self.last, measured = next(self.life)
        except StopIteration:
            raise KeyboardInterrupt from None
        return StepNews(self.last.summary, tuple(measured))

    def step(self, step_id: str) -> StepDetail:
        """As it was last."""
        return self.last

    def cancel(self, step_id: str) -> StepDetail:
        """Stop it."""
        self.cancelled = True
        return at(StepState.CANCELLED)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "POLL_SECONDS", 0.0)


def watch(steps: Steps, watcher: Watcher) -> StepDetail:
    """As the command does."""
    return progress.watch(cast("TransferVerbs", steps), "step-1", watcher)


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A terminal of eighty columns as standard error."""
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=80, highlight=False)
    monkeypatch.setattr(printing, "errors", lambda: console)
    return shown


def test_a_step_is_watched_to_its_end(screen: io.StringIO) -> None:
    steps = Steps(*LIFE)
    ended = watch(steps, Bars())
    assert ended.summary.state is StepState.SUCCEEDED
    progress.check_outcome(ended)
    assert not steps.cancelled
    for words in ("queued", "train", "812 samples/s", "loss 0.25", "epoch 2: train loss 0.5"):
        assert words in screen.getvalue()
    last = screen.getvalue().rpartition("train")[2]
    assert "4,000/4,000 steps" in last or "2,000/4,000 steps" in last


def test_a_quiet_command_shows_no_progress(screen: io.StringIO) -> None:
    watch(Steps(*LIFE), Bars(quiet=True))
    assert screen.getvalue() == ""


def test_in_a_pipe_the_progress_of_a_step_is_printed_as_lines() -> None:
    said = io.StringIO()
    with redirect_stdout(said):
        watch(Steps(*LIFE), Lines())
    assert said.getvalue().splitlines() == [
        "step-1 is queued",
        "step-1 is running",
        "epoch 1: train loss 1, validation accuracy 0",
        "train, 1,000/4,000 steps, 812 samples/s, loss 0.25, 30 s left",
        "epoch 2: train loss 0.5, validation accuracy 0.5",
        "train, 2,000/4,000 steps, 812 samples/s, loss 0.25, 20 s left",
        "test, 16,008/40,000 samples, 812 samples/s, loss 0.25, 20 s left",
        "step-1 is succeeded",
    ]


def test_as_json_every_event_is_a_line() -> None:
    said = io.StringIO()
    with redirect_stdout(said):
        watch(Steps(*LIFE), JsonLines(Session(Settings(), Output.JSON, ())))
    events = [json.loads(line) for line in said.getvalue().splitlines()]
    assert [e["event"] for e in events] == [
        "state", "state", "metric", "metric", *["progress"] * 2, "metric", "metric", *["progress"] * 3, "state",
    ]  # fmt: skip
    assert events[-1]["id"] == "4-succeeded"
    assert events[2]["data"]["value"] == 1


def test_ctrl_c_where_nobody_can_be_asked_cancels_the_step() -> None:
    steps = Steps(*LIFE[:2])
    with pytest.raises(KeyboardInterrupt):
        watch(steps, Bars())
    ended = progress.interrupted(cast("TransferVerbs", steps), "step-1")
    assert steps.cancelled
    with pytest.raises(StepStateError, match="was cancelled"):
        progress.check_outcome(ended)


class Keyboard(io.StringIO):
    """A terminal with what somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "cancels"), [("\n", False), ("n\n", False), ("", False), ("y\n", True)])
def test_ctrl_c_in_a_terminal_asks_and_by_default_the_step_goes_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str, cancels: bool
) -> None:
    monkeypatch.setattr("sys.stdin", Keyboard(typed))
    steps = Steps(*LIFE[:2])
    with pytest.raises(KeyboardInterrupt):
        watch(steps, Bars())
    progress.interrupted(cast("TransferVerbs", steps), "step-1")
    assert steps.cancelled is cancels
    shown = capsys.readouterr()
    asked = shown.out + shown.err
    assert "Yes cancels it" in asked
    assert "No leaves it running in the background" in asked
    assert "[y/N]" in asked
    assert ("forebear transfer show step-1 --follow" in asked) is not cancels


def test_a_failed_step_fails_the_command_with_the_reason() -> None:
    with pytest.raises(AdapterError, match="step-1 failed: the loss is no longer a number"):
        progress.check_outcome(at(StepState.FAILED, error="the loss is no longer a number."))


def test_a_step_whose_worker_died_says_how_to_resume_it() -> None:
    with pytest.raises(StepStateError) as refused:
        progress.check_outcome(at(StepState.INTERRUPTED))
    assert refused.value.remedy == "Resume it: forebear transfer resume step-1"


@pytest.mark.parametrize(("rate", "said"), [(None, ""), (0.26, "0.26 samples/s"), (8123.4, "8,123 samples/s")])
def test_a_rate_is_shown_with_the_digits_that_are_known(rate: float | None, said: str) -> None:
    told = at(StepState.RUNNING, 10).summary.progress
    assert told is not None
    assert progress.paced(replace(told, rate=rate, loss=None)) == said


def test_bytes_of_files_are_counted_on_a_terminal_until_the_answer_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=80)
    monkeypatch.setattr(printing, "errors", lambda: console)
    shown = Transferred()
    shown(3_000_000)
    shown(2_000_000)
    shown.close()
    shown.close()
    written = console.file
    assert isinstance(written, io.StringIO)
    assert "5.0 MB" in written.getvalue()
