"""Metrics of a classifier on numpy arrays: what scikit-learn gives, without needing it on a training machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from registry.errors import BadRecipeError

Labels = NDArray[np.int64]
Logits = NDArray[np.float32]


def confusion(truth: Labels, guess: Labels, classes: int) -> NDArray[np.int64]:
    """Counts, true class by guessed class (classes x classes)."""
    return np.bincount(truth * classes + guess, minlength=classes * classes).reshape(classes, classes)


def accuracy(truth: Labels, logits: Logits) -> float:
    """Share of items whose highest logit is the true class."""
    return float(np.mean(logits.argmax(axis=1) == truth))


def macro_f1(truth: Labels, logits: Logits) -> float:
    """F1 averaged over the classes that occur in truth or guess; a class never hit counts 0."""
    table = confusion(truth, logits.argmax(axis=1), logits.shape[1])
    hits, both = np.diag(table), table.sum(axis=0) + table.sum(axis=1)
    seen = both > 0
    return float(np.mean(2 * hits[seen] / both[seen]))


def balanced_accuracy(truth: Labels, logits: Logits) -> float:
    """Recall averaged over the classes that occur in truth."""
    table = confusion(truth, logits.argmax(axis=1), logits.shape[1])
    items = table.sum(axis=1)
    seen = items > 0
    return float(np.mean(np.diag(table)[seen] / items[seen]))


def loss(truth: Labels, logits: Logits) -> float:
    """Mean cross-entropy in nats, summed in float64."""
    wide = logits.astype(np.float64)
    top = wide.max(axis=1)
    log_sum = top + np.log(np.exp(wide - top[:, None]).sum(axis=1))
    return float(np.mean(log_sum - wide[np.arange(len(truth)), truth]))


METRICS: dict[str, Callable[[Labels, Logits], float]] = {
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    "balanced_accuracy": balanced_accuracy,
    "loss": loss,
}
BASELINE = "baseline_accuracy"
OFFERED = frozenset(METRICS) | {BASELINE}


def measure(names: Sequence[str], truth: Labels, logits: Logits) -> dict[str, float]:
    """The metrics `names` (without the baseline) of `logits` (N x classes)."""
    return {name: METRICS[name](truth, logits) for name in names if name in METRICS}


def baseline_accuracy(train: Labels, truth: Labels) -> float:
    """Accuracy on `truth` of always answering the class that is most frequent in `train` (the lowest on a tie)."""
    return float(np.mean(truth == np.bincount(train).argmax()))


def check_metrics(names: Sequence[str]) -> None:
    """Raises: BadRecipeError naming what cannot be measured."""
    unknown = [name for name in names if name not in OFFERED]
    if unknown:
        raise BadRecipeError(
            f"the metric {unknown[0]!r} is not known", remedy=f"Choose among {', '.join(sorted(OFFERED))}"
        )


def choosing_metric(names: Sequence[str]) -> str:
    """The metric that chooses the best epoch: the first of `names` that has a direction, else accuracy."""
    return next((name for name in names if name in METRICS), "accuracy")


def merit(metric: str, values: dict[str, float]) -> tuple[float, float]:
    """What the best epoch has most of: `metric` (loss: less is more), then low loss where that ties."""
    return (-values[metric] if metric == "loss" else values[metric], -values["loss"])
