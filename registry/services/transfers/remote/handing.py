"""What a worker on another machine made is published as if the step had run here, for whoever submitted it."""

from __future__ import annotations

from pathlib import Path

from registry.domain.catalog.models import MetricValue
from registry.domain.catalog.pickles import is_pickle
from registry.domain.codec.recipe import recipe_from_record
from registry.domain.names import AssetKind
from registry.domain.people.people import Actor
from registry.domain.transfers.steps import StepDetail, StepInput, StepState
from registry.domain.transfers.work import Outcome
from registry.errors import InvalidError, StepStateError, UnsafeArtifactError
from registry.ports.transfers import Finished, Started
from registry.services.context import Context
from registry.services.lookup import actor_of, found
from registry.services.transfers.batch_size import Batch
from registry.services.transfers.ending import Run, compare_rows, compare_with_sources, publish_output
from registry.services.transfers.inputs import lay_out_models
from registry.services.transfers.leases import Hold
from registry.services.workspace import workspace
from registry.sources import PICKLED

ARCHIVE = b"PK\x03\x04"
"""How the archives begin that torch puts pickles in."""


def hand_over(context: Context, hold: Hold, outcome: Outcome, folder: Path) -> None:
    """See `WorkVerbs.hand_over`."""
    step = _held(context, hold)
    if outcome.dataset is None:
        _refuse_pickles(folder)
    recipe = recipe_from_record({k: v for k, v in step.recipe.items() if k != "submitted"})
    data = {i.role: i for i in step.inputs if i.ref.kind is AssetKind.DATASETS}
    ran = outcome.environment
    run = Run(
        step,
        recipe,
        data,
        hold,
        Batch(recipe.batch_size, recipe.batch_size),
        started=_started(outcome),
        finished=_finished(outcome, folder),
        measured=_measured(outcome, data),
        environment={"python": ran.python, "platform": ran.platform},
    )
    submitter = _submitter(context, step)
    with hold, workspace(context.home, "publish") as work:
        compare_with_sources(context, run, lay_out_models(context, step, work))
        compare_rows(context, run)
        with context.as_actor(submitter).holding() as held:
            publish_output(held, run, outcome.seconds)


def _held(context: Context, hold: Hold) -> StepDetail:
    """The step, while the worker holds it. Raises: StepStateError."""
    with context.without_terms().write() as uow:
        hold.keep(uow)
        step = found(uow.steps.get(hold.step_id), hold.step_id)
        uow.commit_unaudited()
    if step.summary.state is not StepState.RUNNING:
        raise StepStateError(f"{hold.step_id} is {step.summary.state}, so nothing can be published for it")
    return step


def _submitter(context: Context, step: StepDetail) -> Actor:
    """Whoever submitted the step is who made its output, with the roles that they have now."""
    with context.read() as uow:
        return found(actor_of(uow, step.summary.created_by), step.summary.created_by)


def _refuse_pickles(folder: Path) -> None:
    for path in sorted(folder.rglob("*") if folder.is_dir() else [folder]):
        if path.is_file():
            with path.open("rb") as stream:
                archived = stream.read(len(ARCHIVE)) == ARCHIVE
                stream.seek(0)
                pickled = is_pickle(stream, path.stat().st_size)
            if path.suffix in PICKLED or archived or pickled:
                raise UnsafeArtifactError(f"{path.name!r} is a pickle or an archive of one, and no output has these")


def _measured(outcome: Outcome, data: dict[str, StepInput]) -> list[MetricValue]:
    """As the loop of a local step keeps them. Raises: InvalidError for a role that the step does not have."""
    found_values = []
    for one in outcome.measured:
        item = data.get(one.role)
        if item is None:
            raise InvalidError(f"The step has no data in the role {one.role[:80]!r}, on which {one.name} was measured")
        found_values.append(MetricValue(one.name, one.value, one.role, item.split or "", item.digest, item.ref.label))
    return found_values


def _started(outcome: Outcome) -> Started:
    return Started(
        outcome.device, outcome.precision, outcome.hardware, outcome.libraries, outcome.steps, outcome.epochs,
        outcome.trainable, outcome.parameters, outcome.resumed_from,
    )  # fmt: skip


def _finished(outcome: Outcome, folder: Path) -> Finished:
    return Finished(
        folder, outcome.architecture, outcome.device_seconds, outcome.flops, outcome.flops_method, outcome.classes,
        outcome.facts, outcome.dataset, outcome.labels,
    )  # fmt: skip
