"""Transfer steps: submitted with exact inputs, run to a version or to a failure, resumed and cancelled by anybody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from lineage import Assurance
from registry.domain.audit import Event
from registry.domain.names import Name, Reference
from registry.domain.paging import PageRequest
from registry.domain.people.people import Actor
from registry.domain.transfers.steps import StepDetail, StepState
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.errors import (
    BadRecipeError,
    DivergedError,
    NameTakenError,
    NoSpaceError,
    NotFoundError,
    OutOfMemoryError,
    PermissionDeniedError,
    RefusedError,
    RegistryError,
    StepStateError,
    UsageError,
)
from registry.ports.transfers import TransferJob
from registry.services.audit.verbs import Audit
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.transfers.leases import LEASE_SECONDS, Hold
from registry.services.transfers.running import run_step, work_folder
from registry.services.transfers.verbs import Transfers
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.adapters.dvc.worlds import draw
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeAdapter, FakeEngine, FakePlugins
from tests.registry.services.registries import open_context

TABLE = "text,label\n" + "".join(f"review {n},{'good' if n % 2 else 'bad'}\n" for n in range(20))
RECIPE = """\
schema: forebear/recipe/v1
output: text/reviews
method: feature_extraction
source: models:/library/bert
data: {train: {dataset: datasets:/data/reviews}}
"""
CHILD = Reference.parse("models:/text/reviews")


@pytest.fixture
def plugins() -> FakePlugins:
    return FakePlugins(fake_adapter=FakeAdapter(), fake_engine=FakeEngine())


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, plugins: FakePlugins) -> Context:
    """A home with a source model and twenty reviews."""
    context = open_context(open_uow, clock, tmp_path / "home", role="admin", plugins=plugins)
    source = draw(tmp_path / "bert", {"model.safetensors": "weights"})
    Catalog(context).import_model(ImportModel(Name("library", "bert"), str(source)))
    data = draw(tmp_path / "data", {"reviews.csv": TABLE}) / "reviews.csv"
    Datasets(context).add(AddDataset(Name("data", "reviews"), str(data), licence="cc0-1.0"))
    return context


@pytest.fixture
def transfers(context: Context) -> Transfers:
    return Transfers(context)


@pytest.fixture
def queued(transfers: Transfers) -> str:
    """A step that no worker has taken up yet."""
    return transfers.submit(RECIPE).summary.id


def state_of(context: Context, step_id: str) -> StepState:
    """As stored."""
    with context.read() as uow:
        step = uow.steps.get(step_id)
    assert step is not None
    return step.summary.state


def started(step: StepDetail) -> Event:
    return Event("transfer.started", step.summary.id)


def test_a_submitted_step_holds_exactly_what_goes_in(transfers: Transfers, plugins: FakePlugins) -> None:
    step = transfers.submit(RECIPE)
    assert step.summary.state is StepState.QUEUED
    assert [(str(i.ref), i.role, i.split, i.assurance) for i in step.inputs] == [
        ("models:/library/bert/1", "source", None, Assurance.OBSERVED),
        ("datasets:/data/reviews/1", "train", "train", Assurance.OBSERVED),
        ("datasets:/data/reviews/1", "validation", "validation", Assurance.OBSERVED),
        ("datasets:/data/reviews/1", "test", "test", Assurance.OBSERVED),
    ]
    assert cast("list[dict[str, str]]", step.recipe["sources"])[0]["model"] == "models:/library/bert/1"
    assert plugins.fake_engine.started == [step.summary.id]


def test_a_step_that_ends_is_a_version_with_its_manifest(
    context: Context, clock: FakeClock, plugins: FakePlugins
) -> None:
    begun = clock.now()
    plugins.fake_adapter.during = lambda job: clock.forward(seconds=50)
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    step = Transfers(context).submit(RECIPE)
    assert step.summary.state is StepState.SUCCEEDED
    assert step.summary.metrics == {"accuracy": 0.75}
    assert step.manifest is not None
    assert step.summary.started_at == begun
    assert (step.manifest["started_at"], step.manifest["ended_at"]) == (
        "2026-11-23T09:30:00+00:00",
        "2026-11-23T09:30:50+00:00",
    )
    made = Catalog(context).version(CHILD)
    assert [str(parent) for parent in made.parents] == ["models:/library/bert/1"]
    assert context.blobs.open(made.files[0].sha256).read() == b"head on weights"
    left = [path.name for path in work_folder(context.home, step.summary.id).iterdir()]
    assert left == [], "inputs, checkpoints and output are gone"


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


def test_a_run_is_cancelled_by_who_submitted_it_or_by_an_admin_and_by_nobody_else(
    context: Context, queued: str
) -> None:
    other = replace(context, actor=Actor("dev", frozenset({"developer"})))
    with pytest.raises(
        PermissionDeniedError, match=f"was submitted by {context.actor.handle}, so dev cannot cancel it"
    ):
        Transfers(other).cancel(queued)
    admin = replace(context, actor=Actor("root", frozenset({"admin"})))
    assert Transfers(admin).cancel(queued).summary.state is StepState.CANCELLED


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


def test_a_worker_that_wakes_too_late_publishes_nothing(
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


def test_who_runs_out_of_memory_is_told_the_batch_size(context: Context, plugins: FakePlugins, queued: str) -> None:
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


def test_batches_of_several_processes_are_not_halved(context: Context, transfers: Transfers) -> None:
    with pytest.raises(UsageError, match="asks for several GPUs"):
        transfers.submit(RECIPE + "resources: {gpus: 2}\n", auto_batch=True)


class Late(FakeEngine):
    """A engine whose worker takes the step just after it was looked for."""

    def alive(self, step_id: str, home: Path) -> bool | None:
        self.work(step_id)
        return False


def test_two_who_resume_at_once_do_not_unseat_the_worker(
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


def test_a_step_runs_once(context: Context, queued: str) -> None:
    run_step(context, queued)
    with pytest.raises(StepStateError, match="is succeeded, so it cannot be started"):
        run_step(context, queued)
    assert Catalog(context).model(CHILD.name).summary.versions == 1


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        ("models:/library/bert", "models:/library/none", NotFoundError, "models:/library/none does not exist"),
        (
            "datasets:/data/reviews",
            "datasets:/data/reviews/7",
            NotFoundError,
            "datasets:/data/reviews/7 does not exist",
        ),
        ("reviews}}", "reviews, split: exam}}", BadRecipeError, "has no split 'exam'"),
        ("feature_extraction", "distillation", BadRecipeError, "distillation"),
        ("method", "methd", BadRecipeError, "did you mean 'method'"),
        ("output", "[" * 5000, BadRecipeError, "recipe"),
    ],
)
def test_a_recipe_that_cannot_run_leaves_no_step(
    old: str, new: str, error: type[RegistryError], message: str, transfers: Transfers
) -> None:
    before = transfers.search().items
    for verb in (transfers.check, transfers.submit):
        with pytest.raises(error, match=message):
            verb(RECIPE.replace(old, new, 1))
    assert transfers.search().items == before


def test_nothing_new_is_made_from_an_archived_version(context: Context, transfers: Transfers) -> None:
    Catalog(context).archive(Reference.parse("models:/library/bert/1"), "superseded")
    with pytest.raises(RefusedError, match="is archived, so no new version can be made from it"):
        transfers.submit(RECIPE)


def test_the_output_cannot_have_a_deleted_name(context: Context, transfers: Transfers) -> None:
    Catalog(context).delete(Reference.parse("models:/library/bert"))
    source = draw(context.home / "again", {"model.safetensors": "weights"})
    Catalog(context).import_model(ImportModel(Name("library", "other"), str(source)))
    with pytest.raises(NameTakenError, match="library/bert is taken"):
        transfers.submit(
            RECIPE.replace("text/reviews", "library/bert").replace(
                "source: models:/library/bert", "source: models:/library/other"
            )
        )


def test_who_only_reads_starts_nothing(context: Context, plugins: FakePlugins) -> None:
    reader = context.as_actor(replace(context.actor, roles=frozenset({"viewer"})))
    with pytest.raises(PermissionDeniedError):
        Transfers(reader).submit(RECIPE)
    assert plugins.fake_engine.started == []


@pytest.mark.parametrize("name", ["step-nonsense", "../etc", "models:/a/b", ""])
def test_what_is_no_id_is_no_step(name: str, transfers: Transfers) -> None:
    for verb in (transfers.step, transfers.resume, transfers.cancel):
        with pytest.raises(NotFoundError, match="is not the id of a step"):
            verb(name)


def test_steps_are_listed_newest_first(transfers: Transfers, clock: FakeClock) -> None:
    first: StepDetail = transfers.submit(RECIPE)
    clock.forward(seconds=1)
    second = transfers.submit(RECIPE)
    found = transfers.search(output=Name("text", "reviews"), page=PageRequest(limit=1))
    assert [step.id for step in found.items] == [second.summary.id]
    rest = transfers.search(output=Name("text", "reviews"), page=PageRequest(limit=1, cursor=found.next_cursor))
    assert [step.id for step in rest.items] == [first.summary.id]
