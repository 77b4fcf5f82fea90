"""Runs one transfer step in this process: inputs out of the store, the adapter's events into rows, outputs published.

The outputs, the new version, its edges, manifest and audit entries commit in one transaction; whatever dies before
that leaves a step that can be resumed or that failed, never half a version.
"""

from __future__ import annotations

import gc
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from registry.domain.audit import Event
from registry.domain.catalog import MetricValue
from registry.domain.names import AssetKind, VersionRef
from registry.domain.transfers import EpochMetric, Resources, StepDetail, StepInput, StepState
from registry.errors import (
    AdapterError,
    DatasetChangedError,
    OutOfMemoryError,
    RegistryError,
    StepStateError,
    error_of_disk,
)
from registry.ports import (
    Advanced,
    DataInput,
    Determinism,
    Finished,
    Measured,
    ModelInput,
    Saved,
    Started,
    TransferEvent,
    TransferJob,
)
from registry.services import crew
from registry.services.batches import Batch
from registry.services.context import Context
from registry.services.datasets import materialise_dataset
from registry.services.holding import Hold
from registry.services.lookup import found, refuse_withheld
from registry.services.publishing import Run, is_automatic, publish, threads_of
from registry.services.recipes import recipe_from_record
from registry.services.storing import write_files

PROGRESS_SECONDS = 0.5
"""How often progress is written while nothing else is."""


def work_folder(home: Path, step_id: str) -> Path:
    """The step's own folder: worker log, checkpoints, inputs and output while it runs."""
    return home / "work" / step_id


def run_step(
    context: Context, step_id: str, *, launch: str | None = None, on_loss: Callable[[], object] = lambda: None
) -> StepDetail:
    """Run a queued step to its end. Raises: NotFoundError, StepStateError, and whatever made the step fail.

    `launch` names what started other processes for the same step, which are then told the job (`crew`). `on_loss` is
    called in a thread of its own when the step was cancelled, or the lease ran out, while we worked.
    """
    hold = Hold(context, step_id, on_loss)
    step = hold.take(lambda step: Event("transfer.started", step_id, {"threads": threads_of(step)}))
    try:
        with hold:
            _run(context, step, hold, launch)
    finally:
        if hold.lost:
            _leave(context, step_id)
    with context.read() as uow:
        return found(uow.steps.get(step_id), step_id)


def _run(context: Context, step: StepDetail, hold: Hold, launch: str | None) -> None:
    try:
        try:
            _work(context, step, hold, launch)
        except OSError as error:  # told as what it is: a full disk above all
            hold.check()  # or the folder is gone because the step was cancelled
            raise error_of_disk(error, f"{step.summary.id} could not write") from error
    except Exception as error:
        _fail(context, hold, error)
        raise


def _leave(context: Context, step_id: str) -> None:
    """Whoever cancelled a step that runs on another machine could not wait for its worker to stop writing."""
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
    run = Run(step, recipe, data, hold, Batch(recipe.batch_size, recipe.batch_size))
    try:
        job = TransferJob(
            recipe=recipe,
            sources=_models(context, step, inputs),
            data=_datasets(context, data, inputs),
            work=work,
            features=context.home / "cache" / "features",
            determinism=Determinism(recipe.seed, threads_of(step)),
            device=_device(context.settings.device, recipe.resources),
            resume=(work / "checkpoints").is_dir(),
        )
        if launch is not None:
            crew.tell(job, launch)
        wall = WallClock(work / "wall.json", resumed=job.resume)
        _train(context, run, job, wall)
        publish(context, run, wall.seconds)
    finally:
        shutil.rmtree(inputs, ignore_errors=True)
        crew.forget(work)
    for leftover in ("checkpoints", "output"):
        shutil.rmtree(work / leftover, ignore_errors=True)
    wall.forget()
    Batch.forget(work)


def _train(context: Context, run: Run, job: TransferJob, wall: WallClock) -> None:
    """Hand the job to its adapter, where memory is short with ever smaller batches (if that was asked for)."""
    run.batch = Batch.recall(job.work, job.recipe.batch_size)
    while True:
        now = replace(job, recipe=replace(job.recipe, batch_size=run.batch.used))
        try:
            _events(context, run, now, wall)
        except OutOfMemoryError as error:
            fewer = run.batch.half if is_automatic(run.step) else None
            if fewer is None:
                raise run.batch.refused(error) from error
        else:
            return
        # Only here, with the exception gone, are the frames gone that held on to the memory.
        gc.collect()
        _start_again(context, run, job.work, fewer)
        job = replace(job, resume=False)


def _events(context: Context, run: Run, job: TransferJob, wall: WallClock) -> None:
    for event in context.plugins.transfer(job.recipe.adapter).run(job):
        if isinstance(event, Saved):
            wall.keep()
        run.hold.check()
        _note(context, run, event)


