"""`forebear dataset compare`: whether two datasets are alike, by raw rows or through the features of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.comparison.statistics.two_samples import Floats, Told, discrepancy, shift, told_apart
from registry.domain.data.datasets import DatasetVersionDetail, LabelKind, Row
from registry.domain.data.near_copies import SIDE, near_pictures, near_texts, picture_sketch, text_sketches
from registry.domain.manifests import canonical_json
from registry.domain.names import Reference, model_only
from registry.domain.people.people import Permission
from registry.domain.selection.likeness import Likeness, Side, TellingRow, concluded, judged
from registry.domain.verbs.selection import CompareDatasets
from registry.errors import InvalidError
from registry.ports.transfers import DataInput
from registry.services.context import Context
from registry.services.lookup import found, refuse_as_source, resolve
from registry.services.selection.candidates import Eligible, feature_recipe, refuse_modality
from registry.services.selection.measuring import features_of
from registry.services.selection.reading import ALL, dataset_of, rows_of
from registry.services.selection.sampling import sampled
from registry.services.workspace import workspace

LEAST = 20
"""Rows of each dataset below which no comparison means anything: half of them are learnt from."""
MOST_PICTURES = 1000
"""Pictures of each dataset that are looked at for near-copies."""
_TELLING, _SHOWN = 5, 200


@dataclass(frozen=True, slots=True)
class _Read:
    """One dataset: all its rows on disk, and those that are compared, in order of key."""

    detail: DatasetVersionDetail
    whole: DataInput
    data: DataInput

    @property
    def rows(self) -> Sequence[Row]:
        return self.data.chosen

    def side(self) -> Side:
        single = self.whole.labels is LabelKind.CLASS
        classes = Counter(row.label or "" for row in self.whole.chosen) if single else Counter[str]()
        return Side(self.detail.summary.ref, len(self.whole.chosen), len(self.rows), dict(sorted(classes.items())))


def compare(context: Context, wanted: CompareDatasets, watch: Callable[[str], None]) -> Likeness:
    """See `SelectionVerbs`. Raises: BadReferenceError, NotFoundError, InvalidError, RefusedError, AdapterError."""
    context.actor.require(Permission.EDIT)
    details = [dataset_of(context, one) for one in (wanted.first, wanted.second)]
    _refuse_unlike(details)
    through = None if wanted.through is None else _model(context, wanted.through, details, wanted)
    with workspace(context.home, "comparison") as folder:
        read = [_read(context, detail, wanted, folder, n) for n, detail in enumerate(details)]
        name, x, y = _features(context, read, through, folder, watch)
        watch("Comparing")
        told = told_apart(x, y, seed=wanted.seed)
        apart = discrepancy(x, y, seed=wanted.seed)
        near, said = _near(context, read)
        telling = _telling(read, told)
    sides = (read[0].side(), read[1].side())
    names = sorted(sides[0].classes.keys() | sides[1].classes.keys())
    shifted = None
    if sides[0].classes and sides[1].classes and len(names) > 1:
        counts = [np.array([side.classes.get(name, 0) for name in names], dtype=np.int64) for side in sides]
        shifted = shift(counts[0], counts[1], seed=wanted.seed)
    digests = {row.digest for row in read[0].whole.chosen}
    verdict = judged(told.auc)
    return Likeness(
        first=sides[0],
        second=sides[1],
        features=name,
        verdict=verdict,
        conclusion=concluded(verdict, told.auc, sides[0].dataset, sides[1].dataset),
        auc=told.auc,
        auc_p=told.p,
        mmd=apart.value,
        mmd_p=apart.p,
        mmd_linear=apart.linear,
        label_shift=None if shifted is None else shifted.effect,
        label_shift_p=None if shifted is None else shifted.p,
        shared_classes=tuple(name for name in names if all(name in side.classes for side in sides)),
        copies=sum(row.digest in digests for row in read[1].whole.chosen),
        near_copies=near,
        telling=telling,
        notes=(*_notes(sides), *said),
    )


def _refuse_unlike(details: Sequence[DatasetVersionDetail]) -> None:
    """Raises: InvalidError for one dataset twice, and for two of different modality."""
    one, two = details
    if one.summary.ref == two.summary.ref:
        raise InvalidError(f"Both are {one.summary.ref}", remedy="Name two versions, or two datasets")
    kinds = [detail.dataset.describing.modality for detail in details]
    if kinds[0] is not kinds[1]:
        raise InvalidError(
            f"{one.summary.ref} holds {kinds[0]} data and {two.summary.ref} {kinds[1]} data: they cannot be compared"
        )


def _model(
    context: Context, reference: Reference, details: Sequence[DatasetVersionDetail], wanted: CompareDatasets
) -> Sequence[Eligible]:
    """The model, with how it reads each dataset. Raises: NotFoundError, RefusedError, BadRecipeError."""
    with context.read() as uow:
        ref = resolve(uow, model_only(reference))
        model = found(uow.catalog.version(ref), ref)
        refuse_as_source(uow, model.summary, context.clock.now())
    refuse_modality(model.model.modality, details[0])
    split = wanted.split or ALL
    recipes = [feature_recipe(context, model, one, split=split, seed=wanted.seed) for one in details]
    return [Eligible(model, recipe, ()) for recipe in recipes]


def _read(context: Context, detail: DatasetVersionDetail, wanted: CompareDatasets, folder: Path, number: int) -> _Read:
    """Raises: InvalidError for a split that it has not, or too few rows."""
    whole = rows_of(context, detail, wanted.split, folder / f"side-{number}")
    if len(whole.chosen) < LEAST:
        raise InvalidError(
            f"{len(whole.chosen)} rows of {detail.summary.ref} are too few to compare", remedy=f"{LEAST} are needed"
        )
    return _Read(detail, whole, sampled(whole, wanted.rows, wanted.seed))


def _features(
    context: Context,
    read: Sequence[_Read],
    through: Sequence[Eligible] | None,
    folder: Path,
    watch: Callable[[str], None],
) -> tuple[str, Floats, Floats]:
    """What they are called, and those of both in one space. Raises: InvalidError for those that are not finite."""
    if through is None:
        watch("Reading the raw rows")
        name, every = context.plugins.classical().features(_together(read, folder))
        count = len(read[0].rows)
        parts = [np.asarray(every[:count], dtype=np.float64), np.asarray(every[count:], dtype=np.float64)]
    else:
        name, parts = through[0].detail.summary.ref.label, []
        for number, (one, model) in enumerate(zip(read, through, strict=True)):
            watch(f"Reading {one.detail.summary.ref} through {name}")
            work = folder / f"model-{number}"
            work.mkdir()
            parts.append(np.asarray(features_of(context, model, one.data, work)[0], dtype=np.float64))
    if not all(np.isfinite(part).all() for part in parts):
        raise InvalidError(f"The features of {name} hold values that are not finite numbers")
    return name, parts[0], parts[1]


def _together(read: Sequence[_Read], folder: Path) -> DataInput:
    """Both datasets as one, the rows of the first before those of the second."""
    rows: list[Row] = []
    roots = [one.data.root.relative_to(folder) for one in read]
    for one, root in zip(read, roots, strict=True):
        for row in one.rows:
            path = None if row.path is None else str(root / row.path)
            rows.append(replace(row, key=len(rows), path=path, split=ALL))
    digest = Digest.of(canonical_json([str(one.data.digest) for one in read]))
    return replace(read[0].data, root=folder, digest=digest, rows=tuple(rows), split=ALL, labels=LabelKind.NONE)


def _near(context: Context, read: Sequence[_Read]) -> tuple[int | None, list[str]]:
    """Rows of the second that are nearly copies of rows of the first, of those compared; and what to say of that.

    None for tables of numbers, and for pictures in arrays.
    """
    if read[0].data.modality is Modality.TEXT:
        first, second = ([_text(one, row) for row in one.rows] for one in read)
        return int((near_texts(text_sketches(second), text_sketches(first)) >= 0).sum()), []
    files = [[row for row in one.rows if row.path is not None and row.index is None][:MOST_PICTURES] for one in read]
    if not all(files):
        return None, []
    notes = [
        f"Of {one.detail.summary.ref.label}, {len(some):,} pictures were compared for near-copies"
        for one, some in zip(read, files, strict=True)
        if len(some) < len(one.rows)
    ]
    seen, shown = (_sketches(context, one, some) for one, some in zip(read, files, strict=True))
    return int((near_pictures(shown, seen) >= 0).sum()), notes


def _sketches(context: Context, one: _Read, rows: Sequence[Row]) -> NDArray[np.float32]:
    """A sketch of each picture, decoded in a process of its own."""
    paths = [one.data.root / str(row.path) for row in rows]
    greys = context.plugins.greys(paths, SIDE)
    return np.stack([picture_sketch(np.frombuffer(grey, np.uint8)) for grey in greys])


def _text(one: _Read, row: Row) -> str:
    if row.text is not None:
        return row.text
    return "" if row.path is None else (one.data.root / row.path).read_text(encoding="utf-8", errors="replace")


def _telling(read: Sequence[_Read], told: Told) -> tuple[TellingRow, ...]:
    """Of each dataset the held-out rows that the classifier is surest of."""
    chosen = []
    for one, places, scores, sign in zip(read, (told.first, told.second), told.scores, (1, -1), strict=True):
        for place in places[np.argsort(sign * scores, kind="stable")[:_TELLING]].tolist():
            row = one.rows[place]
            words = " ".join(_text(one, row).split()) if one.data.modality is Modality.TEXT else ""
            where = row.path if row.index is None else f"row {row.index} of {row.path}"
            shown = words[:_SHOWN] or where or f"row {row.key}"
            chosen.append(TellingRow(one.detail.summary.ref, row.key, shown, row.label or ""))
    return tuple(chosen)


def _notes(sides: Sequence[Side]) -> list[str]:
    notes = [
        f"Compared {side.compared:,} of the {side.rows:,} rows of {side.dataset.label}, drawn evenly over the classes"
        for side in sides
        if side.compared < side.rows
    ]
    one, two = (set(side.classes) for side in sides)
    if one and two and not one & two:
        notes.append("The datasets have no class in common: rows may be alike, but the task is another")
    return notes
