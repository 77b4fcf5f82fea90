"""A step runs once, to a version or to a failure with its reason, and a worker that lost it writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from registry.domain.governance.recalls import Level, NewRecall
from registry.domain.paging import PageRequest
from registry.domain.transfers.steps import StepState
from registry.errors import (
    DivergedError,
    NoSpaceError,
    NotFoundError,
    OutOfMemoryError,
    RecalledError,
    RegistryError,
    StepStateError,
)
from registry.ports.transfers import Saved, TransferEvent, TransferJob
from registry.services.audit.verbs import Audit
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.governance.recalls.verbs import Recalls
from registry.services.transfers.leases import LEASE_SECONDS
from registry.services.transfers.running import run_step, work_folder
from registry.services.transfers.verbs import Transfers
from tests.credentials import SEEDED
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeAdapter, FakePlugins
from tests.registry.services.reviews import CHILD, RECIPE, state_of


@pytest.mark.parametrize(
    ("problem", "told", "sentence"),
    [
        (DivergedError("the loss is nan"), DivergedError, "[diverged] the loss is nan"),
        (OSError(28, "No space left on device"), NoSpaceError, "[no-space]"),
        (KeyError("x"), KeyError, "[adapter-failed] KeyError: 'x'"),
    ],
)
def test_a_step_that_fails_says_why_and_can_be_resumed(
    problem: Exception, told: type[Exception], sentence: str, context: Context, plugins: FakePlugins, queued: str
) -> None:
    def fail(job: TransferJob) -> None:
        (job.work / "checkpoints").mkdir()
        raise problem

    plugins.fake_adapter.during = fail
    with pytest.raises(told):
        run_step(context, queued)
    step = Transfers(context).step(queued)
    assert step.summary.state is StepState.FAILED
    assert sentence in (step.summary.error or "")
    assert not (work_folder(context.home, queued) / "inputs").exists()
    plugins.fake_adapter.during = lambda job: None
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    assert Transfers(context).resume(queued).summary.state is StepState.SUCCEEDED
    assert [job.resume for job in plugins.fake_adapter.jobs] == [False, True]
    assert plugins.fake_adapter.jobs[0].determinism == plugins.fake_adapter.jobs[1].determinism


def test_a_step_cancelled_while_it_runs_publishes_nothing(context: Context, plugins: FakePlugins, queued: str) -> None:
    plugins.fake_adapter.during = lambda job: Transfers(context).cancel(queued)
    with pytest.raises(RegistryError):
        run_step(context, queued)
    assert state_of(context, queued) is StepState.CANCELLED
    assert plugins.fake_engine.stopped == [queued]
    assert not work_folder(context.home, queued).exists()
    with pytest.raises(NotFoundError):
        Catalog(context).version(CHILD)
    for again in (Transfers(context).resume, Transfers(context).cancel):
        with pytest.raises(StepStateError, match="is cancelled"):
            again(queued)


def test_a_worker_that_was_suspended_past_its_lease_publishes_nothing(
    context: Context, clock: FakeClock, plugins: FakePlugins, queued: str
) -> None:
    plugins.fake_adapter.during = lambda job: clock.forward(seconds=LEASE_SECONDS)
    with pytest.raises(StepStateError, match="publishes nothing"):
        run_step(context, queued)
    with pytest.raises(NotFoundError):
        Catalog(context).version(CHILD)
    assert state_of(context, queued) is StepState.RUNNING, (
        "nobody says that it failed: somebody may be going on with it"
    )
    assert Transfers(context).step(queued).summary.state is StepState.INTERRUPTED
    assert work_folder(context.home, queued).exists(), "whoever goes on finds its checkpoints"
    plugins.fake_adapter.during = lambda job: None
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    assert Transfers(context).resume(queued).summary.state is StepState.SUCCEEDED
    assert Catalog(context).model(CHILD.name).summary.versions == 1


def crowded(most: int, seen: list[int]) -> Callable[[TransferJob], None]:
    """What happens in a machine that has room for batches of `most` items; each attempt leaves a checkpoint."""

    def during(job: TransferJob) -> None:
        seen.append(job.recipe.batch_size)
        assert job.resume == (job.work / "checkpoints").is_dir()
        (job.work / "checkpoints").mkdir(exist_ok=True)
        if job.recipe.batch_size > most:
            raise OutOfMemoryError("the GPU has too little memory for this recipe", remedy="Halve batch_size")

    return during


def test_the_error_of_a_failed_step_keeps_no_credential(context: Context, plugins: FakePlugins, queued: str) -> None:
    text, secret = SEEDED["git address"]

    def fail(job: TransferJob) -> None:
        raise ValueError(f"Cannot clone {text} for {job.work.name}")

    plugins.fake_adapter.during = fail
    with pytest.raises(ValueError, match="Cannot clone"):
        run_step(context, queued)
    error = Transfers(context).step(queued).summary.error or ""
    assert "https://bot:[removed: a password in an address]@git.internal" in error
    entries = Audit(context).search(page=PageRequest(50)).items
    assert secret not in error + str(entries)


def test_the_error_of_a_full_memory_names_the_batch_size(context: Context, plugins: FakePlugins, queued: str) -> None:
    plugins.fake_adapter.during = crowded(10, [])
    with pytest.raises(OutOfMemoryError, match=r"memory for this recipe at batch_size 64\. Halve batch_size"):
        run_step(context, queued)
    error = Transfers(context).step(queued).summary.error
    assert (error or "").startswith("[out-of-memory] the GPU has too little memory for this recipe at batch_size 64")


def test_batches_are_halved_until_they_fit_where_that_was_asked_for(context: Context, plugins: FakePlugins) -> None:
    seen: list[int] = []
    plugins.fake_adapter.during = crowded(10, seen)
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    step = Transfers(context).submit(RECIPE, auto_batch=True)
    assert step.summary.state is StepState.SUCCEEDED
    assert seen == [64, 32, 16, 8]
    assert step.manifest is not None
    facts = cast("dict[str, object]", step.manifest["facts"])
    assert facts["auto_batch"] == {"asked": 64, "used": 8, "halved": 3}
    recipe = cast("dict[str, Any]", step.manifest["recipe"])
    assert recipe["batch_size"] == 64, "the recipe is told as it was asked for"
    assert {job.recipe.optimizer.lr for job in plugins.fake_adapter.jobs} == {recipe["optimizer"]["lr"]}
    assert [p.step for p in step.curve] == [2], "the points of attempts that were given up are gone"
    told = Audit(context).search(subject=step.summary.id, action="transfer.batch_halved", page=PageRequest()).items
    assert [entry.detail for entry in reversed(told)] == [
        {"from": 64, "to": 32},
        {"from": 32, "to": 16},
        {"from": 16, "to": 8},
    ]
    assert not list(work_folder(context.home, step.summary.id).iterdir())


def test_a_resumed_step_goes_on_with_the_batches_that_fitted(context: Context, plugins: FakePlugins) -> None:
    seen: list[int] = []
    room = crowded(10, seen)

    def die_later(job: TransferJob) -> None:
        room(job)
        raise DivergedError("the loss is nan")

    plugins.fake_adapter.during = die_later
    step = Transfers(context).submit(RECIPE, auto_batch=True).summary.id
    with pytest.raises(DivergedError):
        run_step(context, step)
    plugins.fake_adapter.during = room
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    resumed = Transfers(context).resume(step)
    assert seen == [64, 32, 16, 8, 8]
    assert plugins.fake_adapter.jobs[-1].resume
    assert resumed.manifest is not None
    facts = cast("dict[str, object]", resumed.manifest["facts"])
    assert facts["auto_batch"] == {"asked": 64, "used": 8, "halved": 3}


def test_a_batch_is_not_halved_to_nothing(context: Context, plugins: FakePlugins) -> None:
    seen: list[int] = []
    plugins.fake_adapter.during = crowded(0, seen)
    step = Transfers(context).submit(RECIPE, auto_batch=True).summary.id
    with pytest.raises(OutOfMemoryError, match="at batch_size 2"):
        run_step(context, step)
    assert seen == [64, 32, 16, 8, 4, 2]


def test_a_step_runs_once(context: Context, queued: str) -> None:
    run_step(context, queued)
    with pytest.raises(StepStateError, match="is succeeded, so it cannot be started"):
        run_step(context, queued)
    assert Catalog(context).model(CHILD.name).summary.versions == 1


@dataclass
class SavingAdapter(FakeAdapter):
    """Saves a checkpoint after every part, and counts how far it was asked to go."""

    saved: int = 0

    def run(self, job: TransferJob) -> Iterator[TransferEvent]:
        for event in super().run(job):
            yield event
            self.saved += 1
            yield Saved(job.work / "checkpoints", self.saved)


def test_a_running_step_fails_at_the_checkpoint_after_its_data_was_recalled(
    context: Context, plugins: FakePlugins
) -> None:
    adapter = SavingAdapter()
    plugins = replace(plugins, fake_adapter=adapter)
    context = replace(context, plugins=plugins)
    step_id = Transfers(context).submit(RECIPE).summary.id
    wish = NewRecall("datasets:/data/reviews/1", Level.RECALL, "no consent")
    adapter.during = lambda job: Recalls(context).open(wish)
    with pytest.raises(RecalledError):
        run_step(context, step_id)
    step = Transfers(context).step(step_id).summary
    assert step.state is StepState.FAILED
    assert (step.error or "").startswith("[recalled]")
    assert adapter.saved == 3, "it goes no further than the first checkpoint after the recall"
    with pytest.raises(NotFoundError):
        Catalog(context).version(CHILD)
