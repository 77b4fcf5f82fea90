"""Runs one transfer step in this process: inputs out of the store, the adapter's events into rows, outputs published.

The outputs, the new version, its edges, manifest and audit entries commit in one transaction; whatever dies before
that leaves a step that can be resumed or that failed, never half a version.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from lineage import Assurance
from registry.domain.audit import Event
from registry.domain.catalog import MetricValue
from registry.domain.names import AssetKind, VersionRef
from registry.domain.transfers import StepDetail, StepInput, StepState
from registry.errors import (
    AdapterError,
    DatasetChangedError,
    RefusedError,
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
from registry.services.arm_recipes import Plan, plan_of
from registry.services.baselines import Baselines
from registry.services.context import Context
from registry.services.datasets import materialise_dataset
from registry.services.lookup import WITHHELD, found
from registry.services.model_inputs import model_input
from registry.services.publishing import Run, publish, submitted_of, threads_of
from registry.services.recipes import recipe_from_record
from registry.services.reporting import Reporter


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
        with Reporter(context, step.summary.id, run.pace) as reporter:
            for event in _events(context, run, job, inputs):
                if isinstance(event, Saved):
                    wall.keep()
                _note(run, reporter, event)
        publish(context, run, wall.seconds)
    finally:
        shutil.rmtree(inputs, ignore_errors=True)
    for leftover in ("checkpoints", "output", "arms"):
        shutil.rmtree(work / leftover, ignore_errors=True)
    wall.forget()


def _events(context: Context, run: Run, job: TransferJob, inputs: Path) -> Iterator[TransferEvent]:
    """What the step's own job tells, then what its baselines do, where they were asked for."""
    adapter = context.plugins.transfer(run.recipe.adapter)
    yield from adapter.run(job)
    plan = plan_of(submitted_of(run.step))
    if plan is None or run.finished is None:
        return
    skipped: dict[str, str] = {}
    baselines = Baselines(adapter, job, plan, _in_production(context, plan, inputs, skipped), skipped)
    yield from baselines.run(run.finished.folder)
    run.arms = baselines.collect(run.step.summary.id)


def _in_production(context: Context, plan: Plan, inputs: Path, skipped: dict[str, str]) -> ModelInput | None:
    """The version that was in production when the step was submitted, on disk; it may have been taken away since."""
    if plan.production is None:
        return None
    with context.read() as uow:
        detail = uow.catalog.version(plan.production)
    if detail is None or detail.summary.status in WITHHELD:
        skipped["production"] = f"{plan.production} is there no more, or withheld"
        return None
    item = StepInput(plan.production, detail.summary.digest, "production", None, Assurance.OBSERVED)
    try:
        return model_input(context, item, inputs / "production")
    except RefusedError as error:  # an adapter whose parent was taken away
        skipped["production"] = str(error)
        return None


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


def _note(run: Run, reporter: Reporter, event: TransferEvent) -> None:
    """Report what people watch; keep what the manifest needs."""
    match event:
        case Started():
            run.started = event
            run.pace.steps = event.steps
        case Finished():
            run.finished = event
        case Measured(final=True) if event.role in run.data:
            run.measured.append(_value(run, event))
        case Measured():
            reporter.measured(event)
        case Advanced():
            reporter.advanced(event)
        case Saved():
            reporter.flush()  # going on from this checkpoint does not measure again what was before it


def _value(run: Run, event: Measured) -> MetricValue:
    item = run.data[event.role]
    return MetricValue(event.name, event.value, event.role, item.split or "", item.digest, item.ref.label)


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
