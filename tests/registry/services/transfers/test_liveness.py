"""Whether a step is being worked on: by its lease, and by its engine where the worker runs on this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from registry.domain.audit import Event
from registry.domain.transfers.steps import StepDetail, StepState
from registry.errors import (
    StepStateError,
)
from registry.services.context import Context
from registry.services.transfers.leases import LEASE_SECONDS, Hold, this_host
from registry.services.transfers.verbs import Transfers
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeEngine, FakePlugins
from tests.registry.services.reviews import state_of


@pytest.fixture
def engine(plugins: FakePlugins) -> FakeEngine:
    return plugins.fake_engine


def started(step: StepDetail) -> Event:
    return Event("transfer.started", step.summary.id)


def shown(context: Context, step_id: str) -> StepState:
    return Transfers(context).step(step_id).summary.state


class Late(FakeEngine):
    """An engine whose worker takes the step just after it was looked for."""

    def alive(self, step_id: str, home: Path) -> bool | None:
        self.work(step_id)
        return False


def test_resuming_twice_at_once_leaves_the_running_worker_alone(
    context: Context, plugins: FakePlugins, clock: FakeClock, queued: str
) -> None:
    clock.forward(minutes=1)
    late = Late(work=lambda step_id: Hold(context, step_id).take(started))
    with pytest.raises(StepStateError, match="is running, so there is nothing to resume"):
        Transfers(replace(context, plugins=replace(plugins, fake_engine=late))).resume(queued)
    assert state_of(context, queued) is StepState.RUNNING


def test_a_worker_that_is_gone_leaves_an_interrupted_step(
    context: Context, clock: FakeClock, plugins: FakePlugins, queued: str
) -> None:
    transfers = Transfers(context)
    assert transfers.step(queued).summary.state is StepState.QUEUED, "a worker may still be starting"
    clock.forward(minutes=1)
    assert transfers.step(queued).summary.state is StepState.INTERRUPTED
    assert [step.state for step in transfers.search().items if step.id == queued] == [StepState.INTERRUPTED]
    plugins.fake_engine.running.add(queued)
    assert transfers.step(queued).summary.state is StepState.QUEUED
    assert [step.state for step in transfers.search().items if step.id == queued] == [StepState.QUEUED]
    with pytest.raises(StepStateError, match="nothing to resume"):
        transfers.resume(queued)


def test_a_step_whose_lease_ran_out_is_interrupted_wherever_it_is_looked_at(
    context: Context, clock: FakeClock, queued: str
) -> None:
    Hold(context, queued).take(started)
    lease = Transfers(context).step(queued).lease
    assert lease is not None
    assert (lease.engine, lease.machine, lease.live) == ("local", this_host(), True)
    clock.forward(seconds=LEASE_SECONDS - 1)
    assert shown(context, queued) is StepState.RUNNING
    clock.forward(seconds=1)
    assert shown(context, queued) is StepState.INTERRUPTED
    assert [s.id for s in Transfers(context).search(state=StepState.INTERRUPTED).items] == [queued]


def test_a_worker_that_is_known_to_be_dead_need_not_be_waited_for(
    context: Context, engine: FakeEngine, queued: str
) -> None:
    Hold(context, queued).take(started)
    engine.dead.add(queued)
    assert shown(context, queued) is StepState.INTERRUPTED
    assert Transfers(context).resume(queued).summary.state is StepState.QUEUED
    assert engine.started == [queued, queued]


def test_of_a_worker_on_another_machine_only_its_lease_speaks(
    context: Context, engine: FakeEngine, queued: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Hold(context, queued).take(started)
    engine.dead.add(queued)  # this machine has no such process, of course
    monkeypatch.setattr("registry.services.transfers.liveness.this_host", lambda: "another")
    assert shown(context, queued) is StepState.RUNNING
    with pytest.raises(StepStateError, match="is running, so there is nothing to resume"):
        Transfers(context).resume(queued)
