"""Leases: one worker holds a step, a silent one loses it, and who lost it writes nothing more."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from registry.domain.audit import Event
from registry.domain.transfers.steps import StepDetail, StepState
from registry.errors import StepStateError
from registry.services.context import Context
from registry.services.transfers.leases import LEASE_SECONDS, Hold
from registry.services.transfers.verbs import Transfers
from registry.storage.sql.engines import PATIENCE_SECONDS
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import add_dataset_version, add_version, step, step_input
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeEngine, FakePlugins
from tests.registry.services.registries import open_context


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, engine: FakeEngine) -> Context:
    return open_context(open_uow, clock, tmp_path / "home", plugins=FakePlugins(fake_engine=engine))


@pytest.fixture
def queued(context: Context) -> str:
    """A step that waits for its worker."""
    with context.write() as uow:
        base, scans = add_version(uow, "vision/base"), add_dataset_version(uow, "vision/scans")
        inputs = [step_input(base, role="source"), step_input(scans, role="train", split="train")]
        new = step("vision/digits", inputs=inputs, state=StepState.QUEUED, epochs=3)
        uow.steps.add(new)
        uow.leases.offer(new.id, "local", seconds=10)
        uow.commit(Event("transfer.submitted", new.id))
    return new.id


def started(step: StepDetail) -> Event:
    return Event("transfer.started", step.summary.id)


def test_a_lease_outlasts_a_database_that_is_busy() -> None:
    assert LEASE_SECONDS >= 2 * PATIENCE_SECONDS


def test_one_of_many_workers_gets_the_step(context: Context, queued: str) -> None:
    count = 8
    barrier, outcomes = threading.Barrier(count), []

    def contend() -> None:
        barrier.wait()
        try:
            Hold(context, queued).take(started)
            outcomes.append("got it")
        except StepStateError as error:
            outcomes.append(str(error))

    contenders = [threading.Thread(target=contend) for _ in range(count)]
    for contender in contenders:
        contender.start()
    for contender in contenders:
        contender.join()
    assert sorted(outcomes) == ["got it"] + [f"{queued} is running, so it cannot be started"] * (count - 1)


def test_a_step_is_taken_over_when_its_lease_ran_out_and_not_before(
    context: Context, engine: FakeEngine, clock: FakeClock, queued: str
) -> None:
    asleep = Hold(context, queued)
    asleep.take(started)
    with pytest.raises(StepStateError, match="nothing to resume"):
        Transfers(context).resume(queued)
    clock.forward(seconds=LEASE_SECONDS)
    Transfers(context).resume(queued)
    assert engine.stopped == [queued], "a worker that was only suspended is ended where it can be"
    awake = Hold(context, queued)
    awake.take(started)
    with context.write() as uow, pytest.raises(StepStateError, match="its lease ran out"):
        asleep.keep(uow)
    assert asleep.lost
    with context.write() as uow:
        awake.keep(uow)


def test_a_worker_on_another_machine_notices_that_its_step_was_cancelled(context: Context, queued: str) -> None:
    told = threading.Event()
    hold = Hold(context, queued, on_loss=told.set, every=0.05)
    hold.take(started)
    with hold:
        assert not told.wait(0.3)
        Transfers(context).cancel(queued)
        assert told.wait(10)
    assert hold.lost
    with pytest.raises(StepStateError, match="was cancelled"):
        hold.check()


def test_a_worker_that_ended_its_step_has_not_lost_it(context: Context, queued: str) -> None:
    told = threading.Event()
    hold = Hold(context, queued, on_loss=told.set, every=0.05)
    hold.take(started)
    with hold:
        with context.write() as uow:
            uow.steps.move(queued, expected=frozenset({StepState.RUNNING}), to=StepState.FAILED, at=context.clock.now())
            uow.commit_unaudited()
        assert not told.wait(0.5)
    assert not hold.lost


def test_a_beat_keeps_the_lease_alive(open_uow: SqlUnitOfWorkFactory, context: Context, queued: str) -> None:
    from registry.bootstrap import SystemClock
    from registry.storage.unit_of_work import SqlUnitOfWorkFactory as Factory

    real = replace(context, clock=SystemClock(), open_uow=Factory(open_uow._engine, SystemClock()))
    hold = Hold(real, queued, lasts=1.0, every=0.2)
    hold.take(started)
    with hold:
        threading.Event().wait(2.0)
        with real.read() as uow:
            lease = uow.leases.get(queued)
    assert lease is not None
    assert lease.live
    assert not hold.lost
