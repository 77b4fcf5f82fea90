"""From a recipe as written to one that can run: every reference pinned to a version that may be used."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

from lineage import Assurance
from registry.domain.catalog.models import Modality, VersionDetail
from registry.domain.data.datasets import DatasetVersionDetail, LabelKind
from registry.domain.names import Reference, VersionRef
from registry.domain.people.teams import Level
from registry.domain.recipes.methods import (
    NEEDS,
    SOURCE,
    SOURCE_DOMAIN,
    TARGET_DOMAIN,
    TEST,
    TRAIN,
    UNLABELLED,
    VALIDATION,
    split_role,
)
from registry.domain.recipes.recipe import Method, Recipe
from registry.domain.transfers.steps import StepInput
from registry.errors import BadRecipeError
from registry.services.bases import refuse_closed_bases
from registry.services.context import Context
from registry.services.documents import Found
from registry.services.lookup import found, refuse_as_source, resolve
from registry.services.recipes.document import RecipeDocument
from registry.services.recipes.recipes import complete, roles_of
from registry.services.recipes.rules import bad
from registry.services.unit_of_work import UnitOfWork

_LEARNT, _HELD_OUT = frozenset({TRAIN, SOURCE_DOMAIN}), frozenset({VALIDATION, TEST})
_BARE = frozenset({UNLABELLED, TARGET_DOMAIN})


def resolve_recipe(context: Context, uow: UnitOfWork, document: RecipeDocument) -> tuple[Recipe, tuple[StepInput, ...]]:
    """The recipe after defaults, every reference pinned, and its inputs by digest.

    Raises: BadRecipeError, NotFoundError, RefusedError for a source that nothing new is made from.
    """
    sources = [found(uow.catalog.version(resolve(uow, s.model)), s.model) for s in document.given()]
    for source in sources:
        _refuse_closed(context, source.summary.ref)
        refuse_closed_bases(uow, context.actor.sight, source.summary.ref)
        refuse_as_source(uow, source.summary, context.clock.now())
    refs = {role: resolve(uow, choice.dataset) for role, choice in roles_of(document).items()}
    datasets = {role: found(uow.datasets.version(ref), ref) for role, ref in refs.items()}
    for dataset in datasets.values():
        _refuse_closed(context, dataset.summary.ref)
        refuse_as_source(uow, dataset.summary, context.clock.now())
    if problems := [*_unlike(document, sources), *_unlabelled(document, datasets), *_leaks(document, datasets)]:
        raise bad(document, problems)
    labels, *further = _labels(document, datasets) or [LabelKind.CLASS]
    offers = context.plugins.offers()
    recipe = complete(
        document,
        modality=sources[0].model.modality,
        offers=offers,
        labels=labels,
        further=further,
        rows=_training_rows(document, datasets),
        weights=sum(file.size for file in sources[0].files if file.path.endswith(".safetensors")),
        architecture=sources[0].architecture,
    )
    if problems := list(_unreadable(recipe.adapter, offers[recipe.adapter].modalities, datasets)):
        raise bad(document, problems)
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


def _refuse_closed(context: Context, ref: VersionRef) -> None:
    """A recipe of a cascade comes here as a record, with no name that was checked before.

    Raises: NotFoundError for what the person does not see, PermissionDeniedError for what they may not read.
    """
    if context.actor.sight.hides(ref.name.team):
        found(None, Reference.to(ref))
    context.actor.sight.require(ref.name, Level.USE)


def _unlike(document: RecipeDocument, sources: Sequence[VersionDetail]) -> Iterator[Found]:
    """Parents of a merge that are of another architecture than the first."""
    parents = [s for s, given in zip(sources, document.given(), strict=True) if given.role == SOURCE]
    for number, parent in enumerate(parents if document.method is Method.MERGE else ()):
        if parent.architecture != parents[0].architecture:
            yield (
                ("sources", number),
                f"{parent.summary.ref} is of the architecture {parent.architecture}, and {parents[0].summary.ref} of "
                f"{parents[0].architecture}: merge versions of one architecture",
            )


def _unlabelled(document: RecipeDocument, datasets: Mapping[str, DatasetVersionDetail]) -> Iterator[Found]:
    """Data without labels where they are needed, and of another kind than what is learnt."""
    if document.method is Method.ADAPTER or (document.params or {}).get("export", "none") != "none":
        return
    learnt = {split_role(role)[1]: d.summary.labels for role, d in datasets.items() if split_role(role)[0] in _LEARNT}
    for role, dataset in datasets.items():
        kind, task = split_role(role)
        labels, first = dataset.summary.labels, learnt.get(task)
        if kind in _BARE or (kind in _HELD_OUT and document.method is Method.CONTINUED_PRETRAINING):
            continue
        if labels is LabelKind.NONE:
            yield (
                ("data", role),
                f"{dataset.summary.ref} has no labels, and {kind} data of {document.method} needs some",
            )
        elif first is not None and labels is not first:
            yield (
                ("data", role),
                f"{dataset.summary.ref} has labels of kind {labels.value}, and what is learnt is {first.value}",
            )


def _leaks(document: RecipeDocument, datasets: Mapping[str, DatasetVersionDetail]) -> Iterator[Found]:
    """Roles with the very same rows under two references: the latest version by its number, a file registered twice."""
    rows = {role: (datasets[role].index, choice.split) for role, choice in roles_of(document).items()}
    for (first, one), (second, two) in combinations(rows.items(), 2):
        if one == two:
            what = f"{datasets[second].summary.ref} {one[1]}"
            yield ("data", second), f"{second} ({what}) has the same rows as {first}: name another split"


def _unreadable(
    adapter: str, modalities: Collection[Modality], datasets: Mapping[str, DatasetVersionDetail]
) -> Iterator[Found]:
    """Data of another modality than the adapter of the source reads."""
    for role, dataset in datasets.items():
        if (modality := dataset.dataset.describing.modality) not in modalities:
            yield (
                ("data", role),
                f"{dataset.summary.ref} holds {modality} data, and the adapter {adapter} of this source reads "
                f"{', '.join(sorted(modalities))}: choose another dataset or another source",
            )


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
            f"'data.{role}': {ref} has no split {split!r}",
            remedy=f"It has: {', '.join(splits)}",
            facts={"splits": list(splits)},
        )
