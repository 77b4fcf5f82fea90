"""Runs one transfer step in this process: inputs out of the store, the adapter's events into rows, outputs published.

The outputs, the new version, its edges, manifest and audit entries commit in one transaction; whatever dies before
that leaves a step that can be resumed or that failed, never half a version.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from registry.domain.audit import Event
from registry.domain.catalog import MetricValue
from registry.domain.names import AssetKind, VersionRef
from registry.domain.transfers import EpochMetric, StepDetail, StepInput, StepState
from registry.errors import (
    AdapterError,
    DatasetChangedError,
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
from registry.services.context import Context
from registry.services.datasets import materialise_dataset
from registry.services.lookup import found
from registry.services.model_inputs import model_input
from registry.services.publishing import Run, publish, threads_of
from registry.services.recipes import recipe_from_record

PROGRESS_SECONDS = 0.5
"""How often progress is written while nothing else is."""


def work_folder(home: Path, step_id: str) -> Path:
    """The step's own folder: worker log, checkpoints, inputs and output while it runs."""
    return home / "work" / step_id


def run_step(context: Context, step_id: str) -> StepDetail:
    """Run a queued step to its end. Raises: NotFoundError, StepStateError, and whatever made the step fail."""
    with context.write() as uow:
        step = found(uow.steps.get(step_id), step_id)
        now = context.clock.now()
        if not uow.steps.move(step_id, expected=frozenset({StepState.QUEUED}), to=StepState.RUNNING, at=now):
            raise StepStateError(f"{step_id} is {step.summary.state}, so it cannot be started")
        step = found(uow.steps.get(step_id), step_id)  # with the moment it started, which its manifest tells
        uow.commit(Event("transfer.started", step_id, {"threads": threads_of(step)}))
    try:
        try:
            _work(context, step)
        except OSError as error:  # told as what it is: a full disk above all
            raise error_of_disk(error, f"{step_id} could not write") from error
    except Exception as error:
        _fail(context, step_id, error)
        raise
    with context.read() as uow:
        return found(uow.steps.get(step_id), step_id)


def _work(context: Context, step: StepDetail) -> None:
    work = work_folder(context.home, step.summary.id)
    inputs = work / "inputs"
    shutil.rmtree(inputs, ignore_errors=True)
    inputs.mkdir(parents=True)
    recipe = recipe_from_record({k: v for k, v in step.recipe.items() if k != "submitted"})
    data = {i.role: i for i in step.inputs if i.ref.kind is AssetKind.DATASETS}
    run = Run(step, recipe, data)
    try:
        job = TransferJob(
            recipe=recipe,
            sources=_models(context, step, inputs),
            data=_datasets(context, data, inputs),
            work=work,
            features=context.home / "cache" / "features",
            determinism=Determinism(recipe.seed, threads_of(step)),
            device=context.settings.device,
            resume=(work / "checkpoints").is_dir(),
        )
        wall = WallClock(work / "wall.json", resumed=job.resume)
        for event in context.plugins.transfer(recipe.adapter).run(job):
            if isinstance(event, Saved):
                wall.keep()
            _note(context, run, event)
        publish(context, run, wall.seconds)
    finally:
        shutil.rmtree(inputs, ignore_errors=True)
    for leftover in ("checkpoints", "output"):
        shutil.rmtree(work / leftover, ignore_errors=True)
    wall.forget()


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
    items = [item for item in step.inputs if item.ref.kind is AssetKind.MODELS]
    return tuple(model_input(context, item, folder / f"model-{number}") for number, item in enumerate(items))


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
                labels=detail.summary.labels,
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
        uow.steps.add_curve(run.step.summary.id, [point])
        uow.commit_unaudited()


def _progress(context: Context, run: Run, event: Advanced) -> None:
    with context.write() as uow:
        uow.steps.progress(run.step.summary.id, epoch=event.epoch, at=context.clock.now())
        uow.commit_unaudited()


def _fail(context: Context, step_id: str, error: Exception) -> None:
    """Record why, unless the step was cancelled meanwhile."""
    if isinstance(error, RegistryError):
        sentence = f"[{error.code}] {error}"
    else:
        sentence = f"[{AdapterError.code}] {type(error).__name__}: {error}"
    with context.write() as uow:
        now = context.clock.now()
        running = frozenset({StepState.RUNNING})
        if uow.steps.move(step_id, expected=running, to=StepState.FAILED, at=now, error=sentence[:2000]):
            uow.commit(Event("transfer.failed", step_id, {"error": sentence[:2000]}))
