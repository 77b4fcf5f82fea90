"""Reads the rows through each candidate, and scores what comes out."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.methods import TRAIN
from registry.domain.selection.report import ASIDE, HEADLINE
from registry.domain.selection.similarity import Similarity
from registry.errors import AdapterError, OutOfMemoryError
from registry.machine import free_memory
from registry.ports.scoring import Sample, Score
from registry.ports.transfers import DataInput, ModelInput
from registry.services.comparison.asking import ask, source_of
from registry.services.context import Context
from registry.services.selection.candidates import Eligible
from registry.services.selection.condition import constant, parameters, untrained
from registry.services.selection.heads import head_of
from registry.services.selection.similar import Shelf, similarity

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


def measure(
    context: Context, candidate: Eligible, data: DataInput, targets: Rows, folder: Path, *, seed: int, shelf: Shelf
) -> Measured:
    """Score `candidate` on the rows of `data`, in the new `folder`, and compare them with what it learnt from.

    Raises: errors that say why it cannot be scored.
    """
    folder.mkdir()
    try:
        began = context.clock.monotonic()
        refuse_too_large(candidate.detail.summary.size, free_memory())
        source = source_of(context, candidate.detail, folder / "model")
        features, cached, count, flag = _read(context, candidate, source, data, folder / "work")
        seconds = context.clock.monotonic() - began
        answers = None
        if data.labels is LabelKind.CLASS:
            answers = head_of(context, candidate, source, data, folder / "head")
        scores = score(context, Sample(features, targets, data.labels, seed, answers))

        def read(other: DataInput, work: Path) -> NDArray[np.float32]:
            return _read(context, candidate, source, other, work)[0]

        per_row = 0.0 if cached else seconds / max(1, len(features))
        like = similarity(shelf, candidate, features, per_row, read, folder / "learnt-from")
        return Measured(
            candidate=candidate,
            scores={name: one.value for name, one in scores.items()},
            rows=rows_of(scores),
            parameters=count,
            seconds=seconds,
            cached=cached,
            flag=flag or constant(features),
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
    return _read(context, candidate, source_of(context, candidate.detail, folder / "model"), data, folder / "work")


def refuse_too_large(size: int, free: int | None) -> None:
    """A model of `size` bytes is loaded whole. Raises: OutOfMemoryError where fewer than that are free."""
    if free is not None and size > free:
        raise OutOfMemoryError(
            f"It has {size / 2**30:,.1f} GiB of files, and this machine has {free / 2**30:,.1f} GiB of memory free",
            remedy="Rank it on a machine with more memory",
        )


def _read(
    context: Context, candidate: Eligible, source: ModelInput, data: DataInput, work: Path
) -> tuple[NDArray[np.float32], bool, int, str]:
    weights = context.plugins.weights().open(source.folder)
    recipe = candidate.recipe
    finished = ask(context, recipe, source, {TRAIN: data}, work, seed=recipe.seed)
    with np.load(finished.folder / "features.npz", allow_pickle=False) as found:
        features: NDArray[np.float32] = found["x"]
    return features, finished.facts.get("features_computed") == 0, parameters(weights), untrained(weights)


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
