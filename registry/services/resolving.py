"""From a recipe as written to one that can run: every reference pinned to a version that may be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lineage import Assurance
from registry.domain.data import DatasetVersionDetail, LabelKind
from registry.domain.methods import NEEDS
from registry.domain.names import Reference, VersionRef
from registry.domain.transfers import Recipe, StepInput
from registry.errors import BadRecipeError
from registry.services.context import Context
from registry.services.lookup import found, refuse_as_source, resolve
from registry.services.recipe_document import RecipeDocument
from registry.services.recipes import complete, roles_of
from registry.services.unit_of_work import UnitOfWork


def resolve_recipe(context: Context, uow: UnitOfWork, document: RecipeDocument) -> tuple[Recipe, tuple[StepInput, ...]]:
    """The recipe after defaults, every reference pinned, and its inputs by digest.

    Raises: BadRecipeError, NotFoundError, RefusedError for a source that nothing new is made from.
    """
    sources = [found(uow.catalog.version(resolve(uow, s.model)), s.model) for s in document.given()]
    for source in sources:
        refuse_as_source(source.summary)
    refs = {role: resolve(uow, choice.dataset) for role, choice in roles_of(document).items()}
    datasets = {role: found(uow.datasets.version(ref), ref) for role, ref in refs.items()}
    labels, *further = _labels(document, datasets) or [LabelKind.CLASS]
    recipe = complete(
        document,
        modality=sources[0].model.modality,
        offers=context.plugins.offers(),
        labels=labels,
        further=further,
        rows=_training_rows(document, datasets),
        architecture=sources[0].architecture,
    )
    pinned = tuple(
        replace(choice, model=Reference.to(source.summary.ref))
        for choice, source in zip(recipe.sources, sources, strict=True)
    )
    inputs = [
        StepInput(source.summary.ref, source.summary.digest, choice.role, None, Assurance.OBSERVED)
        for choice, source in zip(pinned, sources, strict=True)
    ]
    data = {}
    for role, choice in recipe.data.items():
        ref, dataset = refs[role], datasets[role]
        _check_split(role, choice.split, dataset.summary.ref, [s.name for s in dataset.summary.splits])
        data[role] = replace(choice, dataset=Reference.to(ref))
        inputs.append(StepInput(ref, dataset.summary.digest, role, choice.split, Assurance.OBSERVED))
    return replace(recipe, sources=pinned, data=data), tuple(inputs)


def _labels(document: RecipeDocument, datasets: Mapping[str, DatasetVersionDetail]) -> list[LabelKind]:
    """The kinds of labels that are learnt from, of each task; of all data where nothing is learnt."""
    first = NEEDS[document.method].first
    learnt = [dataset for role, dataset in datasets.items() if role.partition(".")[0] == first]
    return list(dict.fromkeys(dataset.summary.labels for dataset in learnt or datasets.values()))


def _training_rows(document: RecipeDocument, datasets: Mapping[str, DatasetVersionDetail]) -> int | None:
    """Rows of the first role that is learnt from; None where nothing is."""
    for role, choice in roles_of(document).items():
        if role.partition(".")[0] == NEEDS[document.method].first:
            return next((s.rows for s in datasets[role].summary.splits if s.name == choice.split), None)
    return None


def _check_split(role: str, split: str, ref: VersionRef, splits: Sequence[str]) -> None:
    if split not in splits:
        raise BadRecipeError(
            f"data.{role}: {ref} has no split {split!r}",
            remedy=f"It has: {', '.join(splits)}",
            facts={"splits": list(splits)},
        )
