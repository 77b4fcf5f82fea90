"""Which models may be considered, and why the others are not: by modality, status, damage and licence."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from lineage import NodeKind
from registry.domain.catalog.models import Modality, SearchQuery, VersionDetail
from registry.domain.data.datasets import DatasetVersionDetail
from registry.domain.names import VersionRef, model_only
from registry.domain.paging import every
from registry.domain.people.teams import Level
from registry.domain.recipes.recipe import Recipe
from registry.domain.selection.report import LeftOut
from registry.domain.verbs.selection import Recommend
from registry.errors import BadRecipeError, RefusedError, RegistryError
from registry.services.bases import refuse_closed_bases
from registry.services.context import Context
from registry.services.lineage.obligations import MAX_ANCESTORS, owed
from registry.services.lookup import found, refuse_as_source, resolve
from registry.services.recipes.recipes import complete, read_recipe
from registry.services.unit_of_work import UnitOfWork

_RECIPE = """\
schema: forebear/recipe/v1
output: {output}
method: feature_extraction
source: {source}
data: {{train: {{dataset: {data}, split: {split}}}}}
params: {{export: npz}}
"""


@dataclass(frozen=True, slots=True)
class Eligible:
    """A model that may be started from: how its features are read, and what is owed where it is used."""

    detail: VersionDetail
    recipe: Recipe
    owed: tuple[str, ...]


def candidates(
    context: Context, data: DatasetVersionDetail, wanted: Recommend
) -> tuple[Sequence[Eligible], Sequence[LeftOut]]:
    """The eligible models in order of name, and the others with the reason. Raises: NotFoundError for one named."""
    eligible: list[Eligible] = []
    left: list[LeftOut] = []
    with context.read() as uow:
        for first in _refs(uow, wanted, context.actor.sight.hidden):
            for ref in _or_older(uow, first, wanted):
                detail = found(uow.catalog.version(ref), ref)
                try:
                    eligible.append(_judged(context, uow, detail, data, wanted))
                except RegistryError as error:
                    left.append(LeftOut(ref, error.code, error.message))
                    if _may_be_a_source(context, uow, detail):
                        break  # what it lacks is not its standing: an older version is not asked for
                else:
                    break
    return eligible, left


def _refs(uow: UnitOfWork, wanted: Recommend, hidden: Collection[str]) -> Sequence[VersionRef]:
    """Those that were named, or the newest version of every registered model that the person sees."""
    if wanted.models:
        return list(dict.fromkeys(resolve(uow, model_only(one)) for one in wanted.models))
    models = every(lambda page: uow.catalog.search(SearchQuery(page=page), hidden))
    refs = [model.version.ref for model in models if model.version is not None]
    return sorted(refs, key=lambda ref: str(ref.name))


def _or_older(uow: UnitOfWork, ref: VersionRef, wanted: Recommend) -> Iterator[VersionRef]:
    """`ref`, and then the older versions of its model, the newest first; one that was named stands alone."""
    yield ref
    if not wanted.models:
        older = [one.ref for one in every(lambda page: uow.catalog.versions(ref.name, page))]
        yield from sorted((one for one in older if one.number < ref.number), key=lambda one: -one.number)


def _may_be_a_source(context: Context, uow: UnitOfWork, detail: VersionDetail) -> bool:
    """False for a version whose status or damage forbids new versions."""
    try:
        refuse_as_source(uow, detail.summary, context.clock.now())
    except RegistryError:
        return False
    return True


def _judged(
    context: Context, uow: UnitOfWork, detail: VersionDetail, data: DatasetVersionDetail, wanted: Recommend
) -> Eligible:
    """Raises: errors that say why this model is left out."""
    refuse_modality(detail.model.modality, data)
    refuse_as_source(uow, detail.summary, context.clock.now())
    context.actor.sight.require(detail.summary.ref.name, Level.USE)
    refuse_closed_bases(uow, context.actor.sight, detail.summary.ref)
    ancestry = found(uow.graph.ancestry(detail.summary.ref, limit=MAX_ANCESTORS), detail.summary.ref)
    own = (NodeKind.DATASET, data.summary.ref.label)
    if any((member.node.kind, member.node.label) == own for member in ancestry.members):
        raise RefusedError(f"It was made with {data.summary.ref} itself, so it would score too well on these rows")
    clauses = owed(ancestry, wanted.use)
    if conflicts := [one for one in clauses if one.conflict]:
        raise RefusedError(
            f"Its licences do not allow {wanted.use} use: {conflicts[0].clause}, by {conflicts[0].licence or 'none'} "
            f"of {conflicts[0].path[0]}"
        )
    recipe = feature_recipe(context, detail, data, split=wanted.split, seed=wanted.seed)
    return Eligible(detail, recipe, tuple(one.clause for one in clauses))


def refuse_modality(modality: Modality, data: DatasetVersionDetail) -> None:
    """Raises: BadRecipeError."""
    if modality is not data.dataset.describing.modality:
        raise BadRecipeError(f"It reads {modality} data, not {data.dataset.describing.modality}")


def feature_recipe(
    context: Context, detail: VersionDetail, data: DatasetVersionDetail, *, split: str, seed: int
) -> Recipe:
    """How its features are read: as a probe with default parameters reads them. Raises: BadRecipeError."""
    ref, offers = detail.summary.ref, context.plugins.offers()
    text = _RECIPE.format(output=ref.name, source=ref, data=data.summary.ref, split=split)
    recipe = complete(
        read_recipe(text),
        modality=detail.model.modality,
        offers=offers,
        labels=data.summary.labels,
        architecture=detail.architecture,
    )
    if data.dataset.describing.modality not in offers[recipe.adapter].modalities:
        raise BadRecipeError(f"The adapter {recipe.adapter} does not read {data.dataset.describing.modality} data")
    return replace(recipe, seed=seed)
