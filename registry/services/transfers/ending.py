"""Ends a step that succeeded: its output is published, and its metrics and state are written, in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from lineage import WeightComparison, WeightIndex
from registry.domain.catalog.interface import as_declared
from registry.domain.catalog.licences import combine_licences, licence_notes
from registry.domain.catalog.models import Describing, MetricValue, Modality
from registry.domain.comparison.answers import Arms
from registry.domain.comparison.records import BASELINES
from registry.domain.data.datasets import LabelKind
from registry.domain.data.labels import usual_task
from registry.domain.data.leakage import Leakage
from registry.domain.manifests import Manifest
from registry.domain.names import AssetKind, VersionRef
from registry.domain.recipes.methods import SOURCE
from registry.domain.recipes.recipe import Method, Recipe
from registry.domain.transfers.adapted import PIN
from registry.domain.transfers.metrics import remarks
from registry.domain.transfers.provenance import Compute, notes_of
from registry.domain.transfers.steps import StepDetail, StepInput, StepState
from registry.errors import AdapterError
from registry.ports.transfers import Finished, ModelInput, Started
from registry.services.artifacts.publishing import Asset, DatasetContents, Making, ModelContents, publish
from registry.services.artifacts.storing import store_folder
from registry.services.artifacts.weights import Interfaces, Laid, compare_folders, index_if_readable
from registry.services.catalog.cards import derived_card
from registry.services.comparison.verdicts import record_verdict
from registry.services.context import Context
from registry.services.data.registering import listing_facts
from registry.services.governance.disagreements import raise_what_disagrees
from registry.services.lineage.interfaces import of_output
from registry.services.lineage.leaking import LEAKAGE, leakage_fact, leakage_of
from registry.services.lookup import found
from registry.services.recipes.outputs import output_kind
from registry.services.transfers.batch_size import Batch
from registry.services.transfers.leases import Hold
from registry.services.transfers.made_data import dataset_asset, read_made_data
from registry.services.transfers.progress import Pace
from registry.services.unit_of_work import UnitOfWork

AS_BEFORE = frozenset({Method.CONTINUED_PRETRAINING, Method.MERGE, Method.QUANTIZATION})
"""Methods whose output has the task of its parent."""


@dataclass(slots=True)
class Run:
    """What is known of a run so far."""

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
    """The answers of its baselines, where it has some."""
    weights: Mapping[VersionRef, WeightComparison] = field(default_factory=dict)
    """What the weights of the output say about its source models."""
    interface: Interfaces = field(default_factory=dict)
    """Where the output is spoken to otherwise than those."""
    index: WeightIndex | None = None
    leakage: Leakage | None = None
    """Which of its test rows stood in training data."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Python and platform of the program that ran the step, where that is another than the one that publishes."""


def compare_with_sources(context: Context, run: Run, sources: Sequence[ModelInput]) -> None:
    """Compare weights and interface of a model that was made with those of its source models.

    Adapters are left out, as output and as source: they hold only what was added, and their parent is pinned by digest.
    """
    folder = run.finished.folder if run.finished is not None and run.finished.dataset is None else None
    run.index = None if folder is None else index_if_readable(context, folder)
    if folder is None or (folder / PIN).is_file():
        return
    items = [one for one in run.step.inputs if one.ref.kind is AssetKind.MODELS]
    laid = [
        Laid(item.ref, source.folder)
        for item, source in zip(items, sources, strict=True)
        if item.role == SOURCE and source.base is None
    ]
    run.weights = compare_folders(context, folder, laid) if laid else {}
    unlike = of_output(context, folder, {ref: one.relation for ref, one in run.weights.items()})
    run.interface = {ref: as_declared(one, run.step.recipe) for ref, one in unlike.items()}


def compare_rows(context: Context, run: Run) -> None:
    """Put the test rows of a step beside all rows that its model and the ancestors were trained on."""
    run.leakage = leakage_of(context, run.step.summary.id, run.step.inputs)


def submitted_of(step: StepDetail) -> Mapping[str, object]:
    """What was fixed at submission, beside the recipe."""
    return cast("Mapping[str, object]", step.recipe["submitted"])


def threads_of(step: StepDetail) -> int:
    """The thread count that was fixed when the step was submitted; resuming restores it."""
    return int(cast("int", submitted_of(step)["threads"]))


def is_automatic(step: StepDetail) -> bool:
    """Whether smaller batches may be tried when memory runs out."""
    return submitted_of(step).get("auto_batch") is True


