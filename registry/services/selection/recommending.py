"""`forebear recommend`: from data to an order of models, a conclusion in one sentence, and recipes to run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from lineage import Assurance
from registry.domain.audit import Event
from registry.domain.data.datasets import DatasetVersionDetail
from registry.domain.ids import new_id
from registry.domain.people.people import Permission
from registry.domain.recipes.methods import TRAIN
from registry.domain.selection.differences import behind, interval
from registry.domain.selection.ordering import disagreement
from registry.domain.selection.report import (
    ASIDE,
    HEADLINE,
    UNITS,
    Classical,
    LeftOut,
    RankedModel,
    SelectionReport,
    concluded,
)
from registry.domain.transfers.steps import StepInput
from registry.domain.verbs.selection import Recommend
from registry.errors import AdapterError, NotFoundError, RegistryError
from registry.ports.transfers import DataInput
from registry.services.context import Context
from registry.services.selection.candidates import candidates
from registry.services.selection.measuring import Measured, Rows, Truth, measure, names_of, rows_of
from registry.services.selection.past import PRETRAINING, priors
from registry.services.selection.reading import dataset_of, refuse_unscorable
from registry.services.selection.sampling import sampled
from registry.services.selection.similar import Shelf
from registry.services.selection.standing import Course, Show, in_order
from registry.services.selection.starts import starts
from registry.services.transfers.inputs import lay_out_data
from registry.services.workspace import workspace

Watch = Callable[[str], None]


def recommend(
    context: Context, wanted: Recommend, watch: Watch, show: Show = lambda _: None, *, report_id: str | None = None
) -> SelectionReport:
    """See `SelectionVerbs`. Raises: NotFoundError where no model can be scored, InvalidError, RefusedError.

    The report is kept as `report_id`, or as a new one.
    """
    context.actor.require(Permission.EDIT)
    if not context.plugins.scorers():
        raise AdapterError("No scorer of models is installed", remedy="Install Forebear again")
    detail = dataset_of(context, wanted.dataset)
    refuse_unscorable(detail, wanted.split)
    eligible, left = candidates(context, detail, wanted)
    if not eligible:
        raise _none(detail, left)
    with workspace(context.home, "selection") as folder:
        watch(f"Reading {detail.summary.ref}")
        whole = _laid_out(context, detail, wanted, folder)
        data = sampled(whole, wanted.rows, wanted.seed)
        rows = sorted(data.chosen, key=lambda row: row.key)
        truth = Truth.of(rows, data.labels)
        measured: list[Measured] = []
        shelf = Shelf(context, folder / "learnt-from")
        course = Course.of(eligible, data.labels, wanted.seed, show)
        for number, one in enumerate(eligible, start=1):
            label, counted = one.detail.summary.ref.label, f"{number} of {len(eligible)}"
            watch(f"Scoring {label} ({counted})")
            try:
                found = measure(context, one, data, truth, folder / str(number), seed=wanted.seed, shelf=shelf)
            except RegistryError as error:
                left = [*left, LeftOut(one.detail.summary.ref, error.code, error.message)]
                course.left_out(left[-1])
                watch(f"Left out {label}: {error.message} ({counted})")
                continue
            measured.append(found)
            course.scored(found)
            watch(f"Scored {label}: {UNITS[data.labels]} {found.scores[HEADLINE]:.3f} ({counted})")
        if not measured:
            raise _none(detail, left)
        known = priors(context, detail, wanted.split, [one.candidate for one in measured])
        ranked, order = _ranked(measured, known, wanted.seed)
        watch("Scoring the classical baseline")
        classical, said = _classical(context, data, truth, measured[order[0]].rows, wanted.seed)
    report = SelectionReport(
        id=report_id or new_id("sel", context.clock.now()),
        dataset=detail.summary.ref,
        data=detail.summary.digest,
        split=wanted.split,
        rows=len(whole.chosen),
        scored=len(rows),
        labels=data.labels,
        conclusion=concluded(ranked, classical, UNITS[data.labels]),
        ranked=ranked,
        left_out=tuple(sorted(left, key=lambda one: (one.code, str(one.ref)))),
        classical=classical,
        starts=(),
        created_at=context.clock.now(),
        created_by=context.actor.handle,
        notes=(*said, *_notes(len(whole.chosen), len(rows), measured, order), *_by_priors(ranked)),
        settings=_settings(wanted),
    )
    splits = [one.name for one in detail.summary.splits]
    candidates_in_order = [measured[n].candidate for n in order]
    report = replace(report, starts=starts(context, report, whole, candidates_in_order, wanted, splits))
    with context.write(Permission.EDIT) as uow:
        uow.selections.add(report)
        for kept in shelf.made:
            uow.selections.add_summary(kept.model, kept.data.digest, kept.data.split, kept.body)
        first = ranked[0]
        uow.commit(
            Event(
                "selection.recommended",
                report.id,
                {"dataset": str(report.dataset), "data": str(report.data), "first": str(first.ref)},
            )
        )
    return report


def _laid_out(context: Context, detail: DatasetVersionDetail, wanted: Recommend, folder: Path) -> DataInput:
    item = StepInput(detail.summary.ref, detail.summary.digest, TRAIN, wanted.split, Assurance.OBSERVED)
    return lay_out_data(context, {TRAIN: item}, folder)[TRAIN]


def _none(detail: DatasetVersionDetail, left: Sequence[LeftOut]) -> NotFoundError:
    """No model can be scored: what each one lacks."""
    listed = "; ".join(f"{one.ref.label}: {one.reason}" for one in left[:5])
    more = f"; and {len(left) - 5} more" if len(left) > 5 else ""
    return NotFoundError(
        f"No model here can be scored on {detail.summary.ref}"
        + (f". {listed}{more}" if left else ": there are no registered models"),
        remedy="Import one: forebear model import team/name PATH",
        facts={"left_out": [{"ref": str(one.ref), "code": one.code, "reason": one.reason} for one in left]},
    )


def _ranked(
    measured: Sequence[Measured], known: Sequence[Mapping[str, float]], seed: int
) -> tuple[tuple[RankedModel, ...], list[int]]:
    """The candidates in their order, and that order as places in `measured`."""
    means, order = in_order(measured)
    first = measured[order[0]]
    return tuple(_entry(measured[n], means[n], first, known[n], seed) for n in order), order


def _entry(one: Measured, mean: float | None, first: Measured, known: Mapping[str, float], seed: int) -> RankedModel:
    summary = one.candidate.detail.summary
    return RankedModel(
        ref=summary.ref,
        digest=summary.digest,
        architecture=one.candidate.detail.architecture,
        licence=summary.licence,
        owed=one.candidate.owed,
        score=interval(one.rows, seed=seed),
        scores=one.scores,
        mean_rank=math.nan if mean is None else mean,
        behind=None if one is first else behind(first.rows, one.rows, seed=seed),
        parameters=one.parameters,
        size=summary.size,
        seconds=one.seconds,
        cached=one.cached,
        flag=one.flag,
        priors=known,
        similarity=one.similarity,
    )


def _classical(
    context: Context, data: DataInput, truth: Truth, first: Rows, seed: int
) -> tuple[Classical | None, tuple[str, ...]]:
    """The linear model on raw rows; where there is none, the sentence that says why."""
    began = context.clock.monotonic()
    try:
        name, features = context.plugins.classical().features(data)
        rows = rows_of(truth.scores(context, np.asarray(features), seed))
    except RegistryError as error:
        return None, (f"There is no classical baseline: {error.message}",)
    seconds = context.clock.monotonic() - began
    return Classical(name, interval(rows, seed=seed), behind(first, rows, seed=seed), seconds), ()


def _notes(whole: int, scored: int, measured: Sequence[Measured], order: Sequence[int]) -> list[str]:
    """What a reader must know beside the table."""
    notes = []
    if scored < whole:
        wider = math.sqrt(whole / scored)
        notes.append(
            f"Scored on {scored:,} of {whole:,} rows, drawn evenly over the classes: intervals are about "
            f"{wider:.1f} times as wide as on all rows, and a recipe reads all rows anew"
        )
    scores = {name: [measured[n].scores.get(name) for n in order] for name in names_of(measured)}
    if apart := disagreement(scores):
        said = ", ".join(
            f"{name} puts {measured[order[place]].candidate.detail.summary.ref.label} first"
            for name, place in apart.items()
        )
        notes.append(f"The scores disagree: {said}")
    if aside := sorted({name for one in measured for name in one.scores if name.startswith(ASIDE)}):
        said = " and ".join(name.removeprefix(ASIDE) for name in aside)
        notes.append(f"The order does without {said}, which not every model has")
    return notes


def _by_priors(ranked: Sequence[RankedModel]) -> list[str]:
    """Which model each prior puts first, where that is not the first of the scores."""
    names = dict.fromkeys(name for one in ranked for name in one.priors if name != PRETRAINING)
    firsts = {name: max(ranked, key=lambda one: one.priors.get(name, -1.0)).ref.label for name in names}
    said = [f"{name} puts {label} first" for name, label in firsts.items() if label != ranked[0].ref.label]
    return [f"Earlier transfers disagree with the scores: {', '.join(said)}"] if said else []


def _settings(wanted: Recommend) -> dict[str, object]:
    """What else decided the result."""
    return {
        "rows": wanted.rows,
        "seed": wanted.seed,
        "use": None if wanted.use is None else wanted.use.value,
        "models": [str(one) for one in wanted.models],
    }
