"""Import of source models: convert in a subprocess, store the bytes, publish version and step in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from lineage import Assurance, Digest
from registry.domain.audit import Event
from registry.domain.catalog.licences import normalise_licence
from registry.domain.catalog.models import Describing
from registry.domain.ids import new_id
from registry.domain.manifests import FileEntry, Manifest, canonical_json
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.provenance import Compute, Output, file_list, write_manifest
from registry.domain.transfers.steps import StepInput, StepState
from registry.domain.verbs.catalog import ImportModel
from registry.errors import InvalidError, NotFoundError
from registry.machine import this_machine
from registry.ports.importing import ConvertedSource
from registry.services.artifacts.sources import PACKAGE, resolve_source
from registry.services.artifacts.storing import files_as_given, store_folder
from registry.services.catalog.cards import card_licence, source_card, split_card
from registry.services.context import Context
from registry.services.lookup import refuse_taken
from registry.services.storage.catalog import NewVersion
from registry.services.storage.transfers import NewStep
from registry.services.unit_of_work import UnitOfWork
from registry.services.workspace import workspace

FIRST_STAGE = "registered"


@dataclass(frozen=True, slots=True)
class _Prepared:
    wanted: ImportModel
    converted: ConvertedSource
    describing: Describing
    architecture: str
    manifest: Manifest
    given: tuple[FileEntry, ...]
    """The source's files as they came."""
    started_at: datetime


def import_model(context: Context, wanted: ImportModel) -> VersionRef:
    """Do what `CatalogVerbs.import_model` promises; give the version, which is the old one for the same bytes again."""
    started = context.clock.now()
    if wanted.card is not None:
        split_card(wanted.card)
    with context.read() as uow:  # what can be refused before the slow work is
        _check_name(uow, wanted.name)
        _claimed(uow, wanted)
    with workspace(context.home, "import") as work:
        source = resolve_source(wanted.source)
        converted = context.plugins.import_source(
            source, work / "converted", architecture=wanted.architecture, pickles=not wanted.uploaded
        )
        describing, architecture = _describe(wanted, converted)
        manifest = Manifest.of(store_folder(context.blobs, converted.folder))
        given = files_as_given(source)
    prepared = _Prepared(wanted, converted, describing, architecture, manifest, given, started)
    with context.write() as uow:
        _check_name(uow, wanted.name)
        latest = uow.catalog.resolve(Reference(AssetKind.MODELS, wanted.name))
        if latest is not None and latest in uow.catalog.versions_with(manifest.digest):
            return latest
        ref, event = _publish(context, uow, prepared)
        uow.commit(event)
    return ref


def _check_name(uow: UnitOfWork, name: Name) -> None:
    if uow.catalog.model(name) is None:
        refuse_taken(uow, AssetKind.MODELS, name)


def _describe(wanted: ImportModel, converted: ConvertedSource) -> tuple[Describing, str]:
    facts = converted.facts
    licence = wanted.licence or facts.licence or card_licence(facts.card)
    task, modality = wanted.task or facts.task, wanted.modality or facts.modality
    architecture = facts.architecture or wanted.architecture
    missing = [
        word
        for word, value in (
            ("licence", licence),
            ("task", task),
            ("modality", modality),
            ("architecture", architecture),
        )
        if not value
    ]
    if licence is None or task is None or modality is None or architecture is None:
        raise InvalidError(
            f"the source does not say its {', '.join(missing)}",
            remedy="Give " + " ".join(f"--{word} …" for word in missing),
        )
    describing = Describing(
        task=task,
        modality=modality,
        licence=normalise_licence(licence),
        origin=wanted.origin or _origin(wanted),
        description=wanted.description,
        tags=wanted.tags,
    )
    return describing, architecture


def _origin(wanted: ImportModel) -> str:
    if wanted.uploaded:
        return "upload"
    return wanted.source if wanted.source.startswith(PACKAGE) else f"file:{Path(wanted.source).name}"


def _publish(context: Context, uow: UnitOfWork, prepared: _Prepared) -> tuple[VersionRef, Event]:
    wanted, describing, now, actor = prepared.wanted, prepared.describing, context.clock.now(), context.actor.handle
    if uow.catalog.model(wanted.name) is None:
        uow.catalog.add_model(wanted.name, describing, owner=actor, at=now)
    ref = VersionRef(AssetKind.MODELS, wanted.name, uow.catalog.next_number(AssetKind.MODELS, wanted.name))
    step_id, inputs = new_id("step", now), _claimed(uow, wanted)
    record = {
        "source": describing.origin,
        "format": prepared.converted.facts.format,
        "architecture": prepared.architecture,
        "notes": list(prepared.converted.notes),
    }
    uow.steps.add(
        NewStep(
            id=step_id,
            digest=Digest.of(canonical_json({"record": record, "output": str(prepared.manifest.digest)})),
            kind=AssetKind.MODELS,
            wanted=wanted.name,
            method=Method.IMPORT,
            adapter=prepared.converted.facts.format,
            state=StepState.SUCCEEDED,
            recipe=record,
            inputs=inputs,
            created_at=now,
            created_by=actor,
        )
    )
    uow.catalog.add_version(
        NewVersion(
            ref=ref,
            manifest=prepared.manifest,
            architecture=prepared.architecture,
            licence=describing.licence,
            stage=FIRST_STAGE,
            step_id=step_id,
            created_at=now,
            created_by=actor,
        )
    )
    body, digest = write_manifest(
        step_id=step_id,
        method=Method.IMPORT,
        adapter=prepared.converted.facts.format,
        actor=actor,
        inputs=inputs,
        recipe=record,
        compute=Compute(
            device="cpu",
            hardware=this_machine(),
            libraries=prepared.converted.libraries,
            threads=1,
            wall_seconds=(now - prepared.started_at).total_seconds(),
            parameters=prepared.converted.parameters,
        ),
        started_at=prepared.started_at,
        ended_at=now,
        metrics=(),
        outputs=(Output(ref, prepared.manifest),),
        facts={"tensors": prepared.converted.tensors, "source_files": file_list(prepared.given)},
    )
    uow.steps.set_manifest(step_id, body, digest)
    text = wanted.card or prepared.converted.facts.card
    card = text or source_card(ref, describing, architecture=prepared.architecture, notes=prepared.converted.notes)
    uow.catalog.add_card(ref, card, by=actor, at=now)
    return ref, Event(
        "model_version.imported",
        str(ref),
        {
            "digest": str(prepared.manifest.digest),
            "step": step_id,
            "manifest": str(digest),
            "origin": describing.origin,
        },
    )


def _claimed(uow: UnitOfWork, wanted: ImportModel) -> tuple[StepInput, ...]:
    inputs = []
    for parent in wanted.parents:
        ref = uow.catalog.resolve(parent)
        detail = uow.catalog.version(ref) if ref is not None else None
        if ref is None or detail is None:
            raise NotFoundError(f"there is no {parent}", remedy="Import the parent first, or leave --parent out")
        inputs.append(StepInput(ref, detail.summary.digest, "source", None, Assurance.DECLARED))
    return tuple(inputs)
