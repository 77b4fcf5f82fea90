"""Runs one transfer step in this process: inputs out of the store, the adapter's events into rows, outputs published.

The outputs, the new version, its edges, manifest and audit entries commit in one transaction; a failure
before that leaves a step that failed or can be resumed, never half a version.
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from registry.domain.audit import Event
from registry.domain.catalog.models import MetricValue
from registry.domain.codec.recipe import recipe_from_record
from registry.domain.credentials import without_credentials
from registry.domain.data.labels import check_test_rows
from registry.domain.names import AssetKind
from registry.domain.people.teams import Level
from registry.domain.recipes.recipe import Resources
from registry.domain.transfers.steps import StepDetail, StepState
from registry.errors import AdapterError, OutOfMemoryError, PermissionDeniedError, RegistryError, StepStateError
from registry.files import write_whole
from registry.folders import error_of_disk
from registry.ports.clock import Clock
from registry.ports.transfers import (
    Advanced,
    Determinism,
    Finished,
    Measured,
    Saved,
    Started,
    TransferEvent,
    TransferJob,
)
from registry.services.bases import may_use
from registry.services.comparison.arm_recipes import plan_of
from registry.services.comparison.baselines import Baselines
from registry.services.context import Context
from registry.services.lookup import actor_of, found
from registry.services.transfers import processes
from registry.services.transfers.asked_forgetting import measure_where_asked
from registry.services.transfers.batch_size import Batch
from registry.services.transfers.ending import (
    Run,
    compare_rows,
    compare_with_sources,
    is_automatic,
    publish_output,
    submitted_of,
    threads_of,
)
from registry.services.transfers.inputs import lay_out_data, lay_out_models, lay_out_production
from registry.services.transfers.leases import Hold
from registry.services.transfers.progress import Pace, Reporter
from registry.services.withholding import refuse_stopped_inputs

LEFTOVERS = ("checkpoints", "output", "arms")
"""Folders that an attempt leaves in the work folder."""


def work_folder(home: Path, step_id: str) -> Path:
    """The step's own folder: worker log, checkpoints, inputs and output while it runs."""
    return home / "work" / step_id


def run_step(
    context: Context, step_id: str, *, launch: str | None = None, on_loss: Callable[[], object] = lambda: None
) -> StepDetail:
    """Run a queued step to its end. Raises: NotFoundError, StepStateError, and whatever made the step fail.

    `launch` names the launch that started other processes for the same step; the job is announced to them. `on_loss` is
    called in a thread of its own when the step was cancelled, or the lease ran out, while it ran.
    """
    hold = Hold(context, step_id, on_loss)
    step = hold.take(lambda step: Event("transfer.started", step_id, {"threads": threads_of(step)}))
    try:
        with hold:
            _run(context, step, hold, launch)
    finally:
        if hold.lost:
            _clean_up_cancelled(context, step_id)
    with context.read() as uow:
        ended = found(uow.steps.get(step_id), step_id)
    measure_where_asked(context, ended, alone=launch is None)
    return ended


def _run(context: Context, step: StepDetail, hold: Hold, launch: str | None) -> None:
    try:
        try:
            _work(context, step, hold, launch)
        except OSError as error:  # becomes an error of ours: above all, a full disk
            hold.check()  # or the folder is gone because the step was cancelled
            raise error_of_disk(error, f"{step.summary.id} could not write") from error
    except Exception as error:
        _fail(context, hold, error)
        raise


def _clean_up_cancelled(context: Context, step_id: str) -> None:
    """Remove the folder of a cancelled step: who cancelled it from another machine could not wait for its worker."""
    with context.read() as uow:
        cancelled = found(uow.steps.get(step_id), step_id).summary.state is StepState.CANCELLED
    if cancelled:
        shutil.rmtree(work_folder(context.home, step_id), ignore_errors=True)