def _start_again(context: Context, run: Run, work: Path, fewer: Batch) -> None:
    """Forget what was learnt with larger batches: their checkpoints and points belong to another course of training."""
    for leftover in ("checkpoints", "output"):
        shutil.rmtree(work / leftover, ignore_errors=True)
    fewer.keep(work)
    step_id, too_many = run.step.summary.id, run.batch.used
    with context.write() as uow:
        run.hold.keep(uow)
        uow.steps.forget_curve(step_id)
        uow.steps.progress(step_id, epoch=0.0, at=context.clock.now())
        uow.commit(Event("transfer.batch_halved", step_id, {"from": too_many, "to": fewer.used}))
    run.batch, run.started, run.finished, run.measured = fewer, None, None, []


def _device(wish: str, needs: Resources) -> str:
    """A step that asked for GPUs must not quietly run on the CPU."""
    return "cuda" if wish == "auto" and needs.gpus else wish


class WallClock:
    """Seconds that a step has worked, over all attempts: kept with each checkpoint that a later one starts from."""

    def __init__(self, file: Path, *, resumed: bool) -> None:
        self._file, self._begun = file, time.monotonic()
        # A power cut may leave the file empty: what the step cost before is then unknown, and no reason to stop it.
        self._before = float(file.read_text() or 0) if resumed and file.exists() else 0.0

    @property
    def seconds(self) -> float:
        """Until now."""
        return self._before + time.monotonic() - self._begun

    def forget(self) -> None:
        """The step has ended: nothing goes on from here."""
        self._file.unlink(missing_ok=True)

    def keep(self) -> None:
        """Write it down beside the checkpoint."""
        part = self._file.with_suffix(".part")
        part.write_text(repr(self.seconds))
        part.replace(self._file)


def _models(context: Context, step: StepDetail, folder: Path) -> tuple[ModelInput, ...]:
    models = []
    for number, item in enumerate(i for i in step.inputs if i.ref.kind is AssetKind.MODELS):
        with context.read() as uow:
            detail = found(uow.catalog.version(item.ref), item.ref)
        refuse_withheld(detail.summary)
        target = folder / f"model-{number}"
        target.mkdir()
        write_files(context, item.ref, detail.files, target)
        models.append(ModelInput(target, item.digest, item.role, detail.architecture, item.ref.label))
    return tuple(models)


def _datasets(context: Context, data: Mapping[str, StepInput], folder: Path) -> dict[str, DataInput]:
    inputs: dict[str, DataInput] = {}
    read: dict[VersionRef, DataInput] = {}
    for role, item in data.items():
        if item.ref not in read:
            with context.read() as uow:
                detail = found(uow.datasets.version(item.ref), item.ref)
            if detail.summary.digest != item.digest:
                raise DatasetChangedError(f"{item.ref} is not what it was when the step was submitted")
            target = folder / f"data-{len(read)}"
            target.mkdir()
            rows = materialise_dataset(context, detail, target)
            read[item.ref] = DataInput(
                root=target,
                digest=item.digest,
                label=item.ref.label,
                format=detail.summary.format,
                modality=detail.dataset.describing.modality,
                rows=rows,
                split="",
            )
        inputs[role] = replace(read[item.ref], split=item.split or "")
    return inputs


def _note(context: Context, run: Run, event: TransferEvent) -> None:
    """Write what people watch, at most twice a second; keep what the manifest needs."""
    match event:
        case Started():
            run.started = event
        case Finished():
            run.finished = event
        case Measured(final=True) if event.role in run.data:
            run.measured.append(_value(run, event))
        case Measured():
            _write_curve(context, run, event)
        case Advanced():
            now = time.monotonic()
            if now - run.written_at >= PROGRESS_SECONDS:
                run.written_at = now
                _progress(context, run, event)
        case Saved():
            pass


def _value(run: Run, event: Measured) -> MetricValue:
    item = run.data[event.role]
    return MetricValue(event.name, event.value, event.role, item.split or "", item.digest, item.ref.label)


def _write_curve(context: Context, run: Run, event: Measured) -> None:
    point = EpochMetric(event.epoch, event.step, event.name, event.role, event.value)
    with context.write() as uow:
        run.hold.keep(uow)
        uow.steps.add_curve(run.step.summary.id, [point])
        uow.commit_unaudited()


def _progress(context: Context, run: Run, event: Advanced) -> None:
    with context.write() as uow:
        run.hold.keep(uow)
        uow.steps.progress(run.step.summary.id, epoch=event.epoch, at=context.clock.now())
        uow.commit_unaudited()


def _fail(context: Context, hold: Hold, error: Exception) -> None:
    """Record why, unless the step is no longer ours."""
    if isinstance(error, RegistryError):
        sentence = f"[{error.code}] {error}"
    else:
        sentence = f"[{AdapterError.code}] {type(error).__name__}: {error}"
    with context.write() as uow:
        try:
            hold.keep(uow)
        except StepStateError:
            return
        now, step_id = context.clock.now(), hold.step_id
        running = frozenset({StepState.RUNNING})
        if uow.steps.move(step_id, expected=running, to=StepState.FAILED, at=now, error=sentence[:2000]):
            uow.commit(Event("transfer.failed", step_id, {"error": sentence[:2000]}))
