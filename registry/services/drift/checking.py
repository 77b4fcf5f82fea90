"""`forebear drift check`: the rows that a version was tested on against the rows that it meets now."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.codec import to_json
from registry.domain.comparison.statistics.two_samples import Floats
from registry.domain.data.datasets import LabelKind
from registry.domain.data.labels import classes_of
from registry.domain.drift.label_shift import Estimate, estimated
from registry.domain.drift.report import (
    EVIDENCE,
    FILE_NAME,
    DriftReport,
    DriftVerdict,
    Finding,
    Stream,
    concluded,
    settled,
    summary,
)
from registry.domain.governance.case import SYSTEM
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.governance.reviews.attestations import Trigger
from registry.domain.manifests import canonical_json
from registry.domain.names import model_only
from registry.domain.people.people import Permission
from registry.domain.verbs.drift import CheckDrift
from registry.errors import BadRecipeError, InvalidError
from registry.services.context import Context
from registry.services.drift import figures
from registry.services.drift.asking import Answered, Asking
from registry.services.drift.proposing import proposed
from registry.services.drift.sides import Compared, read_sides
from registry.services.governance.evidence import bound
from registry.services.governance.reviews.attestations import call
from registry.services.lookup import found, refuse_withheld, resolve
from registry.services.selection.reading import dataset_of
from registry.services.unit_of_work import UnitOfWork
from registry.services.workspace import workspace

Watch = Callable[[str], None]


def check(context: Context, wanted: CheckDrift, watch: Watch) -> EvidenceValue:
    """See `DriftVerbs`."""
    context.actor.require(Permission.EDIT)
    with context.read() as uow:
        ref = resolve(uow, model_only(wanted.model))
        model = found(uow.catalog.version(ref), ref)
        refuse_withheld(context, uow, model.summary)
        step = found(uow.steps.get(model.step), model.step)
    detail = dataset_of(context, wanted.data)
    if model.model.modality is not detail.dataset.describing.modality:
        raise InvalidError(
            f"{ref} reads {model.model.modality} data, and {detail.summary.ref} holds "
            f"{detail.dataset.describing.modality} data"
        )
    with workspace(context.home, "drift") as folder:
        watch("Reading the rows")
        compared = read_sides(context, step, model, detail, wanted, folder)
        asking = Asking(context, model, step, folder, wanted.seed)
        report = _compared(asking, compared, wanted, watch)
    recipe, notes = proposed(context, model, step, detail, report)
    return _kept(context, replace(report, recipe=recipe, notes=(*report.notes, *notes)), model.summary.digest)


def _compared(asking: Asking, compared: Compared, wanted: CheckDrift, watch: Watch) -> DriftReport:
    """All tests, and what they say together."""
    before, now, seed, labels = compared.before, compared.now, wanted.seed, compared.labels
    notes, findings = [*compared.notes], list[Finding]()
    features = _features(asking, compared, watch, notes)
    answered = _answers(asking, compared, watch, notes)
    watch("Comparing")
    if features is not None:
        findings += figures.of_features(*features, seed)
    if answered is not None:
        findings += figures.of_answers(*answered, labels, seed)
    if not findings:
        raise InvalidError(f"{asking.model.summary.ref} gives neither features nor answers: {'; '.join(notes)}")
    single = labels is LabelKind.CLASS
    unknown, performance = 0, None
    streams: tuple[Stream, ...] = ()
    if compared.labelled and labels is not LabelKind.NUMBER:
        findings.append(figures.of_labels(before.data.chosen, now.data.chosen, labels, seed))
    if compared.labelled and answered is not None:
        errors = [
            figures.errors_of(side.data.chosen, one.answers, labels)
            for side, one in zip((before, now), answered, strict=True)
        ]
        numbers = [float(row.label or 0) for row in before.data.chosen] if labels is LabelKind.NUMBER else [0.0]
        performance = figures.performance(errors[0], errors[1], labels, float(np.std(numbers)))
        streams = figures.streams(errors[0], errors[1], seed)
        classes = set(answered[0].classes)
        unknown = sum(not classes.issuperset(classes_of(row.label, labels)) for row in now.data.chosen)
    estimate = None
    if answered is not None and not single and not compared.labelled:
        notes.append("The accuracy now cannot be estimated without labels: that needs one class for each row")
    if answered is not None and single and not compared.labelled:
        guess = _estimate(compared, answered, seed)
        estimate = guess if isinstance(guess, Estimate) else None
        if isinstance(guess, str):
            notes.append(f"The accuracy now cannot be estimated without labels: {guess}")
    closed = settled(findings)
    if estimate is not None:
        notes.append(_assumed(closed))
    ref, data = asking.model.summary.ref, now.detail.summary
    verdict, sentence = concluded(ref, data.ref, closed, performance, unknown)
    return DriftReport(
        model=ref,
        data=data.ref,
        data_digest=data.digest,
        split=now.data.split,
        reference=compared.reference,
        before=len(before.data.chosen),
        now=len(now.data.chosen),
        verdict=verdict,
        conclusion=sentence,
        findings=closed,
        performance=performance,
        streams=streams,
        estimate=None if estimate is None else estimate.accuracy,
        shares=() if answered is None else figures.shares(*answered, labels, estimate),
        histograms=figures.histograms(features, answered, labels),
        unknown=unknown,
        recipe="",
        notes=tuple(notes),
        settings={"rows": wanted.rows, "seed": seed},
    )


def _features(asking: Asking, compared: Compared, watch: Watch, notes: list[str]) -> tuple[Floats, Floats] | None:
    watch("Reading the features of both")
    try:
        return asking.features(compared.before), asking.features(compared.now)
    except BadRecipeError as error:
        notes.append(f"Features were not compared: {error.message}")
        return None


def _answers(asking: Asking, compared: Compared, watch: Watch, notes: list[str]) -> tuple[Answered, Answered] | None:
    """Rows now get a label that the version knows for the length of this: they may have none, or a new class."""
    if compared.labels is LabelKind.NONE:
        notes.append("Answers were not compared: the reference has no labels")
        return None
    watch("Asking the version about both")
    label = "0" if compared.labels is LabelKind.NUMBER else compared.before.data.chosen[0].label
    now = compared.now
    if compared.labels is LabelKind.TAGS:
        tag = (label or "").split()[0]
        rows = tuple(replace(row, label=" ".join([tag] * len((row.text or "").split()))) for row in now.data.rows)
    else:
        rows = tuple(replace(row, label=label) for row in now.data.rows)
    borrowed = replace(now, data=replace(now.data, rows=rows, labels=compared.labels))
    try:
        before, after = asking.answers([compared.before, borrowed])
    except BadRecipeError as error:
        notes.append(f"Answers were not compared: {error.message}")
        return None
    return before, after


def _estimate(compared: Compared, answered: tuple[Answered, Answered], seed: int) -> Estimate | str:
    before, now = answered
    place = {name: n for n, name in enumerate(before.classes)}
    truth = [place[row.label or ""] for row in compared.before.data.chosen]
    answers = [[place[str(one)] for one in side.answers] for side in (before, now)]
    return estimated(np.array(truth, dtype=np.int64), np.array(answers[0]), np.array(answers[1]), len(place), seed=seed)


def _assumed(findings: Sequence[Finding]) -> str:
    """What the estimate of the accuracy rests on."""
    said = "The estimate of the accuracy assumes that the rows of each class look as they did"
    if any(one.moved and one.what in {"features", "embeddings"} for one in findings):
        return f"{said}. Here the features moved, so do not rely on it: label some rows"
    return said


def _kept(context: Context, report: DriftReport, subject: Digest) -> EvidenceValue:
    """Write the report as evidence; a drift asks for a new approval where the policy of the version says so."""
    stored, _ = context.blobs.put(io.BytesIO(canonical_json(to_json(report))))
    with context.write(Permission.EDIT) as uow:
        now, ref = context.clock.now(), report.model
        value = bound(ref, subject, EVIDENCE, summary(report), file=stored, name=FILE_NAME, by=SYSTEM, at=now)
        uow.governance.add_evidence(value)
        detail = {
            "evidence": value.id,
            "digest": str(value.digest),
            "data": str(report.data),
            "verdict": report.verdict.value,
        }
        uow.commit(Event("drift.checked", str(ref), detail), *_called(uow, report, context))
    return value


def _called(uow: UnitOfWork, report: DriftReport, context: Context) -> list[Event]:
    if report.verdict is not DriftVerdict.DRIFT:
        return []
    return list(call(uow, [report.model], Trigger.DRIFT_ALERT, report.conclusion, context.clock.now()))
