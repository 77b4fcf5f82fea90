"""Publishes the dataset that a step made: read as any other data is, so that what is registered is what was checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from registry.domain.catalog.licences import combine_licences
from registry.domain.catalog.models import Describing
from registry.domain.data.datasets import LabelKind, SplitPlan
from registry.domain.data.labels import usual_task
from registry.domain.data.splits import summarise
from registry.domain.manifests import Manifest
from registry.domain.names import AssetKind, VersionRef
from registry.domain.recipes.recipe import Recipe
from registry.domain.transfers.steps import StepDetail, StepInput
from registry.errors import AdapterError, BadDataError, ConflictError
from registry.ports.data import DataListing
from registry.ports.transfers import Finished
from registry.services.context import Context
from registry.services.data.registering import listing_facts, store_listing
from registry.services.lookup import found
from registry.services.storage.data import NewDatasetVersion
from registry.services.unit_of_work import UnitOfWork
from registry.services.workspace import workspace

SPLIT_COLUMN = "split"
"""Where what a step exports keeps the splits of the rows that it came from."""


@dataclass(frozen=True, slots=True)
class MadeData:
    """A dataset that a step made: read, tracked, and its bytes in the store; nothing is registered yet."""

    listing: DataListing
    labels: LabelKind
    manifest: Manifest

    @property
    def facts(self) -> Mapping[str, object]:
        """What the manifest of the step tells of it."""
        return listing_facts(self.listing, self.labels)


def take_in(context: Context, finished: Finished, adapter: str) -> MadeData:
    """Read the folder of `finished` with its splits, and store its bytes.

    Raises: AdapterError when the adapter wrote something that is no such dataset; NoSpaceError.
    """
    with workspace(context.home, "data") as work:
        try:
            listing = context.plugins.data_source().read(
                finished.folder,
                staging=work,
                cache=context.home / "cache" / "dvc",
                split=SplitPlan(column=SPLIT_COLUMN),
                label="label",
                text="text",
                rev=None,
                labels=finished.labels,
                format=finished.dataset,
            )
        except BadDataError as error:
            raise AdapterError(f"the adapter {adapter} made data that cannot be read: {error}") from error
        return MadeData(listing, finished.labels, store_listing(context.blobs, listing))


def add_made_data(context: Context, uow: UnitOfWork, step: StepDetail, recipe: Recipe, made: MadeData) -> VersionRef:
    """Write the next version of the recipe's output, with the edge from its step. Raises: ConflictError."""
    now, actor = context.clock.now(), context.actor.handle
    describing = _describing(uow, step.inputs, recipe, made)
    existing = uow.datasets.dataset(recipe.output)
    if existing is None:
        uow.datasets.add_dataset(recipe.output, describing, owner=actor, at=now)
    elif existing.describing.modality is not describing.modality or (
        existing.version is not None and existing.version.labels is not made.labels
    ):
        raise ConflictError(
            f"{recipe.output} holds other data than {describing.modality} with labels of the kind {made.labels}",
            remedy="Name another output",
        )
    ref = VersionRef(AssetKind.DATASETS, recipe.output, uow.catalog.next_number(AssetKind.DATASETS, recipe.output))
    uow.datasets.add_version(
        NewDatasetVersion(
            ref=ref,
            manifest=made.manifest,
            format=made.listing.format,
            rows=len(made.listing.rows),
            splits=summarise(made.listing.rows, made.labels),
            split_plan=made.listing.split,
            dvc=made.listing.dvc,
            licence=describing.licence,
            step_id=step.summary.id,
            created_at=now,
            created_by=actor,
            labels=made.labels,
        )
    )
    return ref


def _describing(uow: UnitOfWork, inputs: tuple[StepInput, ...], recipe: Recipe, made: MadeData) -> Describing:
    """What the data is. It owes what the model owes that made it, and what the data owes that it was made from."""
    licences = [_licence(uow, one.ref) for one in inputs]
    return Describing(
        task=usual_task(made.listing.modality, made.labels),
        modality=made.listing.modality,
        licence=recipe.licence or combine_licences(licences),
        origin="internal",
        description=recipe.description,
        tags=recipe.tags,
    )


def _licence(uow: UnitOfWork, ref: VersionRef) -> str:
    if ref.kind is AssetKind.DATASETS:
        return found(uow.datasets.version(ref), ref).summary.licence
    return found(uow.catalog.version(ref), ref).summary.licence
