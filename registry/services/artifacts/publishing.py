"""The one way to publish a model or dataset version: with its step, edges, provenance manifest, card and audit entries.

Whatever makes a version (an import, a registration of data, a transfer step) stores the bytes first and then calls
`publish` in a unit of work of its own. Everything is written in that one transaction, or nothing is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from lineage import Digest, WeightComparison, WeightIndex
from registry.domain.audit import Event
from registry.domain.catalog.models import FIRST_STAGE, Describing, MetricValue, Modality
from registry.domain.credentials import cleaned_facts, without_credentials
from registry.domain.data.datasets import LabelKind
from registry.domain.governance.upstream import Upstream
from registry.domain.ids import new_id
from registry.domain.manifests import Manifest, canonical_json
from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.provenance import Compute, Output, write_manifest
from registry.domain.transfers.steps import StepInput, StepState
from registry.errors import InvalidError
from registry.ports.data import DataSummary
from registry.services.artifacts.inheriting import inherit
from registry.services.artifacts.weights import Interfaces, record, written
from registry.services.context import Context
from registry.services.lookup import found, is_unused
from registry.services.storage.catalog import NewVersion
from registry.services.storage.data import NewDatasetVersion
from registry.services.storage.transfers import NewStep
from registry.services.unit_of_work import UnitOfWork
from registry.services.withholding import (
    refuse_recalled_token,
    refuse_same_bytes,
    refuse_same_tensors,
    refuse_stopped_inputs,
)


@dataclass(frozen=True, slots=True)
class ModelContents:
    """A model whose files are in the blob store. `card` writes the text of its first card once the number is known."""

    manifest: Manifest
    architecture: str
    card: Callable[[VersionRef], str]
    tags: Mapping[str, str] = field(default_factory=dict)
    index: WeightIndex | None = None
    """What is kept of its weights, to find it by them."""
    upstream: Upstream | None = None
    """The repository that it was imported from."""
    generated: bool = True
    """Whether the registry writes the card, since nobody has."""


@dataclass(frozen=True, slots=True)
class DatasetContents:
    """A dataset as read, whose files and row index are in the blob store."""

    manifest: Manifest
    listing: DataSummary
    labels: LabelKind


@dataclass(frozen=True, slots=True)
class Asset:
    """The next version of the registered model or dataset `name`, which is created where there is none yet."""

    name: Name
    describing: Describing
    contents: ModelContents | DatasetContents

    @property
    def kind(self) -> AssetKind:
        """Whether it is a model or a dataset."""
        return AssetKind.MODELS if isinstance(self.contents, ModelContents) else AssetKind.DATASETS


@dataclass(frozen=True, slots=True)
class Making:
    """How the version was made: what its provenance manifest records."""

    method: Method
    adapter: str
    inputs: tuple[StepInput, ...]
    recipe: Mapping[str, object]
    compute: Compute
    started_at: datetime
    ended_at: datetime
    facts: Mapping[str, object]
    metrics: Sequence[MetricValue] = ()
    weights: Mapping[VersionRef, WeightComparison] = field(default_factory=dict)
    """What the weights say about the parents."""
    interface: Interfaces = field(default_factory=dict)
    """Where it is spoken to otherwise than its parents."""
    step_id: str | None = None
    """The step that ran. None for an import: its step is written together with its version."""

    def without_credentials(self) -> Making:
        """What programs wrote may hold one: the words of a library, the name of a machine, a path."""
        hardware = {key: without_credentials(value, key) for key, value in self.compute.hardware.items()}
        return replace(
            self,
            recipe=cleaned_facts(self.recipe),
            facts=cleaned_facts(self.facts),
            compute=replace(self.compute, hardware=hardware),
        )


def publish(
    context: Context,
    uow: UnitOfWork,
    asset: Asset,
    making: Making,
    *,
    action: str,
    details: Mapping[str, object] | None = None,
    also: Callable[[VersionRef], Iterable[Event]] = lambda _: (),
) -> VersionRef:
    """Write the version with everything that belongs to it, and commit `uow`. `action` names its audit entry.

    The entry holds the digests of the version and of the manifest, the step, and `details`. What `also` writes about
    the version is committed with it.
    Raises: WithheldError, RecalledError when an input was taken back: nothing new is made from it; RefusedError for
    the bytes of a version that was taken back, under whatever name.
    """
    if asset.describing.modality is Modality.UNKNOWN:
        raise InvalidError(f"Nothing says the modality of {asset.name}", remedy="Give --modality")
    making = making.without_credentials()
    now, manifest = making.ended_at, asset.contents.manifest
    stopped = refuse_stopped_inputs(uow, [one.ref for one in making.inputs], now=context.clock.now())
    refuse_same_bytes(uow, asset.kind, manifest, made_from=[one.ref for one in making.inputs])
    if isinstance(asset.contents, ModelContents) and asset.contents.index is not None and not stopped:
        refuse_same_tensors(uow, asset.contents.index.tensors)
    _add_name(context, uow, asset, now)
    ref = VersionRef(asset.kind, asset.name, uow.catalog.next_number(asset.kind, asset.name))
    step_id = making.step_id or _add_step(context, uow, asset, making)
    refuse_recalled_token(uow, step_id)
    _add_version(context, uow, ref, asset, step_id, now)
    body, digest = write_manifest(
        step_id=step_id,
        method=making.method,
        adapter=making.adapter,
        actor=context.actor.handle,
        inputs=making.inputs,
        recipe=making.recipe,
        compute=making.compute,
        started_at=making.started_at,
        ended_at=now,
        metrics=making.metrics,
        outputs=(Output(ref, manifest),),
        facts={**making.facts, **written(making.weights, making.interface)},
    )
    uow.steps.set_manifest(step_id, body, digest)
    facts = {"digest": str(manifest.digest), "step": step_id, "manifest": str(digest), **(details or {})}
    if making.weights:
        facts["weights"] = record(uow, step_id, making.inputs, making.weights, making.interface, now)
    ended = () if making.step_id is None else (Event("transfer.succeeded", step_id, {"output": str(ref)}),)
    uow.commit(
        Event(action, str(ref), facts),
        *ended,
        *(inherit(uow, ref, making.inputs, now=context.clock.now()) if stopped else ()),
        *also(ref),
    )
    return ref


def _add_name(context: Context, uow: UnitOfWork, asset: Asset, now: datetime) -> None:
    owner = context.actor.handle
    if asset.kind is AssetKind.MODELS:
        if not uow.catalog.has_model(asset.name):
            uow.catalog.add_model(asset.name, asset.describing, owner=owner, at=now)
        elif is_unused(uow, asset.name):
            _describe_first(uow, asset, now)
    elif uow.datasets.dataset(asset.name) is None:
        uow.datasets.add_dataset(asset.name, asset.describing, owner=owner, at=now)


def _describe_first(uow: UnitOfWork, asset: Asset, now: datetime) -> None:
    """With its first version, a registered model is described as that is; what was said of the name alone stays."""
    before, said = found(uow.catalog.model(asset.name), asset.name).summary, asset.describing
    tags = {**before.tags, **said.tags}
    described = replace(said, description=said.description or before.description, tags=tags)
    uow.catalog.describe(asset.name, described, at=now)


def _add_step(context: Context, uow: UnitOfWork, asset: Asset, making: Making) -> str:
    """The step of an import: every version has exactly one step that made it."""
    output = str(asset.contents.manifest.digest)
    step = NewStep(
        id=new_id("step", making.ended_at),
        digest=Digest.of(canonical_json({"record": dict(making.recipe), "output": output})),
        kind=asset.kind,
        wanted=asset.name,
        method=making.method,
        adapter=making.adapter,
        state=StepState.SUCCEEDED,
        recipe=making.recipe,
        inputs=making.inputs,
        created_at=making.ended_at,
        created_by=context.actor.handle,
        token=context.actor.token,
    )
    uow.steps.add(step)
    return step.id


def _add_version(context: Context, uow: UnitOfWork, ref: VersionRef, asset: Asset, step_id: str, now: datetime) -> None:
    contents, actor = asset.contents, context.actor.handle
    if isinstance(contents, ModelContents):
        uow.catalog.add_version(
            NewVersion(
                ref=ref,
                manifest=contents.manifest,
                architecture=contents.architecture,
                licence=asset.describing.licence,
                stage=FIRST_STAGE,
                step_id=step_id,
                created_at=now,
                created_by=actor,
                tags=contents.tags,
            )
        )
        uow.catalog.add_card(ref, contents.card(ref), by=actor, at=now, generated=contents.generated)
        if contents.index is not None:
            uow.weights.add(ref, contents.index)
        if contents.upstream is not None:
            uow.catalog.pin(ref, contents.upstream)
        return
    listing = contents.listing
    uow.datasets.add_version(
        NewDatasetVersion(
            ref=ref,
            manifest=contents.manifest,
            format=listing.format,
            rows=listing.rows,
            splits=listing.splits,
            split_plan=listing.split,
            dvc=listing.dvc,
            licence=asset.describing.licence,
            step_id=step_id,
            created_at=now,
            created_by=actor,
            labels=contents.labels,
        )
    )
