"""Import of source models: convert in a subprocess, store the bytes, publish version and step in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from lineage import Assurance, WeightComparison, WeightIndex
from registry.domain.catalog.licences import check_recorded_licence, normalise_licence
from registry.domain.catalog.models import Describing
from registry.domain.governance.upstream import HUB, Upstream
from registry.domain.manifests import FileEntry, Manifest
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.provenance import Compute, file_list
from registry.domain.transfers.steps import StepInput
from registry.domain.verbs.catalog import UNKNOWN, ImportModel
from registry.errors import InvalidError, NotFoundError
from registry.machine import this_machine
from registry.ports.importing import ConvertedSource
from registry.services.artifacts.publishing import Asset, Making, ModelContents, publish
from registry.services.artifacts.storing import files_as_given, store_folder
from registry.services.artifacts.weights import Interfaces, compare_folders, index_if_readable, lay_out_weights
from registry.services.catalog.cards import card_licence, source_card, split_card
from registry.services.context import Context
from registry.services.governance.claims import ADAPTER, CLAIMS
from registry.services.governance.disagreements import raise_what_disagrees
from registry.services.lineage.interfaces import of_output
from registry.services.lookup import found, refuse_taken
from registry.services.unit_of_work import UnitOfWork
from registry.services.workspace import workspace
from registry.sources import PACKAGE, resolve_source

ADAPTER_CONFIG = "adapter_config.json"
_MOST_CONFIG = 1024 * 1024
NOTHING: Mapping[str, object] = MappingProxyType({})


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
    began: float
    """The clock's monotonic seconds then."""
    weights: Mapping[VersionRef, WeightComparison]
    """What they say about the claimed parents."""
    interface: Interfaces
    """Where it is spoken to otherwise than those."""
    index: WeightIndex | None
    claims: Mapping[str, object]
    """What files of the source claim of its base model."""
    notes: tuple[str, ...]
    """How the source came, and what is to be said of that."""
    facts: Mapping[str, object]
    """What the place where it came from says of it."""


def import_model(
    context: Context, wanted: ImportModel, *, notes: tuple[str, ...] = (), facts: Mapping[str, object] = NOTHING
) -> VersionRef:
    """See `CatalogVerbs.import_model`. For the bytes of the latest version, gives that one unless `wanted.registered`.

    `notes` and `facts` of where the source came from are kept in the manifest.
    """
    started, began = context.clock.now(), context.clock.monotonic()
    source = resolve_source(wanted.source)
    check_wanted(context, wanted)
    with workspace(context.home, "import") as work:
        converted = context.plugins.import_source(
            source,
            work / "converted",
            architecture=wanted.architecture,
            pickles=not wanted.uploaded,
            owned=wanted.uploaded,
        )
        describing, architecture = _describe(wanted, converted)
        manifest = Manifest.of(store_folder(context.blobs, converted.folder, adopt=True))
        given = files_as_given(source, manifest.files, converted.folder)
        weights = _compared(context, wanted, converted.folder, work)
        relations = {ref: one.relation for ref, one in weights.items()}
        interface = of_output(context, converted.folder, relations)
        index = index_if_readable(context, converted.folder)
    prepared = _Prepared(
        wanted,
        converted,
        describing,
        architecture,
        manifest,
        given,
        started,
        began,
        weights,
        interface,
        index,
        _claims(source),
        notes,
        facts,
    )
    with context.write() as uow:
        _check_name(uow, wanted.name)
        latest = None if wanted.registered else uow.catalog.resolve(Reference(AssetKind.MODELS, wanted.name))
        if latest is not None and latest in uow.catalog.versions_with(manifest.digest):
            recorded = found(uow.catalog.version(latest), latest).summary.licence
            check_recorded_licence(latest, recorded, wanted.licence)
            return latest
        ref = _publish(context, uow, prepared)
    raise_what_disagrees(context, ref)
    return ref


def check_wanted(context: Context, wanted: ImportModel) -> None:
    """Raises: whatever can be refused before the slow work."""
    if wanted.card is not None:
        split_card(wanted.card)
    if wanted.origin is not None:
        _upstream(wanted.origin)
    with context.read() as uow:
        _check_name(uow, wanted.name)
        _claimed(uow, wanted)


def _check_name(uow: UnitOfWork, name: Name) -> None:
    if not uow.catalog.has_model(name):
        refuse_taken(uow, AssetKind.MODELS, name)