def _work(context: Context, step: StepDetail, hold: Hold, launch: str | None) -> None:
    work = work_folder(context.home, step.summary.id)
    inputs = work / "inputs"
    shutil.rmtree(inputs, ignore_errors=True)
    inputs.mkdir(parents=True)
    recipe = recipe_from_record({k: v for k, v in step.recipe.items() if k != "submitted"})
    data = {i.role: i for i in step.inputs if i.ref.kind is AssetKind.DATASETS}
    run = Run(step, recipe, data, hold, Batch.recall(work, recipe.batch_size))
    reporter = Reporter(context, hold, run.pace)
    try:
        _refuse_closed(context, step)
        reporter.begin("reading the models")
        sources = lay_out_models(context, step, inputs)
        reporter.begin("reading the data")
        job = TransferJob(
            recipe=recipe,
            sources=sources,
            data=lay_out_data(context, data, inputs),
            work=work,
            features=context.home / "cache" / "features",
            determinism=Determinism(recipe.seed, threads_of(step)),
            device=_device(context.settings.device, recipe.resources),
            resume=(work / "checkpoints").is_dir(),
        )
        if launch is not None:
            processes.announce(job, launch)
        wall = WallClock(work / "wall.json", context.clock, resumed=job.resume)
        _train(context, run, job, wall)
        reporter.begin("comparing the weights")
        compare_with_sources(context, run, sources)
        compare_rows(context, run)
        reporter.begin("publishing the output")
        with context.holding() as held:
            publish_output(held, run, wall.seconds)
    finally:
        shutil.rmtree(inputs, ignore_errors=True)
        processes.forget(work)
    for leftover in LEFTOVERS:
        shutil.rmtree(work / leftover, ignore_errors=True)
    wall.forget()
    Batch.forget(work)


def _train(context: Context, run: Run, job: TransferJob, wall: WallClock) -> None:
    """Run the job with its adapter; with `auto_batch`, start again with half the batch size if memory runs out."""
    while True:
        now = replace(job, recipe=replace(job.recipe, batch_size=run.batch.used))
        try:
            with Reporter(context, run.hold, run.pace) as reporter:
                for event in _events(context, run, now, reporter):
                    if isinstance(event, Saved):
                        wall.keep()
                        _refuse_recalled(context, run.step)
                    run.hold.check()
                    _note(run, reporter, event)
        except OutOfMemoryError as error:
            fewer = run.batch.half if is_automatic(run.step) else None
            if fewer is None:
                raise run.batch.refused(error) from error
        else:
            return
        # The frames that held the memory are released only here, after the exception.
        gc.collect()
        _start_again(context, run, job.work, fewer)
        job = replace(job, resume=False)


def _refuse_recalled(context: Context, step: StepDetail) -> None:
    """What was taken back since is not trained on any further. Raises: WithheldError, RecalledError."""
    with context.read() as uow:
        refuse_stopped_inputs(uow, [one.ref for one in step.inputs], now=context.clock.now())


def _refuse_closed(context: Context, step: StepDetail) -> None:
    """A team may have been closed to the person while the step waited. Raises: PermissionDeniedError."""
    whose = step.summary.created_by
    with context.read() as uow:
        actor = actor_of(uow, whose)
        reads = all(may_use(uow, whose, one.ref) for one in step.inputs)
    if not reads or (actor is not None and not actor.sight.allows(step.summary.wanted, Level.CONTRIBUTE)):
        raise PermissionDeniedError(
            f"{whose} may no longer use all that this step reads, or register what it makes",
            remedy="Ask who manages the teams for the levels use and contribute, and resume it",
        )


def _start_again(context: Context, run: Run, work: Path, fewer: Batch) -> None:
    """Discard what was learnt with larger batches: their checkpoints and curve points belong to another run."""
    for leftover in (*LEFTOVERS, "inputs/production"):
        shutil.rmtree(work / leftover, ignore_errors=True)
    fewer.keep(work)
    step_id, too_many = run.step.summary.id, run.batch.used
    with context.write() as uow:
        run.hold.keep(uow)
        uow.steps.forget_curve(step_id)
        uow.steps.progress(step_id, epoch=0.0, at=context.clock.now())
        uow.commit(Event("transfer.batch_halved", step_id, {"from": too_many, "to": fewer.used}))
    run.batch, run.started, run.finished, run.measured, run.pace = fewer, None, None, [], Pace()


