"""Comparisons for a transfer: intervals over test items, and scikit-learn on the raw rows.

A peer learns from the same training rows and answers the same test rows, without any source model: a logistic
regression (ridge regression for numbers) on raw pixels, or on TF-IDF of words and pairs of words. Its penalty is
scikit-learn's own for texts, and 0.01 on standardised pixels, which are many beside the rows.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
from scipy.stats import binomtest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.material.methods import Rows
from lineage import Digest
from registry.domain.comparison.answers import TestRows
from registry.domain.comparison.scoring import MultiLabel, Reading, Regression, SingleLabel
from registry.domain.comparison.statistics.resampling import Resamples
from registry.domain.data.datasets import LabelKind

READINGS: Mapping[LabelKind, Callable[[TestRows], Reading]] = {
    LabelKind.CLASS: SingleLabel,
    LabelKind.MANY: MultiLabel,
    LabelKind.NUMBER: Regression,
}


def interval(
    kind: LabelKind, truth: Sequence[str], answers: Sequence[object], metric: str
) -> tuple[float, float, float]:
    """A metric on test rows with its 95 % interval over them: Wilson's for shares of right answers, else bootstrap."""
    rows = TestRows(Digest.of(b"test"), "test", kind, tuple(range(len(truth))), tuple(truth))
    tally = READINGS[kind](rows).metrics[metric](answers)
    if tally.right is not None:
        found = binomtest(int(tally.right.sum()), len(truth)).proportion_ci(method="wilson")
        return tally.value, float(found.low), float(found.high)
    low, high = np.quantile(Resamples(len(truth)).values([tally])[:, 0], [0.025, 0.975])
    return tally.value, float(low), float(high)


def peer(rows: Rows, metric: str) -> tuple[str, float]:
    """What scikit-learn reaches on these rows by itself, and its name."""
    name = "pixels" if isinstance(rows.seen, np.ndarray) else "TF-IDF"
    seen, truth = rows.part("train")
    test_rows, true = rows.part("test")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a pixel that never varies, a regression that stops early
        answers = _learner(rows).fit(_flat(seen), np.asarray(truth)).predict(_flat(test_rows))
    return name, interval(rows.kind, [_label(one) for one in true], [_answer(one) for one in answers], metric)[0]


def few_shot_peer(rows: Rows, shots: int, draws: int) -> tuple[str, float]:
    """The mean accuracy over `draws` of `shots` training rows of each class, drawn here."""
    seen, truth = rows.part("train")
    test_rows, true = rows.part("test")
    inputs, labels = np.asarray(_flat(seen)), np.asarray(truth)
    reached = []
    for seed in range(draws):
        draw = np.random.default_rng(seed)
        kinds = [np.flatnonzero(labels == kind) for kind in np.unique(labels)]
        chosen = np.concatenate([draw.choice(kind, min(shots, len(kind)), replace=False) for kind in kinds])
        answers = _learner(rows).fit(inputs[chosen], labels[chosen]).predict(_flat(test_rows))
        reached.append(float(np.mean(answers == np.asarray(true))))
    return "pixels", fmean(reached)


def _learner(rows: Rows) -> Any:
    pictures = isinstance(rows.seen, np.ndarray)
    model: Any = LogisticRegression(C=0.01 if pictures else 1.0, max_iter=300)
    if rows.kind is LabelKind.NUMBER:
        model = Ridge()
    if rows.kind is LabelKind.MANY:
        model = OneVsRestClassifier(model)
    return make_pipeline(
        StandardScaler() if pictures else TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), model
    )


def _flat(seen: Sequence[Any]) -> Any:
    if isinstance(seen[0], str):
        return seen
    return np.asarray(seen, dtype=np.float64).reshape(len(seen), -1)


def _label(truth: Any) -> str:
    """As its data set writes it."""
    return "|".join(_marked(truth)) if isinstance(truth, np.ndarray) else str(truth)


def _answer(value: Any) -> object:
    if isinstance(value, np.ndarray):
        return _marked(value)
    return float(value) if isinstance(value, float) else str(value)


def _marked(row: np.ndarray) -> list[str]:
    return [str(n) for n in np.flatnonzero(row)]
