"""What the answers to each item are worth, beside those of a model that gives every item the same answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.loop.tasks.labelled import IGNORE_INDEX
from adapters.loop.tasks.metrics import Logits, Targets
from adapters.loop.tasks.tasks import MultiLabel, Regression, SingleLabel, Task
from registry.domain.data.datasets import LabelKind

Floats = NDArray[np.float64]
_RARE = 1e-6
"""Least probability of a constant answer, so that its logarithm is finite."""
METRIC: Mapping[LabelKind, str] = {
    LabelKind.CLASS: "accuracy",
    LabelKind.MANY: "accuracy of single classes",
    LabelKind.TAGS: "accuracy of words",
    LabelKind.NUMBER: "mean squared error",
}
"""What the mean of `Points.right` is; of numbers the mean of the losses."""


@dataclass(frozen=True, slots=True)
class Points:
    """Of each item: the share of right answers (minus the squared error of a number), and the loss (nats or units²)."""

    right: Floats
    loss: Floats


def points(task: Task, targets: Targets, outputs: Logits) -> Points:
    """The points of `outputs`, in the units of the labels. If `task` weighs its classes, the loss does so too."""
    wide = outputs.astype(np.float64)
    if isinstance(task, Regression):
        squares = ((wide - targets) ** 2).mean(axis=1)
        return Points(-squares, squares)
    if isinstance(task, MultiLabel):
        weights = np.where(targets > 0.5, np.array(task.weights or 1.0), 1.0)
        losses = np.maximum(wide, 0) - wide * targets + np.log1p(np.exp(-np.abs(wide)))
        return Points(((wide > 0) == (targets > 0.5)).mean(axis=1), (weights * losses).sum(axis=1))
    if task.labels is LabelKind.TAGS:
        return _of_words(targets, wide)
    top = wide.max(axis=1)
    log_sums = top + np.log(np.exp(wide - top[:, None]).sum(axis=1))
    weight = np.array(task.weights)[targets] if isinstance(task, SingleLabel) and task.weights else 1.0
    losses = weight * (log_sums - wide[np.arange(len(targets)), targets])
    return Points((wide.argmax(axis=1) == targets).astype(np.float64), losses)


def _of_words(targets: Targets, wide: Floats) -> Points:
    """The means over the words of each text that were not truncated away."""
    truth = targets[:, : wide.shape[1]]
    wide = wide[:, : truth.shape[1]]
    there = (truth != IGNORE_INDEX) & wide.any(axis=-1)
    true = np.where(there, truth, 0)
    top = wide.max(axis=-1)
    log_sums = top + np.log(np.exp(wide - top[..., None]).sum(axis=-1))
    losses = log_sums - np.take_along_axis(wide, true[..., None], axis=-1)[..., 0]
    words = np.maximum(1, there.sum(axis=1))
    right = (wide.argmax(axis=-1) == true) & there
    return Points(right.sum(axis=1) / words, np.where(there, losses, 0.0).sum(axis=1) / words)


def constant_outputs(task: Task, train: Targets, targets: Targets) -> Logits:
    """The outputs of the best constant answer to `train`, for each of `targets`."""
    if isinstance(task, Regression):
        return np.full_like(targets, train.mean(dtype=np.float64), dtype=np.float32)
    if isinstance(task, MultiLabel):
        positive = train.sum(axis=0, dtype=np.float64) * np.array(task.weights or 1.0)
        share = np.clip(positive / (positive + len(train) - train.sum(axis=0)), _RARE, 1 - _RARE)
        return _repeated(np.log(share / (1 - share)), targets.shape[:1])
    counts = np.bincount(train[train != IGNORE_INDEX], minlength=task.outputs).astype(np.float64)
    if isinstance(task, SingleLabel) and task.weights:
        counts *= np.array(task.weights)
    logs = np.log(np.maximum(counts / counts.sum(), _RARE))
    return _repeated(logs, targets.shape)


def _repeated(row: Floats, shape: tuple[int, ...]) -> NDArray[Any]:
    return np.broadcast_to(row.astype(np.float32), (*shape, len(row)))
