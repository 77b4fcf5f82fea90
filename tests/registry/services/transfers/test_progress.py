"""What is written of a run while it runs: seldom, but never too little."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from registry.domain.transfers.steps import Progress, StepState
from registry.ports.transfers import Advanced, Measured
from registry.services.context import Context
from registry.services.transfers.leases import Hold
from registry.services.transfers.progress import Pace, Reporter
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import NOW, step
from tests.fakes.clock import FakeClock
from tests.registry.services.registries import open_context


@dataclass
class Watch:
    """Seconds that a test moves on."""

    clock: FakeClock

    @property
    def now(self) -> float:
        return self.clock.seconds

    @now.setter
    def now(self, seconds: float) -> None:
        self.clock.seconds = seconds


@pytest.fixture
def watch(clock: FakeClock) -> Watch:
    return Watch(clock)


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Context:
    return open_context(open_uow, clock, tmp_path / "home")


@pytest.fixture
def step_id(context: Context) -> str:
    new = step("vision/digits", state=StepState.RUNNING)
    with context.write() as uow:
        uow.steps.add(new)
        uow.commit_unaudited()
    return new.id


@pytest.fixture
def commits() -> Iterator[list[object]]:
    made: list[object] = []

    def note(connection: object) -> None:
        made.append(connection)

    event.listen(Engine, "commit", note)
    yield made
    event.remove(Engine, "commit", note)


def hold_of(context: Context, step_id: str) -> Hold:
    """A worker that has the step."""
    hold = Hold(context, step_id)
    with context.write() as uow:
        assert uow.leases.take(step_id, hold.worker, "host", seconds=60)
        uow.commit_unaudited()
    return hold


def progress_of(context: Context, step_id: str) -> Progress | None:
    with context.read() as uow:
        summary = uow.steps.summary(step_id)
    assert summary is not None
    return summary.progress


def advanced(number: int, *, phase: str = "train", loss: float | None = 0.5, total: int | None = None) -> Advanced:
    return Advanced(number, number / 100, phase, loss, number * 8, total)


def test_a_thousand_events_in_ten_seconds_are_written_twice_a_second(
    context: Context, step_id: str, watch: Watch, commits: list[object]
) -> None:
    with Reporter(context, hold_of(context, step_id), Pace(steps=1000)) as reporter:
        for number in range(1, 1001):
            watch.now += 0.01
            reporter.advanced(advanced(number))
            if number % 10 == 0:
                reporter.measured(Measured("loss", 0.5, "train", number // 10, number))
    assert 19 <= len(commits) <= 22
    with context.read() as uow:
        assert [p.epoch for p in uow.steps.curve(step_id, after=0)] == list(range(1, 101))
    said = progress_of(context, step_id)
    assert said is not None
    assert (said.step, said.samples, said.seconds_left) == (1000, 8000, 0)
    assert said.rate == pytest.approx(800)


def test_points_are_written_with_the_checkpoint_after_them_and_when_the_run_breaks_off(
    context: Context, step_id: str, watch: Watch
) -> None:
    def written() -> int:
        with context.read() as uow:
            return len(uow.steps.curve(step_id, after=0))

    def run(reporter: Reporter) -> None:
        with reporter:
            for number in (1, 2, 3):
                reporter.measured(Measured("loss", 0.5, "train", number, number))
            assert written() == 0
            reporter.flush()
            assert written() == 3
            reporter.measured(Measured("loss", 0.5, "train", 4, 4))
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        run(Reporter(context, hold_of(context, step_id), Pace()))
    assert written() == 4


def test_the_rate_is_of_the_last_half_minute_of_the_phase_under_way() -> None:
    pace = Pace(steps=10_000)
    assert pace.progress(NOW) is None
    samples = 0
    for second in range(200):
        samples += 100 if second < 100 else 300
        pace.note(Advanced(samples // 10, second / 10, "train", None if second % 3 else 0.25, samples), float(second))
    said = pace.progress(NOW)
    assert said is not None
    assert said.rate == pytest.approx(300)
    assert said.seconds_left == pytest.approx((10_000 - samples // 10) / 30)
    assert said.loss == 0.25, "the last one that was read"
    assert len(pace._marks) <= 62
    pace.note(Advanced(0, 0.0, "features of test", None, 5, 100), 200.0)
    said = pace.progress(NOW)
    assert said is not None
    assert (said.phase, said.rate, said.seconds_left, said.loss) == ("features of test", None, None, None)
    assert pace.epoch == 19.9, "how far it was stays true in a phase without epochs"
    pace.note(Advanced(0, 0.0, "features of test", None, 25, 100), 202.0)
    said = pace.progress(NOW)
    assert said is not None
    assert (said.rate, said.seconds_left) == (10, 7.5)
