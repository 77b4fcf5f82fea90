"""Watching a step: to its end, however it ends, and away from it with Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import pytest

from registry.cli import progress
from registry.domain.names import Name
from registry.domain.transfers import EpochMetric, Method, MirrorState, StepDetail, StepState, StepSummary
from registry.domain.verbs import TransferVerbs
from registry.errors import AdapterError, StepStateError
from tests.builders import NOW

QUEUED = StepDetail(
    StepSummary(
        "step-1", Method.FINE_TUNING, "torch", StepState.QUEUED, None, Name("vision", "digits"), NOW, "ana", None, None,
        0.0, 4, None,
    ),
    (), {}, (), (), None, None, MirrorState("off"),
)  # fmt: skip


def at(state: StepState, *, epoch: float = 0.0, error: str | None = None) -> StepDetail:
    """The step in a state."""
    return replace(QUEUED, summary=replace(QUEUED.summary, state=state, epoch=epoch, error=error))


class Steps:
    """Plays a step's life, one state each time it is asked; then Ctrl-C."""

    def __init__(self, *life: StepDetail) -> None:
        self.life: Iterator[StepDetail] = iter(life)
        self.cancelled = False

    def step(self, step_id: str) -> StepDetail:
        """The next state."""
        try:
            return next(self.life)
        except StopIteration:
            raise KeyboardInterrupt from None

    def cancel(self, step_id: str) -> StepDetail:
        """Stop it."""
        self.cancelled = True
        return at(StepState.CANCELLED)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "POLL_SECONDS", 0.0)


def watch(steps: Steps) -> StepDetail:
    """As the command does."""
    return progress.watch(cast("TransferVerbs", steps), QUEUED)


def test_a_step_is_watched_to_its_end() -> None:
    steps = Steps(at(StepState.QUEUED), at(StepState.RUNNING, epoch=1.5), at(StepState.SUCCEEDED, epoch=4))
    ended = watch(steps)
    assert ended.summary.state is StepState.SUCCEEDED
    progress.check_outcome(ended)
    assert not steps.cancelled


def test_ctrl_c_where_nobody_can_be_asked_cancels_the_step() -> None:
    steps = Steps(at(StepState.RUNNING))
    ended = watch(steps)
    assert steps.cancelled
    with pytest.raises(StepStateError, match="was cancelled"):
        progress.check_outcome(ended)


def test_a_failed_step_fails_the_command_with_the_reason() -> None:
    with pytest.raises(AdapterError, match="step-1 failed: the loss is no longer a number"):
        progress.check_outcome(at(StepState.FAILED, error="the loss is no longer a number."))


def test_a_dead_worker_is_told_how_to_go_on() -> None:
    with pytest.raises(StepStateError) as refused:
        progress.check_outcome(at(StepState.INTERRUPTED))
    assert refused.value.remedy == "Go on with: forebear transfer resume step-1"


def test_the_note_shows_the_newest_value_of_each_metric() -> None:
    curve = tuple(
        EpochMetric(epoch, epoch, name, role, epoch / 10)
        for epoch in (1, 2)
        for role, name in (("train", "loss"), ("validation", "accuracy"))
    )
    running = replace(at(StepState.RUNNING), curve=curve)
    assert progress.note(running) == "train loss 0.200  validation accuracy 0.200"
    assert progress.note(QUEUED) == "queued"