def _describe(wanted: ImportModel, converted: ConvertedSource) -> tuple[Describing, str]:
    facts = converted.facts
    licence = wanted.licence or facts.licence or card_licence(facts.card) or (UNKNOWN if wanted.registered else None)
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
            f"The source does not state its {', '.join(missing)}",
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
    cached = None if wanted.source.startswith(PACKAGE) else Upstream.of_cache(Path(wanted.source).absolute())
    if cached is not None:
        return str(cached)
    return wanted.source if wanted.source.startswith(PACKAGE) else f"file:{Path(wanted.source).name}"


def _claims(source: Path) -> Mapping[str, object]:
    """What an adapter's config calls its base model, as a fact of the manifest; nothing where there is none."""
    file = source / ADAPTER_CONFIG
    if not file.is_file() or file.stat().st_size > _MOST_CONFIG:
        return {}
    try:
        document = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        return {}
    base = document.get("base_model_name_or_path") if isinstance(document, dict) else None
    return {CLAIMS: {ADAPTER: base}} if isinstance(base, str) and base else {}


def _upstream(origin: str) -> Upstream | None:
    return Upstream.parse(origin) if origin.startswith(HUB) else None


def _publish(context: Context, uow: UnitOfWork, prepared: _Prepared) -> VersionRef:
    wanted, describing, converted, now = prepared.wanted, prepared.describing, prepared.converted, context.clock.now()
    record = {
        "source": describing.origin,
        "format": converted.facts.format,
        "architecture": prepared.architecture,
        "notes": [*converted.notes, *prepared.notes, *_elsewhere(uow, prepared)],
    }
    making = Making(
        method=Method.IMPORT,
        adapter=converted.facts.format,
        inputs=_claimed(uow, wanted),
        recipe=record,
        compute=Compute(
            device="cpu",
            hardware=this_machine(),
            libraries=converted.libraries,
            threads=1,
            wall_seconds=context.clock.monotonic() - prepared.began,
            parameters=converted.parameters,
        ),
        started_at=prepared.started_at,
        ended_at=now,
        facts={
            "tensors": converted.tensors,
            "source_files": file_list(prepared.given),
            **prepared.claims,
            **prepared.facts,
        },
        weights=prepared.weights,
        interface=prepared.interface,
    )
    contents = ModelContents(
        prepared.manifest,
        prepared.architecture,
        lambda ref: _card(ref, prepared),
        index=prepared.index,
        upstream=_upstream(describing.origin),
        generated=not (wanted.card or converted.facts.card),
    )
    asset = Asset(wanted.name, describing, contents)
    return publish(context, uow, asset, making, action="model_version.imported", details={"origin": describing.origin})


_FEW = 3
"""Versions that one note names."""


def _elsewhere(uow: UnitOfWork, prepared: _Prepared) -> Iterator[str]:
    """A note when other registered models have the very same files."""
    same = [ref for ref in uow.catalog.versions_with(prepared.manifest.digest) if ref.name != prepared.wanted.name]
    if same:
        more = f" and {len(same) - _FEW} more" if len(same) > _FEW else ""
        yield f"The same bytes are registered as {', '.join(map(str, same[:_FEW]))}{more}"


def _card(ref: VersionRef, prepared: _Prepared) -> str:
    """The card that was given, else the source's own, else one written from what is known."""
    text = prepared.wanted.card or prepared.converted.facts.card
    notes = (*prepared.converted.notes, *prepared.notes)
    return text or source_card(ref, prepared.describing, architecture=prepared.architecture, notes=notes)


def _compared(context: Context, wanted: ImportModel, folder: Path, work: Path) -> Mapping[VersionRef, WeightComparison]:
    """What the weights in `folder` say about the claimed parents."""
    with context.read() as uow:
        parents = [found(uow.catalog.version(one.ref), one.ref) for one in _claimed(uow, wanted)]
    laid = [lay_out_weights(context, one, work / f"parent-{number}") for number, one in enumerate(parents)]
    return compare_folders(context, folder, laid) if laid else {}


def _claimed(uow: UnitOfWork, wanted: ImportModel) -> tuple[StepInput, ...]:
    inputs = []
    for parent in wanted.parents:
        ref = uow.catalog.resolve(parent)
        detail = uow.catalog.version(ref) if ref is not None else None
        if ref is None or detail is None:
            raise NotFoundError(f"{parent} does not exist", remedy="Import the parent first, or leave --parent out")
        inputs.append(StepInput(ref, detail.summary.digest, "source", None, Assurance.DECLARED))
    return tuple(inputs)
