"""The scorer that Forebear brings: five scores of frozen features from one factorisation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from adapters.selection.evidence import Basis, evidence
from adapters.selection.heads import leep, nce
from adapters.selection.moments import Matrix, gather
from adapters.selection.neighbours import majority, mean, nearest
from adapters.selection.probe import alone
from adapters.selection.separation import h_score
from registry.domain.data.datasets import LabelKind
from registry.errors import BadDataError
from registry.ports.scoring import Sample, Score


class StandardScorer:
    """Linear probe and nearest neighbours (both leave-one-out, in units of accuracy), LogME and regularised H-score.

    Of a model that keeps its head, LEEP and NCE are shown beside the order: those without a head have no such rank.
    """

    names: tuple[str, ...] = ("probe", "neighbours", "logme", "h_score", "_leep", "_nce")

    def scores(self, sample: Sample) -> Mapping[str, Score]:
        """The scores. Without single classes there is no H-score. Raises: BadDataError."""
        if len(sample.features) < 3:
            raise BadDataError(
                f"{len(sample.features)} rows are too few to score a model", remedy="Use a split with 3 rows or more"
            )
        single = sample.labels is LabelKind.CLASS
        classes = np.unique(sample.targets, return_inverse=True)[1].astype(np.int64) if single else None
        if classes is not None and classes.max() == 0:
            raise BadDataError("All rows are of one class, so there is nothing to tell apart")
        columns = _columns(sample, classes)
        moments = gather(sample.features, columns, classes)
        basis = Basis.of(moments)
        places, _ = nearest(sample.features, groups=sample.groups)
        near = _one_hot(majority(classes, places), columns.shape[1]) if classes is not None else mean(columns, places)
        probed = alone(sample.features, columns, moments, basis, sample.groups)
        found = {"probe": _score(probed, columns, sample.labels), "neighbours": _score(near, columns, sample.labels)}
        found["logme"] = Score(float(evidence(moments, basis).values.mean()))
        if single:
            found["h_score"] = Score(h_score(moments))
        if classes is not None and sample.answers is not None and sample.answers.shape[1] > 1:
            answers = np.asarray(sample.answers, dtype=np.float64)
            found |= {"_leep": Score(leep(answers, classes)), "_nce": Score(nce(answers, classes))}
        return found


def _columns(sample: Sample, classes: NDArray[np.int64] | None) -> Matrix:
    """The targets as columns of numbers (N x C)."""
    if classes is not None:
        return _one_hot(classes, int(classes.max()) + 1)
    targets = np.asarray(sample.targets, dtype=np.float64)
    return targets[:, None] if targets.ndim == 1 else targets


def _one_hot(classes: NDArray[np.int64], count: int) -> Matrix:
    return np.asarray(classes[:, None] == np.arange(count)[None, :], dtype=np.float64)


def _score(answers: Matrix, truth: Matrix, labels: LabelKind) -> Score:
    rows = outcomes(answers, truth, labels)
    return Score(float(rows.mean()), rows)


def outcomes(answers: Matrix, truth: Matrix, labels: LabelKind) -> Matrix:
    """How well each row was answered (N); the mean is the accuracy, R², or the F1 of a row averaged over rows.

    Of numbers it is 1 - e² / variance, whose mean is R². A class is there where its answer is above a half; a row with
    no classes that is answered with none counts as right.
    """
    found: Matrix
    if labels is LabelKind.CLASS:
        found = np.equal(answers.argmax(axis=1), truth.argmax(axis=1)).astype(np.float64)
    elif labels is LabelKind.NUMBER:
        found = 1.0 - ((answers - truth) ** 2).sum(axis=1) / (float(truth.var()) or 1.0)
    else:
        chosen, there = answers > 0.5, truth > 0.5
        both, either = (chosen & there).sum(axis=1), chosen.sum(axis=1) + there.sum(axis=1)
        found = np.where(either > 0, 2 * both / np.maximum(either, 1), 1.0)
    return found
