"""One step on this machine: `python -m registry.working.step FILE` runs an assignment and hands over its output.

The address of the server and the token are in the environment, as the settings FOREBEAR_URL and FOREBEAR_TOKEN.
"""

from __future__ import annotations

import argparse
import json
import logging
import platform
import shutil
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

from registry.bootstrap import SystemClock
from registry.client.choosing import Remote
from registry.domain.codec import from_json
from registry.domain.codec.recipe import recipe_from_record
from registry.domain.transfers.recorded import Environment
from registry.domain.transfers.steps import EpochMetric
from registry.domain.transfers.work import Assignment, Outcome
from registry.domain.verbs.registry import Registry
from registry.errors import AdapterError, RegistryError, StepStateError
from registry.folders import error_of_disk
from registry.logs import keep_out_of_logs
from registry.plugins import EntryPointPlugins
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
from registry.services.context import Plugins
from registry.services.transfers.running import WallClock
from registry.settings import Settings
from registry.working.inputs import Inputs
from registry.working.reporting import Reporting

logger = logging.getLogger("forebear.worker")


@dataclass(slots=True)
class _Seen:
    """What the adapter has said so far."""

    started: Started | None = None
    finished: Finished | None = None
    measured: list[EpochMetric] = field(default_factory=list)


def main(words: list[str] | None = None) -> int:
    """Run the assignment; exit 0, or the code of the error's family."""
    parser = argparse.ArgumentParser(prog="registry.working.step")
    parser.add_argument("assignment", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    arguments = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s", stream=sys.stderr)
    keep_out_of_logs()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    assignment = from_json(Assignment, json.loads(arguments.assignment.read_bytes()))
    arguments.assignment.unlink()  # it holds the key to the step
    settings = Settings.from_environment()
    with Remote(str(settings.url), settings.allow_http, named=True).connect(settings) as registry:
        return run(registry, assignment, arguments.cache, EntryPointPlugins(memory=0, seconds=0), settings.device)


def run(registry: Registry, assignment: Assignment, cache: Path, plugins: Plugins, device: str) -> int:
    """Run the step and hand over what it made; where it fails, say so to the server. The exit code."""
    step_id, worker = assignment.step.summary.id, assignment.worker
    reporting = Reporting(registry, step_id, worker)
    try:
        try:
            with reporting:
                _work(registry, assignment, cache, plugins, device, reporting)
        except KeyboardInterrupt:
            if reporting.ended is None:
                raise
            raise reporting.ended from None
        except OSError as error:
            raise error_of_disk(error, f"{step_id} could not write") from error
    except StepStateError as error:
        logger.warning("%s", error)
        shutil.rmtree(work_folder(cache, step_id), ignore_errors=True)
        return error.family.exit_code
    except RegistryError as error:
        return _give_up(registry, step_id, worker, f"[{error.code}] {error}", error.family.exit_code)
    except Exception as error:
        logger.exception("The step failed")
        return _give_up(registry, step_id, worker, f"[{AdapterError.code}] {type(error).__name__}: {error}", 1)
    shutil.rmtree(work_folder(cache, step_id), ignore_errors=True)
    return 0


def work_folder(cache: Path, step_id: str) -> Path:
    """Where the step keeps its checkpoints and its output on this machine."""
    return cache / "work" / step_id


def _give_up(registry: Registry, step_id: str, worker: str, sentence: str, code: int) -> int:
    logger.error("%s", sentence)
    try:
        registry.work.give_up(step_id, worker, sentence)
    except RegistryError as error:
        logger.warning("The server was not told: %s", error)
    return code


def _work(
    registry: Registry, assignment: Assignment, cache: Path, plugins: Plugins, device: str, reporting: Reporting
) -> None:
    step = assignment.step
    work = work_folder(cache, step.summary.id)
    work.mkdir(parents=True, exist_ok=True)
    recipe = recipe_from_record({k: v for k, v in step.recipe.items() if k != "submitted"})
    inputs = Inputs(registry, assignment, cache)
    reporting.begin("reading the models")
    sources = inputs.models()
    reporting.begin("reading the data")
    job = TransferJob(
        recipe=recipe,
        sources=sources,
        data=inputs.data(),
        work=work,
        features=cache / "features",
        determinism=Determinism(recipe.seed, assignment.threads),
        device="cuda" if device == "auto" and recipe.resources.gpus else device,
        resume=(work / "checkpoints").is_dir(),
    )
    wall = WallClock(work / "wall.json", SystemClock(), resumed=job.resume)
    reporting.begin(f"starting the adapter {recipe.adapter}")
    adapter, seen = plugins.transfer(recipe.adapter), _Seen()
    reporting.begin("loading the model")
    for event in adapter.run(job):
        reporting.check()
        _note(seen, reporting, event, wall)
    if seen.started is None or seen.finished is None:
        raise AdapterError(f"The adapter {recipe.adapter} ended without reporting what it made")
    reporting.begin("publishing the output")
    reporting.handing_over = True
    outcome = _outcome(seen.started, seen.finished, seen.measured, wall.seconds)
    registry.work.hand_over(step.summary.id, assignment.worker, outcome, seen.finished.folder)


def _note(seen: _Seen, reporting: Reporting, event: TransferEvent, wall: WallClock) -> None:
    match event:
        case Started():
            seen.started = event
            reporting.pace.steps = event.steps
            reporting.begin("preparing the first batches" if event.steps else "computing the results")
        case Finished():
            seen.finished = event
        case Measured(final=True):
            seen.measured.append(EpochMetric(event.epoch, event.step, event.name, event.role, event.value))
        case Measured():
            reporting.measured(event)
        case Advanced():
            reporting.advanced(event)
        case Saved():
            wall.keep()
            reporting.flush()  # the server refuses it where an input was taken back


def _outcome(started: Started, finished: Finished, measured: list[EpochMetric], seconds: float) -> Outcome:
    return Outcome(
        device=started.device,
        precision=started.precision,
        hardware=started.hardware,
        libraries=started.libraries,
        steps=started.steps,
        epochs=started.epochs,
        trainable=started.trainable,
        parameters=started.parameters,
        resumed_from=started.resumed_from,
        architecture=finished.architecture,
        device_seconds=finished.device_seconds,
        flops=finished.flops,
        flops_method=finished.flops_method,
        classes=finished.classes,
        facts=finished.facts,
        dataset=finished.dataset,
        labels=finished.labels,
        measured=tuple(measured),
        seconds=seconds,
        environment=Environment(platform.python_version(), platform.platform()),
    )


if __name__ == "__main__":
    sys.exit(main())
