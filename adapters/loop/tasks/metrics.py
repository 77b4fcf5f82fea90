"""Metrics on numpy arrays, with the same values as scikit-learn's, which a training machine need not have.

One group for each kind of label. Single label: truth holds class numbers (N), logits are N x classes. Multi-label:
truth is 0 or 1 (N x classes), a logit above 0 predicts the class. Regression: truth and outputs are N x 1.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from registry.domain.transfers.metrics import LESS_IS_BETTER
from registry.errors import BadRecipeError

Labels = NDArray[np.int64]
Logits = NDArray[np.float32]
Targets: TypeAlias = NDArray[Any]
"""What is to be predicted. The first axis is the items; int64 class numbers or float32 values."""
Metric: TypeAlias = Callable[[Targets, Logits], float]


# --- single label --------------------------------------------------------------------------------------------------


def confusion(truth: Labels, predicted: Labels, classes: int) -> NDArray[np.int64]:
    """The confusion matrix: counts by true class and predicted class (classes x classes)."""
    return np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def accuracy(truth: Labels, logits: Logits) -> float:
    """Share of items whose largest logit is that of the true class."""
    return float(np.mean(logits.argmax(axis=1) == truth))


def macro_f1(truth: Labels, logits: Logits) -> float:
    """F1 averaged over the classes that occur in truth or predictions; a class never predicted correctly counts 0."""
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


def cross_entropy(truth: Labels, logits: Logits) -> float:
    """Mean cross-entropy in nats, summed in float64."""
    wide = logits.astype(np.float64)
    top = wide.max(axis=1)
    log_sum = top + np.log(np.exp(wide - top[:, None]).sum(axis=1))
    return float(np.mean(log_sum - wide[np.arange(len(truth)), truth]))


# --- multi-label ---------------------------------------------------------------------------------------------------


def _f1(hits: NDArray[Any], both: NDArray[Any]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.divide(2.0 * hits, both, out=np.zeros(np.shape(both)), where=both > 0)
    return found


def multi_label_micro_f1(truth: Targets, logits: Logits) -> float:
    """F1 over the predicted classes of all items together; 1 if there are neither true nor predicted classes."""
    predicted, true = logits > 0, truth > 0.5
    both = int(predicted.sum() + true.sum())
    return float(2 * (predicted & true).sum() / both) if both else 1.0


def multi_label_macro_f1(truth: Targets, logits: Logits) -> float:
    """F1 averaged over the classes that occur in truth or predictions; a class never predicted correctly counts 0."""
    predicted, true = logits > 0, truth > 0.5
    both = predicted.sum(axis=0) + true.sum(axis=0)
    return float(np.mean(_f1((predicted & true).sum(axis=0), both)[both > 0])) if both.any() else 1.0


def subset_accuracy(truth: Targets, logits: Logits) -> float:
    """Share of items whose predicted classes are exactly the true ones."""
    return float(np.mean(((logits > 0) == (truth > 0.5)).all(axis=1)))


def binary_cross_entropy(truth: Targets, logits: Logits) -> float:
    """Mean binary cross-entropy in nats over items and classes, in float64."""
    wide = logits.astype(np.float64)
    return float(np.mean(np.maximum(wide, 0) - wide * truth + np.log1p(np.exp(-np.abs(wide)))))


# --- regression ----------------------------------------------------------------------------------------------------


def mean_absolute_error(truth: Targets, outputs: Logits) -> float:
    """Mean absolute error, in units of the label."""
    return float(np.mean(np.abs(outputs.astype(np.float64) - truth)))


def mean_squared_error(truth: Targets, outputs: Logits) -> float:
    """Mean squared error, in squared units of the label."""
    return float(np.mean((outputs.astype(np.float64) - truth) ** 2))


def root_mean_squared_error(truth: Targets, outputs: Logits) -> float:
    """Root mean squared error, in units of the label."""
    return float(np.sqrt(mean_squared_error(truth, outputs)))


def r2(truth: Targets, outputs: Logits) -> float:
    """Coefficient of determination: the share of the variance that is explained; 0 if the truth does not vary."""
    spread = float(np.mean((truth.astype(np.float64) - truth.mean(dtype=np.float64)) ** 2))
    return 1.0 - mean_squared_error(truth, outputs) / spread if spread else 0.0


def pearson(truth: Targets, outputs: Logits) -> float:
    """Linear correlation; 0 if truth or outputs do not vary."""
    one, two = (side.astype(np.float64).ravel() - side.mean(dtype=np.float64) for side in (truth, outputs))
    norm = float(np.sqrt((one @ one) * (two @ two)))
    return float(one @ two) / norm if norm else 0.0


def spearman(truth: Targets, outputs: Logits) -> float:
    """Rank correlation; ties get their mean rank."""
    return pearson(_ranks(truth), _ranks(outputs))


def _ranks(values: Targets) -> NDArray[Any]:
    _, places, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[places]


# --- tables --------------------------------------------------------------------------------------------------------

SINGLE_LABEL_METRICS: Mapping[str, Metric] = {
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    "balanced_accuracy": balanced_accuracy,
    "loss": cross_entropy,
}
MULTI_LABEL_METRICS: Mapping[str, Metric] = {
    "macro_f1": multi_label_macro_f1,
    "micro_f1": multi_label_micro_f1,
    "subset_accuracy": subset_accuracy,
    "loss": binary_cross_entropy,
}
REGRESSION_METRICS: Mapping[str, Metric] = {
    "mae": mean_absolute_error,
    "rmse": root_mean_squared_error,
    "r2": r2,
    "pearson": pearson,
    "spearman": spearman,
    "loss": mean_squared_error,
}
SINGLE_LABEL_BASELINES = ("baseline_accuracy",)
MULTI_LABEL_BASELINES = ("baseline_macro_f1", "baseline_subset_accuracy")
REGRESSION_BASELINES = ("baseline_mae", "baseline_rmse")
TAG_METRICS = ("entity_f1",)
"""Metrics of tags in addition to the single-label ones; computed in `adapters.loop.tasks.tags`."""
TEXT_METRICS = ("perplexity", "knn_accuracy", "alignment", "uniformity")
"""Metrics of language models and sentence embeddings in addition to their loss."""
OFFERED = frozenset(
    {
        *SINGLE_LABEL_METRICS,
        *MULTI_LABEL_METRICS,
        *REGRESSION_METRICS,
        *TAG_METRICS,
        *TEXT_METRICS,
        *SINGLE_LABEL_BASELINES,
        *MULTI_LABEL_BASELINES,
        *REGRESSION_BASELINES,
    }
)
"""The names of all metrics."""


def baseline_accuracy(train: Labels, truth: Labels) -> float:
    """Accuracy on `truth` of always predicting the majority class of `train` (the lowest class number on a tie)."""
    return float(np.mean(truth == np.bincount(train).argmax()))


def selection_metric(names: Sequence[str], known: Mapping[str, Metric]) -> str:
    """The metric that selects the best epoch: the first of `names` that is in `known`, else the first known one."""
    return next((name for name in names if name in known), next(iter(known)))


def merit(metric: str, values: Mapping[str, float]) -> tuple[float, float]:
    """A sort key, largest for the best epoch: `metric` (negated if less is better), then a low loss on ties."""
    value = values[metric]
    return (-value if metric in LESS_IS_BETTER else value, -values.get("loss", 0.0))


def check_metrics(names: Sequence[str], known: Mapping[str, Metric], baselines: Sequence[str], what: str) -> None:
    """Raises: BadRecipeError naming a metric that does not exist for labels of the kind `what`."""
    offered = {*known, *baselines}
    unknown = [name for name in names if name not in offered]
    if unknown:
        raise BadRecipeError(
            f"The metric {unknown[0]!r} does not exist for labels of kind {what}",
            remedy=f"Choose one of {', '.join(sorted(offered))}",
        )