def publish_output(context: Context, run: Run, wall_seconds: float) -> None:
    """Publish the output of `run` and end its step. Raises: AdapterError, StepStateError when it is not ours."""
    started, finished = run.started, run.finished
    if started is None or finished is None:
        raise AdapterError(f"The adapter {run.recipe.adapter} ended without reporting what it made")
    contents = _contents(context, run, finished)
    facts = {
        **finished.facts,
        **run.batch.facts,
        "classes": list(finished.classes),
        "resumed_from": started.resumed_from,
    }
    facts |= {} if run.arms is None else {BASELINES: record_verdict(context.blobs, run.arms)}
    if isinstance(contents, DatasetContents):
        facts |= listing_facts(contents.listing, contents.labels)
    if run.leakage is not None and isinstance(contents, tuple):
        facts |= {LEAKAGE: leakage_fact(run.leakage)}
    licence = run.recipe.licence
    with context.read() as uow:
        of_sources = tuple(source_notes(uow, run.step.inputs))
    if found := (*remarks(run.measured), *of_sources, *(licence_notes(licence) if licence else ())):
        facts["notes"] = [*cast("Sequence[str]", facts.get("notes", ())), *found]
    now, step_id = context.clock.now(), run.step.summary.id
    with context.write() as uow:
        run.hold.keep(uow)  # from here to the commit nobody can take the step from us
        uow.steps.move(step_id, expected=frozenset({StepState.RUNNING}), to=StepState.SUCCEEDED, at=now)
        uow.steps.progress(step_id, epoch=float(started.epochs), at=now, progress=run.pace.progress(now))
        uow.steps.add_measured(step_id, run.measured)
        if isinstance(contents, DatasetContents):
            asset, action = dataset_asset(uow, run.step.inputs, run.recipe, contents), "dataset_version.created"
        else:
            asset, action = _model_asset(uow, run, *contents), "model_version.created"
        making = _making(run, started, finished, facts, wall_seconds, now)
        ref = publish(context, uow, asset, making, action=action)
    if ref.kind is AssetKind.MODELS:
        raise_what_disagrees(context, ref)


def _contents(context: Context, run: Run, finished: Finished) -> DatasetContents | tuple[Manifest, str]:
    """What the adapter made, its bytes stored: a dataset, or a model's files and architecture.

    Raises: AdapterError when the recipe asks for the other.
    """
    recipe = run.recipe
    wanted, given = output_kind(recipe), AssetKind.MODELS if finished.dataset is None else AssetKind.DATASETS
    if wanted is not given:
        raise AdapterError(f"The adapter {recipe.adapter} made one of {given} where the recipe asks for {wanted}")
    if finished.dataset is not None:
        return read_made_data(context, finished, recipe.adapter)
    return Manifest.of(store_folder(context.blobs, finished.folder)), finished.architecture


def _making(
    run: Run, started: Started, finished: Finished, facts: Mapping[str, object], wall_seconds: float, now: datetime
) -> Making:
    summary = run.step.summary
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
        environment=run.environment,
    )
    return Making(
        method=run.recipe.method,
        adapter=run.recipe.adapter,
        inputs=run.step.inputs,
        recipe=run.step.recipe,
        compute=compute,
        started_at=now if summary.started_at is None else summary.started_at,
        ended_at=now,
        facts=facts,
        metrics=run.measured,
        weights=run.weights,
        interface=run.interface,
        step_id=summary.id,
    )


def _model_asset(uow: UnitOfWork, run: Run, manifest: Manifest, architecture: str) -> Asset:
    describing = _describing(uow, run)

    def card(ref: VersionRef) -> str:
        return derived_card(
            ref,
            describing,
            method=run.recipe.method,
            step_id=run.step.summary.id,
            inputs=run.step.inputs,
            measured=run.measured,
            recipe_text=str(submitted_of(run.step)["text"]),
        )

    return Asset(run.recipe.output, describing, ModelContents(manifest, architecture, card, run.recipe.tags, run.index))


def _task(uow: UnitOfWork, run: Run, modality: Modality, same: str) -> str:
    """The task of a head trained on these labels; without labels, `same`, the task of the parent."""
    first = next((item for item in run.step.inputs if item.ref.kind is AssetKind.DATASETS), None)
    labels = LabelKind.CLASS if first is None else found(uow.datasets.version(first.ref), first.ref).summary.labels
    return same if labels is LabelKind.NONE else usual_task(modality, labels)


def source_notes(uow: UnitOfWork, inputs: Iterable[StepInput]) -> Iterator[str]:
    """What was noted when the source models of a step were imported, for example that they look untrained."""
    for ref in dict.fromkeys(given.ref for given in inputs if given.ref.kind is AssetKind.MODELS):
        detail = uow.catalog.version(ref)
        manifest = None if detail is None else uow.steps.manifest(detail.step)
        if manifest is not None and manifest.get("method") == Method.IMPORT:
            yield from (f"{ref}: {note}" for note in notes_of(manifest))


def _describing(uow: UnitOfWork, run: Run) -> Describing:
    """Modality as the parent's; licence as in the recipe, else all licences of the parents combined."""
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
