"""Reads the rows through each candidate, and scores what comes out."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from registry.domain.data.datasets import LabelKind, Row
from registry.domain.recipes.methods import TRAIN
from registry.domain.selection.report import ASIDE, HEADLINE
from registry.domain.selection.similarity import Against, Similarity
from registry.errors import AdapterError, BadDataError, OutOfMemoryError
from registry.machine import free_memory
from registry.ports.scoring import Sample, Score
from registry.ports.transfers import DataInput, ModelInput
from registry.services.comparison.asking import ask, source_of
from registry.services.context import Context
from registry.services.selection.candidates import Eligible
from registry.services.selection.condition import constant, parameters, untrained
from registry.services.selection.heads import head_of
from registry.services.selection.sampling import sentences_of, targets_of
from registry.services.selection.similar import Shelf, by_weights, similarity

Rows = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """What one candidate scored. `rows` (N) are the outcomes of the headline score."""

    candidate: Eligible
    scores: Mapping[str, float]
    rows: Rows
    parameters: int
    seconds: float
    cached: bool
    flag: str
    similarity: Similarity


@dataclass(frozen=True, slots=True)
class Truth:
    """What is to be answered. `targets` are as in `Sample`; where each word has a tag, one for each word.

    `sentences` then gives the row of each word, from 0 to `rows` - 1.
    """

    targets: Rows
    labels: LabelKind
    rows: int
    sentences: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, rows: Sequence[Row], labels: LabelKind) -> Truth:
        """Of `rows` in order of key."""
        return cls(targets_of(rows, labels), labels, len(rows), sentences_of(rows, labels))

    def scores(
        self, context: Context, features: NDArray[np.float32], seed: int, answers: NDArray[np.float32] | None = None
    ) -> Mapping[str, Score]:
        """All scores, their outcomes by row.

        Words are scored as rows are, but no word is answered by another one of its sentence; the outcome of a row is
        the number of its words that were answered rightly, in units of the mean number of words. One that was cut off
        counts as wrong. Raises: BadDataError, AdapterError.
        """
        if self.sentences is None:
            return score(context, Sample(features, self.targets, self.labels, seed, answers))
        if len(features) != len(self.targets):
            raise BadDataError(
                f"There are features of {len(features)} words, and {len(self.targets)} words have a tag",
                remedy="Give one tag for each word; words are separated by whitespace",
            )
        there = features.any(axis=1)
        part, groups = Sample(features[there], self.targets[there], LabelKind.CLASS, seed), self.sentences[there]
        return {name: self._by_row(one, groups) for name, one in score(context, replace(part, groups=groups)).items()}

    def _by_row(self, one: Score, groups: NDArray[np.int64]) -> Score:
        if one.rows is None:
            return one
        right: Rows = np.bincount(groups, weights=one.rows, minlength=self.rows).astype(np.float64)
        rows = right * (self.rows / len(self.targets))
        return Score(float(rows.mean()), rows)


def unlabelled(data: DataInput) -> DataInput:
    """The same rows without labels."""
    return replace(data, rows=tuple(replace(row, label=None) for row in data.rows), labels=LabelKind.NONE)


def measure(
    context: Context,
    candidate: Eligible,
    data: DataInput,
    truth: Truth,
    folder: Path,
    *,
    seed: int,
    shelf: Shelf,
) -> Measured:
    """Score `candidate` on the rows of `data`, in the new `folder`, and compare them with what it learnt from.

    Raises: errors that say why it cannot be scored.
    """
    folder.mkdir()
    try:
        began = context.clock.monotonic()
        refuse_too_large(candidate.detail.summary.size, free_memory())
        source = source_of(context, candidate.detail, folder / "model")
        found = _read(context, candidate, source, data, folder / "work", norms=True)
        features, cached = found.features, found.cached
        seconds = context.clock.monotonic() - began
        answers = None
        if data.labels is LabelKind.CLASS:
            answers = head_of(context, candidate, source, data, folder / "head")
        flag = found.flag or constant(features[features.any(axis=1)])
        scores = truth.scores(context, features, seed, answers)

        def read(other: DataInput, work: Path) -> NDArray[np.float32]:
            return _read(context, candidate, source, other, work).features

        per_row = 0.0 if cached else seconds / max(1, len(data.chosen))
        if truth.sentences is not None:  # what was learnt from is compared text by text
            features = read(unlabelled(data), folder / "texts")
        like = similarity(shelf, candidate, features, per_row, read, folder / "learnt-from")
        if like.against is Against.NOTHING and not flag:
            like = by_weights(found.norms) or like
        return Measured(
            candidate=candidate,
            scores={name: one.value for name, one in scores.items()},
            rows=rows_of(scores),
            parameters=found.parameters,
            seconds=seconds,
            cached=cached,
            flag=flag,
            similarity=like,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        gc.collect()  # the frames of a large model are let go before the next one is loaded


def features_of(
    context: Context, candidate: Eligible, data: DataInput, folder: Path
) -> tuple[NDArray[np.float32], bool, int, str]:
    """The features of each row, whether they were cached, the number of parameters, and why it looks untrained.

    The adapter's own export is run, so that they lie in the cache that every later recipe reads.
    """
    found = _read(context, candidate, source_of(context, candidate.detail, folder / "model"), data, folder / "work")
    return found.features, found.cached, found.parameters, found.flag


def refuse_too_large(size: int, free: int | None) -> None:
    """A model of `size` bytes is loaded whole. Raises: OutOfMemoryError where fewer than that are free."""
    if free is not None and size > free:
        raise OutOfMemoryError(
            f"It has {size / 2**30:,.1f} GiB of files, and this machine has {free / 2**30:,.1f} GiB of memory free",
            remedy="Rank it on a machine with more memory",
        )


@dataclass(frozen=True, slots=True)
class _Features:
    """What came out of one pass; `norms` as the fact of that name, None where there is none."""

    features: NDArray[np.float32]
    cached: bool
    parameters: int
    flag: str
    norms: Mapping[str, float] | None


def _read(
    context: Context, candidate: Eligible, source: ModelInput, data: DataInput, work: Path, *, norms: bool = False
) -> _Features:
    weights = context.plugins.weights().open(source.folder)
    recipe = candidate.recipe
    words = data.labels is LabelKind.TAGS
    finished = ask(context, recipe, source, {TRAIN: data}, work, seed=recipe.seed, norms=norms, words=words)
    with np.load(finished.folder / "features.npz", allow_pickle=False) as found:
        features: NDArray[np.float32] = found["x"]
    met = finished.facts.get("norms")
    cached = finished.facts.get("features_computed") == 0
    known = met if isinstance(met, Mapping) else None
    return _Features(features, cached, parameters(weights), untrained(weights), known)


def score(context: Context, sample: Sample) -> Mapping[str, Score]:
    """The scores of every scorer that is installed; two of one name are an error of who installed them."""
    scores: dict[str, Score] = {}
    for name, scorer in context.plugins.scorers().items():
        found = scorer.scores(sample)
        if twice := scores.keys() & found.keys():
            raise AdapterError(f"The scorer {name} gives {', '.join(sorted(twice))}, which another scorer gives too")
        scores |= found
    return scores


def rows_of(scores: Mapping[str, Score]) -> Rows:
    """The outcomes by row of the headline score."""
    found = scores.get(HEADLINE)
    if found is None or found.rows is None:
        raise AdapterError(f"No installed scorer gives {HEADLINE!r} by row", remedy="Install Forebear again")
    return found.rows


def whole(data: DataInput, split: str) -> DataInput:
    """`data` with its split chosen."""
    return replace(data, split=split)


def names_of(measured: Sequence[Measured]) -> list[str]:
    """The scores that take part in the order, in their usual order."""
    return list(dict.fromkeys(name for one in measured for name in one.scores if not name.startswith(ASIDE)))
