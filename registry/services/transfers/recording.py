"""Records a step that a person's own program ran: its output is imported, its inputs are its edges, in one transaction.

How sure an input is, the registry decides: `observed` where it gave out all bytes of the input for this very step and
the output came with the record, else `declared`. What the program measured is its own statement, in the manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import yaml

from lineage import Assurance, Digest, WeightComparison, WeightIndex
from registry.domain.audit import Event
from registry.domain.catalog.interface import as_declared
from registry.domain.catalog.licences import combine_licences, licence_notes, normalise_licence
from registry.domain.catalog.models import Describing, VersionDetail
from registry.domain.credentials import cleaned_facts, without_credentials
from registry.domain.ids import new_id
from registry.domain.manifests import Manifest, canonical_json
from registry.domain.names import AssetKind, VersionRef
from registry.domain.recipes.methods import SOURCE
from registry.domain.transfers.provenance import Compute, file_list
from registry.domain.transfers.recorded import DECLARED, OWN_CODE, RecordTransfer, UsedInput
from registry.domain.transfers.steps import StepInput, StepState
from registry.errors import InvalidError
from registry.ports.importing import ConvertedSource
from registry.services.artifacts.publishing import Asset, Making, ModelContents, publish
from registry.services.artifacts.storing import files_as_given, store_folder
from registry.services.artifacts.weights import Interfaces, compare_folders, index_if_readable, lay_out_weights
from registry.services.catalog.cards import derived_card
from registry.services.context import Context
from registry.services.governance.disagreements import raise_what_disagrees
from registry.services.lineage.interfaces import of_output
from registry.services.lookup import found, refuse_as_source, refuse_taken, resolve
from registry.services.storage.transfers import NewStep
from registry.services.transfers.ending import source_notes
from registry.services.transfers.readings import key_of, was_read
from registry.services.unit_of_work import UnitOfWork
from registry.services.workspace import workspace
from registry.sources import resolve_source


@dataclass(frozen=True, slots=True)
class _Made:
    """The output, its bytes stored, and what they say about its parents."""

    converted: ConvertedSource
    manifest: Manifest
    architecture: str
    given: list[dict[str, object]]
    weights: Mapping[VersionRef, WeightComparison]
    interface: Interfaces
    index: WeightIndex | None


def record(context: Context, wanted: RecordTransfer) -> str:
    """The id of the step. See `TransferVerbs.record`."""
    with context.read() as uow:  # whatever can be refused before the slow work
        _check_name(uow, wanted)
        inputs = _inputs(context, uow, wanted)
        parents = [found(uow.catalog.version(one.ref), one.ref) for one in inputs if one.ref.kind is AssetKind.MODELS]
    if wanted.error:
        return _failed(context, wanted)
    with workspace(context.home, "import") as work:
        made = _stored(context, wanted, inputs, parents, work)
    describing = _describing(wanted, made.converted, parents)
    with context.write() as uow:
        _check_name(uow, wanted)
        inputs = _inputs(context, uow, wanted)
        now = context.clock.now()
        step_id = _add(context, uow, wanted, inputs, now)
        uow.steps.move(step_id, expected=frozenset({StepState.RUNNING}), to=StepState.SUCCEEDED, at=now)
        asset = _asset(wanted, made, describing, step_id, inputs)
        making = _making(wanted, made, inputs, step_id, now, _notes(uow, wanted, inputs, describing))
        ref = publish(context, uow, asset, making, action="model_version.created")
    raise_what_disagrees(context, ref)
    return step_id


def _check_name(uow: UnitOfWork, wanted: RecordTransfer) -> None:
    if not uow.catalog.has_model(wanted.output):
        refuse_taken(uow, AssetKind.MODELS, wanted.output)


def _inputs(context: Context, uow: UnitOfWork, wanted: RecordTransfer) -> tuple[StepInput, ...]:
    """Raises: NotFoundError, RefusedError for one that nothing new is made from, InvalidError."""
    now, key = context.clock.now(), key_of(context, wanted.reading) if wanted.reading else None
    inputs = []
    for one in wanted.inputs:
        ref = resolve(uow, one.reference)
        if ref.kind is AssetKind.MODELS:
            summary = found(uow.catalog.version(ref), ref).summary
            refuse_as_source(uow, summary, now)
            digest, split = summary.digest, None
        else:
            digest, split = _dataset(uow, one, ref, now)
        observed = key is not None and was_read(uow, key, ref)
        inputs.append(StepInput(ref, digest, one.role, split, Assurance.OBSERVED if observed else Assurance.DECLARED))
    if len({(one.ref, one.role, one.split) for one in inputs}) < len(inputs):
        raise InvalidError("An input is named twice in the same role", remedy="Name it once")
    return tuple(inputs)


def _dataset(uow: UnitOfWork, one: UsedInput, ref: VersionRef, now: datetime) -> tuple[Digest, str | None]:
    summary = found(uow.datasets.version(ref), ref).summary
    refuse_as_source(uow, summary, now)
    splits = [split.name for split in summary.splits]
    if one.split is not None and one.split not in splits:
        raise InvalidError(f"{ref} has no split {one.split[:80]!r}", remedy=f"It has: {', '.join(splits)}")
    return summary.digest, one.split


def _failed(context: Context, wanted: RecordTransfer) -> str:
    """Record the step with its error, and no output."""
    error = without_credentials(wanted.error)[:2000]
    with context.write() as uow:
        _check_name(uow, wanted)
        inputs, now = _inputs(context, uow, wanted), context.clock.now()
        step_id = _add(context, uow, wanted, inputs, now)
        uow.steps.move(step_id, expected=frozenset({StepState.RUNNING}), to=StepState.FAILED, at=now, error=error)
        uow.commit(Event("transfer.failed", step_id, {"error": error, "output": str(wanted.output)}))
    return step_id


def _add(
    context: Context, uow: UnitOfWork, wanted: RecordTransfer, inputs: tuple[StepInput, ...], now: datetime
) -> str:
    """Write the step as running since it began, with its inputs and curve, and forget the reading."""
    recipe = _recipe(wanted)
    identity = {"recipe": recipe, "inputs": [[str(i.digest), i.role, i.split] for i in inputs]}
    step = NewStep(
        id=new_id("step", now),
        digest=Digest.of(canonical_json(identity)),
        kind=AssetKind.MODELS,
        wanted=wanted.output,
        method=wanted.method,
        adapter=OWN_CODE,
        state=StepState.RUNNING,
        recipe=recipe,
        inputs=inputs,
        created_at=now - timedelta(seconds=min(wanted.seconds, 10.0**8)),
        created_by=context.actor.handle,
        token=context.actor.token,
    )
    uow.steps.add(step)
    if wanted.curve:
        uow.steps.add_curve(step.id, wanted.curve)
    if wanted.reading:
        uow.steps.forget_reading(key_of(context, wanted.reading))
    return step.id


def _recipe(wanted: RecordTransfer) -> dict[str, object]:
    """What is on record instead of a recipe: it cannot be run again by us."""
    return cleaned_facts({"own_code": True, "parameters": dict(wanted.parameters)})


def _stored(
    context: Context, wanted: RecordTransfer, inputs: tuple[StepInput, ...], parents: list[VersionDetail], work: Path
) -> _Made:
    source = resolve_source(wanted.source)
    converted = context.plugins.import_source(
        source, work / "converted", architecture=wanted.architecture, pickles=not wanted.uploaded, owned=wanted.uploaded
    )
    architecture = converted.facts.architecture or wanted.architecture
    if architecture is None:
        raise InvalidError("The output does not state its architecture", remedy="Give architecture=…")
    sources = {one.ref for one in inputs if one.role == SOURCE}
    laid = [
        lay_out_weights(context, one, work / f"parent-{number}")
        for number, one in enumerate(parents)
        if one.summary.ref in sources
    ]
    weights = compare_folders(context, converted.folder, laid) if laid else {}
    unlike = of_output(context, converted.folder, {ref: one.relation for ref, one in weights.items()})
    return _Made(
        converted,
        Manifest.of(store_folder(context.blobs, converted.folder, adopt=True)),
        architecture,
        file_list(files_as_given(source)),
        weights,
        {ref: as_declared(one, {}) for ref, one in unlike.items()},
        index_if_readable(context, converted.folder),
    )


def _describing(wanted: RecordTransfer, converted: ConvertedSource, parents: list[VersionDetail]) -> Describing:
    """What was said, else what the files say, else as the first parent. Raises: InvalidError for what is missing."""
    first = parents[0].model if parents else None
    licence = wanted.licence or (combine_licences([one.summary.licence for one in parents]) if parents else None)
    licence = licence or converted.facts.licence
    task = wanted.task or converted.facts.task or (first.task if first else None)
    modality = wanted.modality or converted.facts.modality or (first.modality if first else None)
    if licence is None or task is None or modality is None:
        named = {"licence": licence, "task": task, "modality": modality}
        missing = ", ".join(name for name, value in named.items() if value is None)
        raise InvalidError(f"The output does not state its {missing}", remedy="Give it, or a model as an input")
    return Describing(
        task=task,
        modality=modality,
        licence=normalise_licence(licence),
        origin="internal",
        description=wanted.description,
        tags=wanted.tags,
    )


def _asset(
    wanted: RecordTransfer, made: _Made, describing: Describing, step_id: str, inputs: tuple[StepInput, ...]
) -> Asset:
    said = {"parameters": dict(wanted.parameters), DECLARED: dict(wanted.metrics)}

    def card(ref: VersionRef) -> str:
        return derived_card(
            ref,
            describing,
            method=wanted.method,
            step_id=step_id,
            inputs=inputs,
            measured=(),
            recipe_text=yaml.safe_dump(cleaned_facts({key: value for key, value in said.items() if value})),
            heading="As its own program says",
        )

    contents = ModelContents(made.manifest, made.architecture, card, wanted.tags, made.index)
    return Asset(wanted.output, describing, contents)


def _notes(uow: UnitOfWork, wanted: RecordTransfer, inputs: tuple[StepInput, ...], describing: Describing) -> list[str]:
    notes = list(source_notes(uow, inputs))
    if wanted.metrics:
        notes.append("The metrics of this step are what its own program says; the registry has measured none of them")
    return [*notes, *licence_notes(describing.licence)]


def _making(
    wanted: RecordTransfer,
    made: _Made,
    inputs: tuple[StepInput, ...],
    step_id: str,
    now: datetime,
    notes: list[str],
) -> Making:
    ran = wanted.environment
    compute = Compute(
        device="unknown",
        hardware=ran.hardware,
        libraries=ran.libraries,
        environment={"python": ran.python, "platform": ran.platform},
        wall_seconds=wanted.seconds,
        parameters=made.converted.parameters,
    )
    facts: dict[str, object] = {"own_code": True, "source_files": made.given, "tensors": made.converted.tensors}
    facts |= {DECLARED: dict(wanted.metrics)} if wanted.metrics else {}
    facts |= {"notes": [*made.converted.notes, *notes]}
    return Making(
        method=wanted.method,
        adapter=OWN_CODE,
        inputs=inputs,
        recipe=_recipe(wanted),
        compute=compute,
        started_at=now - timedelta(seconds=min(wanted.seconds, 10.0**8)),
        ended_at=now,
        facts=facts,
        weights=made.weights,
        interface=made.interface,
        step_id=step_id,
    )
