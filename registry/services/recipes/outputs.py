"""What a recipe makes: a model, or a dataset of the features that its source computes."""

from __future__ import annotations

from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind
from registry.domain.names import AssetKind
from registry.domain.recipes.recipe import Method, Recipe
from registry.errors import ConflictError
from registry.services.lookup import refuse_taken, resolve
from registry.services.unit_of_work import UnitOfWork

EXPORT = "export"
"""The key of `params` that makes the features themselves the output, in the format that is its value."""
NO_EXPORT = "none"
"""The value of that key, and its default, when the output is a model."""


def output_kind(recipe: Recipe) -> AssetKind:
    """What `recipe.output` names: a dataset when features are exported, else a model."""
    exports = recipe.method is Method.FEATURE_EXTRACTION and recipe.params.get(EXPORT, NO_EXPORT) != NO_EXPORT
    return AssetKind.DATASETS if exports else AssetKind.MODELS


def refuse_output(uow: UnitOfWork, recipe: Recipe) -> None:
    """Refuse what could not be published. Raises: NameTakenError, ConflictError for another kind of dataset."""
    if output_kind(recipe) is AssetKind.MODELS:
        if not uow.catalog.has_model(recipe.output):
            refuse_taken(uow, AssetKind.MODELS, recipe.output)
        return
    existing = uow.datasets.dataset(recipe.output)
    if existing is None:
        refuse_taken(uow, AssetKind.DATASETS, recipe.output)
    elif existing.describing.modality is not Modality.TABULAR:
        raise ConflictError(
            f"{recipe.output} is a dataset of {existing.describing.modality} data, and features are tabular",
            remedy="Name another output",
        )
    elif existing.version is not None and existing.version.labels not in (kinds := _label_kinds(uow, recipe)):
        raise ConflictError(
            f"The labels of {recipe.output} are of the kind {existing.version.labels}, not {', '.join(sorted(kinds))}",
            remedy="Name another output",
        )


def _label_kinds(uow: UnitOfWork, recipe: Recipe) -> set[LabelKind]:
    """The kinds of labels in the data of the recipe, which the features keep."""
    versions = (uow.datasets.version(resolve(uow, choice.dataset)) for choice in recipe.data.values())
    return {version.summary.labels for version in versions if version is not None}
