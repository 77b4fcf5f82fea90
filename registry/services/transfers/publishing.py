"""Publishes what a step made: version, edges, metrics, manifest, card and audit entries in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from registry.domain.audit import Event
from registry.domain.catalog.licences import combine_licences
from registry.domain.catalog.models import Describing, MetricValue, Modality
from registry.domain.comparison.answers import Arms
from registry.domain.comparison.records import BASELINES
from registry.domain.data.datasets import LabelKind
from registry.domain.data.labels import usual_task
from registry.domain.manifests import Manifest
from registry.domain.names import AssetKind, VersionRef
from registry.domain.recipes.recipe import Method, Recipe
from registry.domain.transfers.provenance import Compute, Output, write_manifest
from registry.domain.transfers.steps import StepDetail, StepInput, StepState
from registry.errors import AdapterError
from registry.ports.transfers import Finished, Started
from registry.services.artifacts.storing import store_folder
from registry.services.catalog.cards import derived_card
from registry.services.catalog.importing import FIRST_STAGE
from registry.services.comparison.verdicts import record_verdict
from registry.services.context import Context
from registry.services.lookup import found
from registry.services.recipes.outputs import output_kind
from registry.services.storage.catalog import NewVersion
from registry.services.transfers.batch_size import Batch
from registry.services.transfers.leases import Hold
from registry.services.transfers.progress import Pace
from registry.services.transfers.publishing_data import MadeData, add_made_data, take_in
from registry.services.unit_of_work import UnitOfWork

AS_BEFORE = frozenset({Method.CONTINUED_PRETRAINING, Method.MERGE, Method.QUANTIZATION})
"""Methods whose output is for what its parent was for."""


@dataclass(slots=True)
class Run:
    """What one run has learnt so far."""

    step: StepDetail
    recipe: Recipe
    data: Mapping[str, StepInput]
    hold: Hold
    batch: Batch
    started: Started | None = None
    finished: Finished | None = None
    measured: list[MetricValue] = field(default_factory=list)
    pace: Pace = field(default_factory=Pace)
    arms: Arms | None = None
    """What its baselines answered, where they were asked for."""


def submitted_of(step: StepDetail) -> Mapping[str, object]:
    """What was fixed when the step was submitted, beside its recipe."""
    return cast("Mapping[str, object]", step.recipe["submitted"])


def threads_of(step: StepDetail) -> int:
    """The thread count that was fixed when the step was submitted; resuming restores it."""
    return int(cast("int", submitted_of(step)["threads"]))


def is_automatic(step: StepDetail) -> bool:
    """Whether smaller batches may be tried when memory runs out."""
    return submitted_of(step).get("auto_batch") is True


def publish(context: Context, run: Run, wall_seconds: float) -> None:
    """Publish the outputs of `run` and end its step. Raises: AdapterError, StepStateError when it is not ours."""
    started, finished = run.started, run.finished
    if started is None or finished is None:
        raise AdapterError(f"the adapter {run.recipe.adapter} ended without saying what it made")
    made = _made_data(context, run.recipe, finished)
    manifest = made.manifest if made is not None else Manifest.of(store_folder(context.blobs, finished.folder))
    facts = {
        **finished.facts,
        **run.batch.facts,
        "classes": list(finished.classes),
        "resumed_from": started.resumed_from,
    }
    facts |= {} if run.arms is None else {BASELINES: record_verdict(context.blobs, run.arms)}
    now, step_id = context.clock.now(), run.step.summary.id
    with context.write() as uow:
        run.hold.keep(uow)  # from here to the commit nobody can take the step from us
        uow.steps.move(step_id, expected=frozenset({StepState.RUNNING}), to=StepState.SUCCEEDED, at=now)
        uow.steps.progress(step_id, epoch=float(started.epochs), at=now, said=run.pace.progress(now))
        uow.steps.add_measured(step_id, run.measured)
        if made is not None:
            ref = add_made_data(context, uow, run.step, run.recipe, made)
        else:
            ref = _write_version(context, uow, run, manifest, finished)
        compute = Compute(
            device=started.device,
            precision=started.precision,
            hardware=started.hardware,
            libraries=started.libraries,
            threads=threads_of(run.step),
            wall_seconds=wall_seconds,
            device_seconds=finished.device_seconds,
            flops=finished.flops,
            flops_method=finished.flops_method,
            trainable=started.trainable,
            parameters=started.parameters,
        )
        body, digest = write_manifest(
            step_id=step_id,
            method=run.recipe.method,
            adapter=run.recipe.adapter,
            actor=context.actor.handle,
            inputs=run.step.inputs,
            recipe=run.step.recipe,
            compute=compute,
            started_at=now if run.step.summary.started_at is None else run.step.summary.started_at,
            ended_at=now,
            metrics=run.measured,
            outputs=(Output(ref, manifest),),
            facts=facts if made is None else {**facts, **made.facts},
        )
        uow.steps.set_manifest(step_id, body, digest)
        uow.commit(
            Event(
                "model_version.created" if made is None else "dataset_version.created",
                str(ref),
                {"digest": str(manifest.digest), "step": step_id, "manifest": str(digest)},
            ),
            Event("transfer.succeeded", step_id, {"output": str(ref)}),
        )


def _made_data(context: Context, recipe: Recipe, finished: Finished) -> MadeData | None:
    """The dataset that the adapter made, None for a model. Raises: AdapterError when the recipe asks for the other."""
    wanted, given = output_kind(recipe), AssetKind.MODELS if finished.dataset is None else AssetKind.DATASETS
    if wanted is not given:
        raise AdapterError(f"the adapter {recipe.adapter} made one of {given} where the recipe asks for {wanted}")
    return None if finished.dataset is None else take_in(context, finished, recipe.adapter)


def _write_version(context: Context, uow: UnitOfWork, run: Run, manifest: Manifest, finished: Finished) -> VersionRef:
    recipe, now, actor = run.recipe, context.clock.now(), context.actor.handle
    describing = _describing(uow, run)
    if uow.catalog.model(recipe.output) is None:
        uow.catalog.add_model(recipe.output, describing, owner=actor, at=now)
    ref = VersionRef(AssetKind.MODELS, recipe.output, uow.catalog.next_number(AssetKind.MODELS, recipe.output))
    uow.catalog.add_version(
        NewVersion(
            ref=ref,
            manifest=manifest,
            architecture=finished.architecture,
            licence=describing.licence,
            stage=FIRST_STAGE,
            step_id=run.step.summary.id,
            created_at=now,
            created_by=actor,
            tags=recipe.tags,
        )
    )
    card = derived_card(
        ref,
        describing,
        method=recipe.method,
        step_id=run.step.summary.id,
        inputs=run.step.inputs,
        measured=run.measured,
        recipe_text=str(submitted_of(run.step)["text"]),
    )
    uow.catalog.add_card(ref, card, by=actor, at=now)
    return ref


def _task(uow: UnitOfWork, run: Run, modality: Modality, same: str) -> str:
    """What a head that learnt from these labels is for; without labels, `same` as the parent."""
    first = next((item for item in run.step.inputs if item.ref.kind is AssetKind.DATASETS), None)
    labels = LabelKind.CLASS if first is None else found(uow.datasets.version(first.ref), first.ref).summary.labels
    return same if labels is LabelKind.NONE else usual_task(modality, labels)


def _describing(uow: UnitOfWork, run: Run) -> Describing:
    """What the child is: its modality from the parent, its licence at least what the parents ask."""
    parents = [found(uow.catalog.version(i.ref), i.ref) for i in run.step.inputs if i.ref.kind is AssetKind.MODELS]
    modality, same = parents[0].model.modality, parents[0].model.task
    return Describing(
        task=same if run.recipe.method in AS_BEFORE else _task(uow, run, modality, same),
        modality=modality,
        licence=run.recipe.licence or combine_licences([p.summary.licence for p in parents]),
        origin="internal",
        description=run.recipe.description,
        tags=run.recipe.tags,
    )
