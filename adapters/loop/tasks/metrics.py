"""Metrics on numpy arrays: what scikit-learn gives, without needing it on a training machine.

One family for each kind of label. Classes: truth holds class numbers (N), logits are N x classes. Several classes at
once: truth is 0 or 1 (N x classes), a logit above 0 says yes. Numbers: truth and outputs are N x 1.
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
"""What is to be answered, an array whose first axis is the items: int64 class numbers or float32 values."""
Metric: TypeAlias = Callable[[Targets, Logits], float]


# --- one class -----------------------------------------------------------------------------------------------------


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


def cross_entropy(truth: Labels, logits: Logits) -> float:
    """Mean cross-entropy in nats, summed in float64."""
    wide = logits.astype(np.float64)
    top = wide.max(axis=1)
    log_sum = top + np.log(np.exp(wide - top[:, None]).sum(axis=1))
    return float(np.mean(log_sum - wide[np.arange(len(truth)), truth]))


# --- several classes at once ---------------------------------------------------------------------------------------


def _f1(hits: NDArray[Any], both: NDArray[Any]) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.divide(2.0 * hits, both, out=np.zeros(np.shape(both)), where=both > 0)
    return found


def many_micro_f1(truth: Targets, logits: Logits) -> float:
    """F1 over all answers of all items together; 1 where nothing was to be found and nothing was said."""
    said, true = logits > 0, truth > 0.5
    both = int(said.sum() + true.sum())
    return float(2 * (said & true).sum() / both) if both else 1.0


def many_macro_f1(truth: Targets, logits: Logits) -> float:
    """F1 averaged over the classes that occur in truth or answer; a class never hit counts 0."""
    said, true = logits > 0, truth > 0.5
    both = said.sum(axis=0) + true.sum(axis=0)
    return float(np.mean(_f1((said & true).sum(axis=0), both)[both > 0])) if both.any() else 1.0


def subset_accuracy(truth: Targets, logits: Logits) -> float:
    """Share of items of which every class is answered rightly."""
    return float(np.mean(((logits > 0) == (truth > 0.5)).all(axis=1)))


def binary_cross_entropy(truth: Targets, logits: Logits) -> float:
    """Mean binary cross-entropy in nats over items and classes, in float64."""
    wide = logits.astype(np.float64)
    return float(np.mean(np.maximum(wide, 0) - wide * truth + np.log1p(np.exp(-np.abs(wide)))))


# --- numbers -------------------------------------------------------------------------------------------------------


def mean_absolute_error(truth: Targets, outputs: Logits) -> float:
    """In units of the label."""
    return float(np.mean(np.abs(outputs.astype(np.float64) - truth)))


def mean_squared_error(truth: Targets, outputs: Logits) -> float:
    """In squared units of the label."""
    return float(np.mean((outputs.astype(np.float64) - truth) ** 2))


def root_mean_squared_error(truth: Targets, outputs: Logits) -> float:
    """In units of the label."""
    return float(np.sqrt(mean_squared_error(truth, outputs)))


def r2(truth: Targets, outputs: Logits) -> float:
    """Share of the variance that is explained (coefficient of determination); 0 where the truth does not vary."""
    spread = float(np.mean((truth.astype(np.float64) - truth.mean(dtype=np.float64)) ** 2))
    return 1.0 - mean_squared_error(truth, outputs) / spread if spread else 0.0


def pearson(truth: Targets, outputs: Logits) -> float:
    """Linear correlation; 0 where one side does not vary."""
    one, two = (side.astype(np.float64).ravel() - side.mean(dtype=np.float64) for side in (truth, outputs))
    norm = float(np.sqrt((one @ one) * (two @ two)))
    return float(one @ two) / norm if norm else 0.0


def spearman(truth: Targets, outputs: Logits) -> float:
    """Correlation of ranks, ties sharing their mean rank."""
    return pearson(_ranks(truth), _ranks(outputs))


def _ranks(values: Targets) -> NDArray[Any]:
    _, places, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[places]


# --- which there are -----------------------------------------------------------------------------------------------

OF_CLASSES: Mapping[str, Metric] = {
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    "balanced_accuracy": balanced_accuracy,
    "loss": cross_entropy,
}
OF_MANY: Mapping[str, Metric] = {
    "macro_f1": many_macro_f1,
    "micro_f1": many_micro_f1,
    "subset_accuracy": subset_accuracy,
    "loss": binary_cross_entropy,
}
OF_NUMBERS: Mapping[str, Metric] = {
    "mae": mean_absolute_error,
    "rmse": root_mean_squared_error,
    "r2": r2,
    "pearson": pearson,
    "spearman": spearman,
    "loss": mean_squared_error,
}
BASELINES_OF_CLASSES = ("baseline_accuracy",)
BASELINES_OF_MANY = ("baseline_macro_f1", "baseline_subset_accuracy")
BASELINES_OF_NUMBERS = ("baseline_mae", "baseline_rmse")
OF_TAGS = ("entity_f1",)
"""Beside what other classes have: measured in `adapters.loop.tasks.tags`, which knows what the classes mean."""
OF_TEXT = ("perplexity", "knn_accuracy", "alignment", "uniformity")
"""Of language models and sentence embeddings, beside their loss."""
OFFERED = frozenset(
    {
        *OF_CLASSES,
        *OF_MANY,
        *OF_NUMBERS,
        *OF_TAGS,
        *OF_TEXT,
        *BASELINES_OF_CLASSES,
        *BASELINES_OF_MANY,
        *BASELINES_OF_NUMBERS,
    }
)
"""Everything that some kind of label can be measured by."""


def baseline_accuracy(train: Labels, truth: Labels) -> float:
    """Accuracy on `truth` of always answering the class that is most frequent in `train` (the lowest on a tie)."""
    return float(np.mean(truth == np.bincount(train).argmax()))


def selection_metric(names: Sequence[str], known: Mapping[str, Metric]) -> str:
    """The metric that chooses the best epoch: the first of `names` that has a direction, else the first known one."""
    return next((name for name in names if name in known), next(iter(known)))


def merit(metric: str, values: Mapping[str, float]) -> tuple[float, float]:
    """What the best epoch has most of: `metric` (of errors and losses: least), then low loss where that ties."""
    value = values[metric]
    return (-value if metric in LESS_IS_BETTER else value, -values.get("loss", 0.0))


def check_metrics(names: Sequence[str], known: Mapping[str, Metric], baselines: Sequence[str], what: str) -> None:
    """Raises: BadRecipeError naming what cannot be measured on labels that are `what`."""
    offered = {*known, *baselines}
    unknown = [name for name in names if name not in offered]
    if unknown:
        raise BadRecipeError(
            f"the metric {unknown[0]!r} is not known for labels that are {what}",
            remedy=f"Choose among {', '.join(sorted(offered))}",
        )
