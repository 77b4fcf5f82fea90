"""Steps are taken by workers that fit them, one by one; one whose worker is gone is taken again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from registry.domain.catalog.models import Status
from registry.domain.names import Name, Reference
from registry.domain.people.teams import Level, Sight
from registry.domain.transfers.adapted import PIN, Pin
from registry.domain.transfers.steps import StepState
from registry.domain.transfers.work import REMOTE, WorkReport
from registry.domain.verbs.catalog import ImportModel
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.transfers.leases import LEASE_SECONDS
from registry.services.transfers.remote.verbs import Work
from registry.services.transfers.verbs import Transfers
from tests.adapters.dvc.worlds import draw
from tests.fakes.clock import FakeClock
from tests.registry.services.transfers.remote.conftest import ABLE, TESTED

Opened = Callable[[str], Work]


def test_a_step_is_taken_once_and_says_what_goes_into_it(context: Context, waiting: str, work: Opened) -> None:
    assert Transfers(context).step(waiting).summary.state is StepState.QUEUED
    given = work("box").take(ABLE)
    assert given is not None
    assert given.step.summary.id == waiting
    assert [(one.ref.label, one.role, [f.path for f in one.files]) for one in given.models] == [
        ("library/bert/1", "source", ["model.safetensors"])
    ]
    assert {role: one.split for role, one in given.data.items()} == {"train": "train", "test": "test"}
    assert len(work("box").rows(waiting, given.worker, "train")) == 20
    step = Transfers(context).step(waiting)
    assert step.summary.state is StepState.RUNNING
    assert step.lease is not None
    assert (step.lease.machine, step.lease.worker == given.worker) == ("box-1", False), "the lease shows no key"
    assert work("other").take(ABLE) is None


def test_a_step_waits_for_a_worker_that_fits_it(waiting: str, work: Opened) -> None:
    assert work("box").take(replace(ABLE, adapters=("abacus",))) is None
    assert work("box").take(replace(ABLE, cpus=0)) is None
    assert work("box").take(ABLE) is not None


def test_a_worker_that_finds_nothing_waits_for_no_writer(context: Context, waiting: str, work: Opened) -> None:
    with context.write() as uow:
        assert work("box").take(replace(ABLE, cpus=0)) is None
        uow.commit_unaudited()


def test_a_step_whose_worker_is_gone_is_taken_by_another(
    context: Context, clock: FakeClock, waiting: str, work: Opened
) -> None:
    first = work("box").take(ABLE)
    assert first is not None
    clock.forward(seconds=LEASE_SECONDS - 1)
    work("box").report(waiting, first.worker, WorkReport())
    clock.forward(seconds=LEASE_SECONDS - 1)
    assert work("other").take(ABLE) is None, "a report renews the lease"
    clock.forward(seconds=2)
    assert Transfers(context).step(waiting).summary.state is StepState.INTERRUPTED
    second = work("other").take(ABLE)
    assert second is not None
    assert second.step.summary.id == waiting
    assert Transfers(context).step(waiting).summary.state is StepState.RUNNING


def test_a_step_whose_input_was_recalled_meanwhile_fails_and_does_not_hold_up_the_next(
    context: Context, waiting: str, work: Opened
) -> None:
    Catalog(context).set_status(Reference.parse("datasets:/data/reviews/1"), Status.RECALLED, "wrong labels")
    assert work("box").take(ABLE) is None
    step = Transfers(context).step(waiting).summary
    assert step.state is StepState.FAILED
    assert step.error is not None
    assert step.error.startswith("[recalled] datasets:/data/reviews/1 is recalled")


def test_a_worker_is_given_no_step_on_an_adapter_whose_parent_it_may_not_read(
    context: Context, work: Opened, tmp_path: Path
) -> None:
    bert = Reference.parse("models:/library/bert/1")
    pin = Pin("library/bert/1", Catalog(context).version(bert).summary.digest).body.decode()
    edge = str(draw(tmp_path / "edge", {"model.safetensors": "added", PIN: pin}))
    Catalog(context).import_model(
        ImportModel(Name("edge", "lora"), edge, architecture="bert", licence="mit", parents=(bert,))
    )
    Transfers(context).submit(TESTED.replace("library/bert", "edge/lora"), background=True, engine=REMOTE)
    box = work("box").context
    for level in (None, Level.READ):
        seen = replace(box, actor=replace(box.actor, sight=Sight({"library": level}, "box")))
        assert Work(seen).take(ABLE) is None
    seen = replace(box, actor=replace(box.actor, sight=Sight({"library": Level.USE}, "box")))
    given = Work(seen).take(ABLE)
    assert given is not None
    assert list(given.parents) == ["library/bert/1"]
