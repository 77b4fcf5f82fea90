"""Values to test with: each builder makes a whole one from what the test cares about."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from lineage import Assurance, Digest
from registry.domain.audit import Event
from registry.domain.catalog.models import Describing, MetricValue, Modality
from registry.domain.data.datasets import DataFormat, LabelKind, NumberSummary, SplitPlan, SplitSummary
from registry.domain.ids import new_id
from registry.domain.manifests import FileEntry, Manifest
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepInput, StepState
from registry.ports.blobs import BlobStore
from registry.services.storage.catalog import NewVersion
from registry.services.storage.data import NewDatasetVersion
from registry.services.storage.transfers import NewStep
from registry.services.unit_of_work import UnitOfWork

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def digest(text: str) -> Digest:
    """Some digest, always the same for the same text."""
    return Digest.of(text.encode())


def model_ref(label: str) -> VersionRef:
    """`model_ref("vision/digits/3")`."""
    return _ref(AssetKind.MODELS, label)


def dataset_ref(label: str) -> VersionRef:
    """`dataset_ref("vision/digits/3")`."""
    return _ref(AssetKind.DATASETS, label)


def _ref(kind: AssetKind, label: str) -> VersionRef:
    reference = Reference.parse(label, kind=kind)
    assert reference.number is not None
    return VersionRef(kind, reference.name, reference.number)


def describing(**changes: Any) -> Describing:
    """What people say of an image classifier, unless told otherwise."""
    said: dict[str, Any] = {
        "task": "image-classification",
        "modality": Modality.IMAGE,
        "licence": "Apache-2.0",
        "origin": "internal",
        "description": "",
        "tags": {},
    }
    return Describing(**(said | changes))


def contents(text: str) -> dict[str, bytes]:
    """Two files, the second of bytes that come from `text`."""
    return {"config.json": b"{}", "weights/model.safetensors": text.encode()}


def manifest(text: str, *, rows: bool = False) -> Manifest:
    """The manifest of `contents(text)`, with a row index where `rows`."""
    files = [FileEntry(path, len(data), Digest.of(data)) for path, data in contents(text).items()]
    return Manifest.of(files, digest(f"rows of {text}") if rows else None)


def store(blobs: BlobStore, text: str, *, rows: bool = False) -> None:
    """Put the bytes that `manifest(text)` names."""
    for data in [*contents(text).values(), *([f"rows of {text}".encode()] if rows else [])]:
        blobs.put(io.BytesIO(data))


def metric(
    value: float, *, name: str = "accuracy", role: str = "test", data: str = "data", split: str = "test"
) -> MetricValue:
    """A number that a step measured."""
    return MetricValue(name, value, role, split, digest(data), data)


def step(
    wanted: str,
    *,
    inputs: Iterable[StepInput] = (),
    kind: AssetKind = AssetKind.MODELS,
    method: Method = Method.FINE_TUNING,
    state: StepState = StepState.SUCCEEDED,
    at: datetime = NOW,
    by: str = "ana",
    epochs: int = 0,
) -> NewStep:
    """A step of its own id that makes `wanted`."""
    public_id = new_id("step", at)
    return NewStep(
        id=public_id,
        digest=digest(public_id),
        kind=kind,
        wanted=Name.parse(wanted),
        method=method,
        adapter="torch",
        state=state,
        recipe={
            "schema": "forebear/recipe/v1",
            "output": wanted,
            "seed": 7,
            "submitted": {"text": "", "git": {}, "threads": 1},
        },
        inputs=tuple(inputs),
        created_at=at,
        created_by=by,
        epochs=epochs,
    )


def step_input(
    ref: VersionRef, *, role: str, split: str | None = None, assurance: Assurance = Assurance.OBSERVED
) -> StepInput:
    """One version that goes into a step."""
    return StepInput(ref, digest(str(ref)), role, split, assurance)


def add_model(uow: UnitOfWork, name: str, *, owner: str = "ana", at: datetime = NOW, **said: Any) -> Name:
    """Register a model without versions."""
    parsed = Name.parse(name)
    uow.catalog.add_model(parsed, describing(**said), owner=owner, at=at)
    return parsed


def add_version(
    uow: UnitOfWork,
    name: str,
    *,
    parents: Iterable[VersionRef] = (),
    data: Mapping[str, VersionRef] | None = None,
    measured: Iterable[MetricValue] = (),
    stage: str = "registered",
    licence: str = "Apache-2.0",
    at: datetime = NOW,
    content: str | None = None,
    tags: Mapping[str, str] | None = None,
    method: Method = Method.FINE_TUNING,
    architecture: str = "resnet-18",
    by: str = "ana",
    assurance: Assurance = Assurance.OBSERVED,
    **said: Any,
) -> VersionRef:
    """Publish the next version of a model (registered first if new), made by a step of its own."""
    parsed = Name.parse(name)
    if not uow.catalog.has_model(parsed):
        add_model(uow, name, at=at, **said)
    ref = VersionRef(AssetKind.MODELS, parsed, uow.catalog.next_number(AssetKind.MODELS, parsed))
    inputs = [step_input(parent, role="source", assurance=assurance) for parent in parents]
    inputs += [
        step_input(dataset, role=role, split=role, assurance=assurance) for role, dataset in (data or {}).items()
    ]
    maker = step(name, inputs=inputs, at=at, method=method, by=by)
    uow.steps.add(maker)
    uow.steps.add_measured(maker.id, measured)
    uow.catalog.add_version(
        NewVersion(
            ref=ref,
            manifest=manifest(content or str(ref)),
            architecture=architecture,
            licence=licence,
            stage=stage,
            step_id=maker.id,
            created_at=at,
            created_by=by,
            tags=dict(tags or {}),
        )
    )
    return ref


def add_dataset_version(
    uow: UnitOfWork,
    name: str,
    *,
    at: datetime = NOW,
    content: str | None = None,
    labels: LabelKind = LabelKind.CLASS,
    parents: Iterable[VersionRef] = (),
    **said: Any,
) -> VersionRef:
    """Publish the next version of a dataset (registered first if new): of cats and dogs, of numbers, or unlabelled.

    With `parents` it is what a step exported from them.
    """
    parsed = Name.parse(name)
    if uow.datasets.dataset(parsed) is None:
        uow.datasets.add_dataset(parsed, describing(**said), owner="ana", at=at)
    ref = VersionRef(AssetKind.DATASETS, parsed, uow.catalog.next_number(AssetKind.DATASETS, parsed))
    inputs = [step_input(parent, role="source" if parent.kind is AssetKind.MODELS else "train") for parent in parents]
    method = Method.FEATURE_EXTRACTION if inputs else Method.IMPORT
    maker = step(name, inputs=inputs, kind=AssetKind.DATASETS, method=method, at=at)
    uow.steps.add(maker)
    uow.datasets.add_version(
        NewDatasetVersion(
            ref=ref,
            manifest=manifest(content or str(ref), rows=True),
            format=DataFormat.IMAGE_FOLDER,
            rows=10,
            splits=_splits(labels),
            split_plan=SplitPlan({"train": 0.8, "test": 0.2}, seed=3),
            dvc=None,
            licence=said.get("licence", "CC-BY-4.0"),
            step_id=maker.id,
            created_at=at,
            created_by="ana",
            labels=labels,
        )
    )
    return ref


def _splits(labels: LabelKind) -> tuple[SplitSummary, ...]:
    if labels is LabelKind.NUMBER:
        return (
            SplitSummary("train", 8, {}, NumberSummary(-1.5, 0.25, 3.0)),
            SplitSummary("test", 2, {}, NumberSummary(0.0, 1.0, 2.0)),
        )
    if labels is LabelKind.NONE:
        return (SplitSummary("train", 8, {}), SplitSummary("test", 2, {}))
    return (SplitSummary("train", 8, {"cat": 5, "dog": 3}), SplitSummary("test", 2, {"cat": 1, "dog": 1}))


def event(subject: str = "models:/vision/digits", action: str = "model.described", **detail: object) -> Event:
    """Something that a verb says it changed."""
    return Event(action, subject, detail)
