"""The dataset that a step made, read as any other data is, so that what is registered is what was checked."""

from __future__ import annotations

from registry.domain.catalog.licences import combine_licences
from registry.domain.catalog.models import Describing
from registry.domain.data.datasets import SplitPlan
from registry.domain.data.labels import usual_task
from registry.domain.names import AssetKind, VersionRef
from registry.domain.recipes.recipe import Recipe
from registry.domain.transfers.steps import StepInput
from registry.errors import AdapterError, BadDataError, ConflictError
from registry.ports.data import HowToRead
from registry.ports.transfers import Finished
from registry.services.artifacts.publishing import Asset, DatasetContents
from registry.services.context import Context
from registry.services.data.registering import store_listing
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork
from registry.services.workspace import workspace

SPLIT_COLUMN = "split"
"""The column or array in which an exported dataset keeps the splits of the rows that it came from."""


def read_made_data(context: Context, finished: Finished, adapter: str) -> DatasetContents:
    """Read the folder of `finished` with its splits, and store its bytes.

    Raises: AdapterError when what the adapter wrote is not a dataset of that format; NoSpaceError.
    """
    with workspace(context.home, "data") as work:
        try:
            listing = context.plugins.read_data(
                finished.folder,
                HowToRead(SplitPlan(column=SPLIT_COLUMN), labels=finished.labels, format=finished.dataset),
                staging=work,
                cache=context.home / "cache" / "dvc",
            )
        except BadDataError as error:
            raise AdapterError(f"The adapter {adapter} made data that cannot be read: {error}") from error
        return DatasetContents(store_listing(context.blobs, listing), listing, finished.labels)


def dataset_asset(uow: UnitOfWork, inputs: tuple[StepInput, ...], recipe: Recipe, made: DatasetContents) -> Asset:
    """The next version of the recipe's output. Raises: ConflictError when that holds another kind of data."""
    describing = _describing(uow, inputs, recipe, made)
    existing = uow.datasets.dataset(recipe.output)
    if existing is not None and (
        existing.describing.modality is not describing.modality
        or (existing.version is not None and existing.version.labels is not made.labels)
    ):
        raise ConflictError(
            f"{recipe.output} holds other data than {describing.modality} with labels of the kind {made.labels}",
            remedy="Name another output",
        )
    return Asset(recipe.output, describing, made)


def _describing(uow: UnitOfWork, inputs: tuple[StepInput, ...], recipe: Recipe, made: DatasetContents) -> Describing:
    """What the data is. Its licence combines those of the model that made it and of the data that it was made from."""
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