def _device(requested: str, needs: Resources) -> str:
    """A step that asked for GPUs must not quietly run on the CPU."""
    return "cuda" if requested == "auto" and needs.gpus else requested


def _events(context: Context, run: Run, job: TransferJob, reporter: Reporter) -> Iterator[TransferEvent]:
    """The events of the step's own job, then those of its baselines where it has some."""
    plan = plan_of(submitted_of(run.step))
    if plan is not None:  # before hours of training
        test = job.data["test"]
        check_test_rows(test.labels, [row.label or "" for row in test.chosen])
    reporter.begin(f"starting the adapter {run.recipe.adapter}")  # its library takes seconds to import
    adapter = context.plugins.transfer(run.recipe.adapter)
    reporter.begin("loading the model")
    yield from adapter.run(job)
    if plan is None or run.finished is None:
        return
    skipped: dict[str, str] = {}
    whose = run.step.summary.created_by
    production = lay_out_production(context, plan, job.work / "inputs", skipped, whose=whose)
    baselines = Baselines(adapter, job, plan, production, skipped, context.plugins.classical)
    yield from baselines.run(run.finished)
    run.arms = baselines.collect(run.step.summary.id)


class WallClock:
    """Seconds that a step has run, over all attempts; kept with each checkpoint that a later attempt starts from."""

    def __init__(self, file: Path, clock: Clock, *, resumed: bool) -> None:
        self._file, self._clock, self._begun = file, clock, clock.monotonic()
        # An older version could leave the file empty at a power cut: the earlier seconds are then unknown.
        self._before = float(file.read_text() or 0) if resumed and file.exists() else 0.0

    @property
    def seconds(self) -> float:
        """Until now."""
        return self._before + self._clock.monotonic() - self._begun

    def forget(self) -> None:
        """The step has ended: nothing goes on from here."""
        self._file.unlink(missing_ok=True)

    def keep(self) -> None:
        """Write it down beside the checkpoint."""
        write_whole(self._file, repr(self.seconds).encode())


def _note(run: Run, reporter: Reporter, event: TransferEvent) -> None:
    """Write progress and curve points; keep what the manifest needs."""
    match event:
        case Started():
            run.started = event
            run.pace.steps = event.steps
            reporter.begin("preparing the first batches" if event.steps else "computing the results")
        case Finished():
            run.finished = event
        case Measured(final=True) if event.role in run.data:
            run.measured.append(_value(run, event))
        case Measured():
            reporter.measured(event)
        case Advanced():
            reporter.advanced(event)
        case Saved():
            reporter.flush()  # a run resumed from this checkpoint does not measure again what came before it


def _value(run: Run, event: Measured) -> MetricValue:
    item = run.data[event.role]
    return MetricValue(event.name, event.value, event.role, item.split or "", item.digest, item.ref.label)


def _fail(context: Context, hold: Hold, error: Exception) -> None:
    """Record why, unless the step is no longer ours."""
    if isinstance(error, RegistryError):
        sentence = f"[{error.code}] {error}"
    else:
        sentence = f"[{AdapterError.code}] {type(error).__name__}: {error}"
    sentence = without_credentials(sentence)
    with context.write() as uow:
        try:
            hold.keep(uow)
        except StepStateError:
            return
        now, step_id = context.clock.now(), hold.step_id
        running = frozenset({StepState.RUNNING})
        if uow.steps.move(step_id, expected=running, to=StepState.FAILED, at=now, error=sentence[:2000]):
            uow.commit(Event("transfer.failed", step_id, {"error": sentence[:2000]}))
