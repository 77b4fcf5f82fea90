"""Recipes that are ready to run, for the first three models of a report."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from registry.domain.data.datasets import LabelKind
from registry.domain.names import MAX_NAME, Name, VersionRef
from registry.domain.recipes.methods import TEST, TRAIN, VALIDATION
from registry.domain.recipes.recipe import Method
from registry.domain.selection.report import RankedModel, SelectionReport, Start
from registry.domain.selection.starting import way
from registry.domain.verbs.selection import Recommend
from registry.ports.transfers import DataInput
from registry.services.context import Context
from registry.services.recipes.defaults import defaults_for
from registry.services.selection.candidates import Eligible
from registry.services.selection.sampling import fewest

FIRST = 3
_RECIPE = """\
# {why}.
# {source}. The ranking: {report}
schema: forebear/recipe/v1
output: {output}
method: {method}
{also}source: {model}
data: {data}
tags: {{selection: {report}}}
"""


def starts(
    context: Context,
    report: SelectionReport,
    whole: DataInput,
    eligible: Sequence[Eligible],
    wanted: Recommend,
    splits: Collection[str],
) -> tuple[Start, ...]:
    """One for each of the first three that are not flagged; `eligible` is in the order of the report.

    `splits` are those of the dataset.
    """
    pairs = [(one, ranked) for one, ranked in zip(eligible, report.ranked, strict=True) if not ranked.flag]
    return tuple(_start(context, report, whole, one, ranked, wanted, splits) for one, ranked in pairs[:FIRST])


def _start(
    context: Context,
    report: SelectionReport,
    whole: DataInput,
    one: Eligible,
    ranked: RankedModel,
    wanted: Recommend,
    splits: Collection[str],
) -> Start:
    offer = context.plugins.offers()[one.recipe.adapter]
    tuning = defaults_for(Method.FINE_TUNING, whole.modality, offer)
    rows = len(whole.chosen)
    chosen = way(
        labels=whole.labels,
        rows=rows,
        fewest=fewest(whole.chosen) if whole.labels is LabelKind.CLASS else rows,
        seconds=None if ranked.cached else ranked.seconds * rows / report.scored,
        epochs=tuning.epochs_for(rows, tuning.batch_size),
        parameters=ranked.parameters,
        modality=whole.modality,
        offered=offer.methods,
        distance=None if ranked.similarity is None else ranked.similarity.verdict,
    )
    recipe = _RECIPE.format(
        why=chosen.reason,
        source=chosen.source,
        report=report.id,
        output=wanted.output or _output(report.dataset, ranked.ref),
        method=chosen.method,
        also=f"{chosen.also}\n" if chosen.also else "",
        model=ranked.ref,
        data=_roles(report, splits),
    )
    return Start(ranked.ref, chosen.method, chosen.reason, chosen.source, recipe)


def _roles(report: SelectionReport, splits: Collection[str]) -> str:
    """The data of a recipe: what is learnt from, and of the usual splits those that there are."""
    others = [role for role in (VALIDATION, TEST) if role in splits and role != report.split]
    if report.split == TRAIN and len(others) in {0, 2}:  # with both of them, a recipe finds them by itself
        return f"{{train: {report.dataset}}}"
    chosen = [f"train: {{dataset: {report.dataset}, split: {report.split}}}"]
    chosen += [f"{role}: {{dataset: {report.dataset}, split: {role}}}" for role in others]
    return f"{{{', '.join(chosen)}}}"


def _output(data: VersionRef, model: VersionRef) -> Name:
    """A name made of those of the data and the model, as long as a name may be."""
    team = data.name.team
    room = MAX_NAME - len(team) - 1
    return Name(team, f"{data.name.name}-{model.name.name}"[:room].rstrip("-_"))
