"""The two samples of a drift check: the rows that a version was tested on, and the rows that it meets now."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from lineage import Digest
from registry.domain.catalog.models import VersionDetail
from registry.domain.data.datasets import DatasetVersionDetail, LabelKind
from registry.domain.manifests import canonical_json
from registry.domain.names import AssetKind, Reference
from registry.domain.recipes.methods import TEST, VALIDATION
from registry.domain.transfers.steps import StepDetail, StepInput
from registry.domain.verbs.drift import LEAST_ROWS, CheckDrift
from registry.errors import InvalidError
from registry.ports.transfers import DataInput
from registry.services.comparison.arm_recipes import LEARNING
from registry.services.context import Context
from registry.services.drift.asking import Side
from registry.services.lookup import found, refuse_withheld, resolve
from registry.services.selection.candidates import refuse_modality
from registry.services.selection.reading import dataset_of, digests_of, rows_of
from registry.services.selection.sampling import sampled
from registry.services.transfers.inputs import lay_out_data


@dataclass(frozen=True, slots=True)
class Compared:
    """Both sides, and what is written about them. `labelled` is true where the rows now have labels to compare."""

    before: Side
    now: Side
    reference: str
    labelled: bool
    notes: tuple[str, ...]

    @property
    def labels(self) -> LabelKind:
        return self.before.data.labels


def read_sides(
    context: Context,
    step: StepDetail,
    model: VersionDetail,
    detail: DatasetVersionDetail,
    wanted: CheckDrift,
    folder: Path,
) -> Compared:
    """Raises: InvalidError for rows that cannot be compared."""
    before, reference, notes = _reference(context, step, model, wanted, folder)
    data = rows_of(context, detail, wanted.split, folder / "now")
    if data.labels not in {before.labels, LabelKind.NONE}:
        raise InvalidError(
            f"{detail.summary.ref} has labels of the kind {data.labels}, and the reference of the kind {before.labels}"
        )
    if wanted.after is not None:
        data, notes = _after(context, data, wanted.after, notes)
    known = {row.digest for row in before.rows}
    seen = sum(row.digest in known for row in data.chosen)
    if wanted.new_only and seen:
        data = _without(data, known)
        notes = (*notes, f"{seen} rows that stand in {before.label} were left out")
    elif seen and seen == len(data.chosen):
        raise InvalidError(
            f"Every row of {detail.summary.ref} stands in {before.label} too, which it is compared with: none is new"
        )
    elif seen:
        notes = (*notes, f"{seen} of the rows now stand in {before.label} too; --new-only leaves them out")
    for label, rows_there in ((before.label, before.chosen), (detail.summary.ref.label, data.chosen)):
        if len(rows_there) < LEAST_ROWS:
            raise InvalidError(
                f"{len(rows_there)} rows of {label} are too few to check for drift",
                remedy=f"{LEAST_ROWS} are needed",
                facts={"rows": len(rows_there), "of": label},
            )
    labelled = data.labels is not LabelKind.NONE
    sides = [
        Side(one, sampled(part, wanted.rows, wanted.seed))
        for one, part in ((_detail_of(context, before.label), before), (detail, data))
    ]
    return Compared(sides[0], sides[1], reference, labelled, notes)


def _after(
    context: Context, data: DataInput, earlier: Reference, notes: tuple[str, ...]
) -> tuple[DataInput, tuple[str, ...]]:
    """The rows that do not stand in an earlier version, with a note of how many do."""
    detail = dataset_of(context, earlier)
    new = _without(data, set(digests_of(context, detail)))
    left = len(data.chosen) - len(new.chosen)
    return new, (*notes, f"{left} rows that stand in {detail.summary.ref.label} were left out")


def _without(data: DataInput, known: Collection[Digest]) -> DataInput:
    """The rows whose content is not among `known`, with a digest of their own."""
    rows = tuple(row for row in data.chosen if row.digest not in known)
    digest = Digest.of(canonical_json({"data": str(data.digest), "rows": [row.key for row in rows]}))
    return replace(data, rows=rows, digest=digest)


def _detail_of(context: Context, label: str) -> DatasetVersionDetail:
    """The dataset version of that label."""
    ref = Reference.parse(f"datasets:/{label}")
    with context.read() as uow:
        return found(uow.datasets.version(resolve(uow, ref)), ref)


def _reference(
    context: Context, step: StepDetail, model: VersionDetail, wanted: CheckDrift, folder: Path
) -> tuple[DataInput, str, tuple[str, ...]]:
    """The rows to compare with, what they are called, and notes.

    Raises: InvalidError for a version without recorded data; WithheldError, RecalledError.
    """
    if wanted.reference is not None:
        detail = dataset_of(context, wanted.reference)
        refuse_modality(model.model.modality, detail)
        data = rows_of(context, detail, None, folder / "before")
        return data, f"all rows of {detail.summary.ref.label}", ()
    item = _tested(step)
    if item is None:
        raise InvalidError(
            f"No data is on record that {model.summary.ref} was trained or tested on",
            remedy="Name rows to compare with: --reference datasets:/team/name/1",
        )
    with context.read() as uow:
        refuse_withheld(context, uow, found(uow.datasets.version(item.ref), item.ref).summary)
    place = folder / "before"
    place.mkdir()
    data = lay_out_data(context, {item.role: item}, place)[item.role]
    called = f"the {item.role} rows of {item.ref.label}, split {item.split}"
    if item.role in {TEST, VALIDATION}:
        return data, called, ()
    note = f"The version learnt from {called}: on them its answers are better than on any new rows"
    return data, called, (note,)


def _tested(step: StepDetail) -> StepInput | None:
    """The rows that the version was tested on; without any, those that it was chosen on, or learnt from."""
    data = {one.role: one for one in step.inputs if one.ref.kind is AssetKind.DATASETS}
    return next((data[role] for role in (TEST, VALIDATION, *LEARNING) if role in data), None)
