"""How like the rows of a ranking are to what a candidate learnt from, through the candidate itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lineage import Digest
from registry.domain.comparison.statistics.feature_summaries import FeatureSummary, energy, farther
from registry.domain.comparison.statistics.two_samples import discrepancy, told_apart
from registry.domain.people.teams import Level
from registry.domain.selection.likeness import judged
from registry.domain.selection.similarity import CLOSED, UNKNOWN, Against, Similarity
from registry.errors import NotFoundError, RegistryError
from registry.ports.transfers import DataInput
from registry.services.context import Context
from registry.services.lineage.learnt_from import LearntFrom, learnt_from
from registry.services.lineage.obligations import MAX_ANCESTORS
from registry.services.lookup import found
from registry.services.selection.candidates import Eligible
from registry.services.selection.learnt_rows import rows_learnt_from

ROWS, LEAST = 500, 40
"""Rows that are compared on each side, and those below which nothing is said: half of them are learnt from."""
SECONDS = 60.0
"""What reading the old rows through one candidate may take: where it would take more, fewer are read."""
MOST_TRIED = 3
"""Datasets of one candidate that are tried where the nearest cannot be read."""
Read = Callable[[DataInput, Path], NDArray[np.float32]]
"""The features of some rows, with a folder to work in."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The summary of the rows that the model with this digest learnt from."""

    model: Digest
    data: LearntFrom
    body: bytes


@dataclass(slots=True)
class Shelf:
    """Rows of datasets that candidates learnt from, laid out once for all candidates of a ranking."""

    context: Context
    folder: Path
    laid: dict[tuple[LearntFrom, int], DataInput | RegistryError] = field(default_factory=dict)
    made: list[Kept] = field(default_factory=list)
    """Summaries that are new, to be written with the report."""
    _numbers: count[int] = field(default_factory=count)

    def rows(self, one: LearntFrom, candidate: Eligible, cap: int) -> DataInput:
        """Raises: RegistryError for data that cannot be read; the same for every candidate."""
        key = one, cap
        if key not in self.laid:
            self.folder.mkdir(exist_ok=True)
            place = self.folder / str(next(self._numbers))
            try:
                self.laid[key] = rows_learnt_from(self.context, one, candidate.detail.model.modality, cap, place)
            except RegistryError as error:
                self.laid[key] = error
        laid = self.laid[key]
        if isinstance(laid, RegistryError):
            raise laid
        return laid


def similarity(
    shelf: Shelf, candidate: Eligible, features: NDArray[np.float32], per_row: float, read: Read, folder: Path
) -> Similarity:
    """How like the rows with `features` (N x D) are to what `candidate` learnt from. Says unknown; never raises for it.

    `per_row` are the seconds that it took for one row, 0 where they were not measured. `read` gives its features of
    other rows, in the new `folder`.
    """
    with shelf.context.read() as uow:
        ref = candidate.detail.summary.ref
        known = learnt_from(found(uow.graph.ancestry(ref, limit=MAX_ANCESTORS), ref))
    if not known:
        return Similarity(Against.NOTHING, reason=UNKNOWN)
    # Rows of a closed team are read for its members alone: a figure over them would tell of them.
    known = tuple(one for one in known if shelf.context.actor.sight.allows(one.data.name, Level.USE))
    if not known:
        return Similarity(Against.NOTHING, reason=CLOSED)
    new, reasons = _some(features), list[str]()
    if len(new) < LEAST:
        return Similarity(Against.NOTHING, reason=f"{len(new)} rows are too few to compare; {LEAST} are needed")
    cap = affordable(per_row)
    for number, one in enumerate(known[:MOST_TRIED]):
        try:
            return _by_rows(shelf, candidate, one, new, cap, read, folder / str(number))
        except RegistryError as error:
            reasons.append(f"{one.data.label} cannot be compared with: {error.message}")
        kept = _kept(shelf.context, candidate, one)
        if kept is not None:
            return _by_summary(one, kept, new, reasons[-1])
    return Similarity(Against.NOTHING, reason="; ".join(reasons))


def affordable(per_row: float) -> int:
    """How many rows of the old data are read, where one takes `per_row` seconds."""
    return ROWS if per_row * ROWS <= SECONDS else max(int(SECONDS / per_row), LEAST)


def _by_rows(
    shelf: Shelf,
    candidate: Eligible,
    one: LearntFrom,
    new: NDArray[np.float64],
    cap: int,
    read: Read,
    folder: Path,
) -> Similarity:
    """Raises: RegistryError for data that cannot be read, or is too small."""
    data = shelf.rows(one, candidate, cap)
    if len(data.chosen) < LEAST:
        raise NotFoundError(f"It has {len(data.chosen)} rows, and {LEAST} are needed")
    old = np.asarray(read(data, folder), dtype=np.float64)
    if not np.isfinite(old).all():
        raise NotFoundError("Its features are not finite numbers")
    summary = FeatureSummary.of(old)
    if _kept(shelf.context, candidate, one) is None:  # the first one stays, whatever rows are drawn later
        shelf.made.append(Kept(candidate.detail.summary.digest, one, summary.written()))
    told, apart = told_apart(old, new), discrepancy(old, new)
    return replace(
        _by_summary(one, summary, new, ""),
        against=Against.ROWS,
        rows=len(old),
        verdict=judged(told.auc),
        auc=told.auc,
        mmd=apart.value,
        mmd_p=apart.p,
    )


def _by_summary(one: LearntFrom, summary: FeatureSummary, new: NDArray[np.float64], reason: str) -> Similarity:
    seen, turned = summary.seen, summary.turned(new)
    return Similarity(
        Against.SUMMARY,
        data=one.data,
        digest=one.digest,
        split=one.split,
        generations=one.generations,
        assurance=one.assurance,
        rows=len(seen),
        target=len(new),
        energy=energy(seen, turned),
        neighbours=farther(seen, turned),
        reason=reason,
    )


def by_weights(norms: Mapping[str, float] | None) -> Similarity | None:
    """By what the normalisations in the weights keep of the rows that they learnt from; None where nothing was read."""
    if norms is None or not math.isfinite(norms["energy"]):
        return None
    return Similarity(Against.STATISTICS, target=int(norms["rows"]), energy=norms["energy"])


def _some(features: NDArray[np.float32]) -> NDArray[np.float64]:
    """At most `ROWS` of the rows, always the same ones."""
    drawn = np.sort(np.random.default_rng(0).permutation(len(features))[:ROWS])
    return np.asarray(features[drawn], dtype=np.float64)


def _kept(context: Context, candidate: Eligible, one: LearntFrom) -> FeatureSummary | None:
    with context.read() as uow:
        body = uow.selections.summary(candidate.detail.summary.digest, one.digest, one.split)
    return None if body is None else FeatureSummary.read(body)
