"""Tasks: for each kind of label (`LabelKind`) how labels become targets, the loss, the metrics and the baselines.

A task is derived from the training rows only: a class that only the test data has is an error, and regression targets
are standardised by the mean and deviation of the training labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 -- its name in the field
from numpy.typing import NDArray
from torch import Tensor, nn

from adapters.loop.tasks.labelled import labelled, refuse_unknown_labels
from adapters.loop.tasks.metrics import (
    MULTI_LABEL_BASELINES,
    MULTI_LABEL_METRICS,
    REGRESSION_BASELINES,
    REGRESSION_METRICS,
    SINGLE_LABEL_BASELINES,
    SINGLE_LABEL_METRICS,
    Logits,
    Metric,
    Targets,
    baseline_accuracy,
)
from adapters.loop.tasks.tags import Tags, tags_of
from registry.domain.data.datasets import LabelKind, Row
from registry.domain.data.labels import classes_of
from registry.errors import BadDataError
from registry.ports.transfers import DataInput


class Task(Protocol):
    """What a model is trained to predict, given by the labels of a dataset."""

    @property
    def labels(self) -> LabelKind:
        """The kind of label."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """The class of each output, in order; empty for regression."""
        ...

    @property
    def outputs(self) -> int:
        """The number of outputs of the head."""
        ...

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The metrics by name; the first one selects the best epoch unless the recipe names another."""
        ...

    @property
    def baselines(self) -> tuple[str, ...]:
        """The names of the metrics that `baseline` returns."""
        ...

    def targets(self, name: str, data: DataInput, rows: Sequence[Row]) -> Targets:
        """The labels of `rows` as an array (N, or N x outputs). Raises: BadDataError naming the row or the label."""
        ...

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean loss of a batch, a scalar."""
        ...

    def in_label_units(self, outputs: Logits) -> Logits:
        """Outputs during training, converted to the units of the labels."""
        ...

    def fold_scale(self, last: nn.Linear) -> None:
        """After training, fold the conversion of `in_label_units` into the weights of the last linear layer."""
        ...

    def baseline(self, train: Targets, truth: Targets) -> dict[str, float]:
        """The metrics on `truth` of a prediction that ignores the input (majority class, mean or median of `train`)."""
        ...

    def prediction(self, output: NDArray[Any]) -> object:
        """The prediction for one item from its output, as a JSON value."""
        ...


@dataclass(frozen=True, slots=True)
class SingleLabel:
    """One class per item: softmax and cross-entropy. `weights`: of each class (mean 1 over items), or empty."""

    classes: tuple[str, ...]
    weights: tuple[float, ...] = ()
    labels = LabelKind.CLASS
    metrics = SINGLE_LABEL_METRICS
    baselines = SINGLE_LABEL_BASELINES

    @property
    def outputs(self) -> int:
        return len(self.classes)

    def targets(self, name: str, data: DataInput, rows: Sequence[Row]) -> Targets:
        number = {label: n for n, label in enumerate(self.classes)}
        labels = labelled(name, data, rows)
        refuse_unknown_labels(name, data, set(labels) - number.keys())
        return np.array([number[label] for label in labels], dtype=np.int64)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if not self.weights:
            return F.cross_entropy(outputs, targets)
        weight = _on_device(self.weights, outputs.dtype, outputs.device)[targets]
        return (F.cross_entropy(outputs, targets, reduction="none") * weight).mean()

    def in_label_units(self, outputs: Logits) -> Logits:
        return outputs

    def fold_scale(self, last: nn.Linear) -> None:
        pass

    def baseline(self, train: Targets, truth: Targets) -> dict[str, float]:
        return {"baseline_accuracy": baseline_accuracy(train, truth)}

    def prediction(self, output: NDArray[Any]) -> object:
        return self.classes[int(output.argmax())]

    def balanced(self, train: Targets) -> SingleLabel:
        """The same task with equal total weight for each class: N / (C n_c) for class c (King and Zeng 2001)."""
        counts = np.maximum(1, np.bincount(train, minlength=self.outputs))
        weights = len(train) / (self.outputs * counts)
        return replace(self, weights=tuple(float(w) for w in weights / weights[train].mean()))


@dataclass(frozen=True, slots=True)
class MultiLabel:
    """Any number of classes per item: one sigmoid per class. `weights`: of the positives of each class, or empty."""

    classes: tuple[str, ...]
    weights: tuple[float, ...] = ()
    labels = LabelKind.MANY
    metrics = MULTI_LABEL_METRICS
    baselines = MULTI_LABEL_BASELINES

    @property
    def outputs(self) -> int:
        return len(self.classes)

    def targets(self, name: str, data: DataInput, rows: Sequence[Row]) -> Targets:
        number = {label: n for n, label in enumerate(self.classes)}
        labels = [classes_of(label, LabelKind.MANY) for label in labelled(name, data, rows)]
        refuse_unknown_labels(name, data, {part for parts in labels for part in parts} - number.keys())
        found = np.zeros((len(rows), self.outputs), dtype=np.float32)
        for line, parts in enumerate(labels):
            found[line, [number[part] for part in parts]] = 1.0
        return found

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        weight = _on_device(self.weights, outputs.dtype, outputs.device) if self.weights else None
        return F.binary_cross_entropy_with_logits(outputs, targets.to(outputs.dtype), pos_weight=weight)

    def in_label_units(self, outputs: Logits) -> Logits:
        return outputs

    def fold_scale(self, last: nn.Linear) -> None:
        pass

    def baseline(self, train: Targets, truth: Targets) -> dict[str, float]:
        usual = np.where(train.mean(axis=0) >= 0.5, 1.0, -1.0).astype(np.float32)
        same = np.broadcast_to(usual, truth.shape)
        return {f"baseline_{name}": MULTI_LABEL_METRICS[name](truth, same) for name in ("macro_f1", "subset_accuracy")}

    def prediction(self, output: NDArray[Any]) -> object:
        return [name for name, value in zip(self.classes, output.tolist(), strict=True) if value > 0]

    def balanced(self, train: Targets) -> MultiLabel:
        """The same task with equal total weight for the positives and the negatives of each class."""
        positives = np.maximum(1.0, train.sum(axis=0))
        return replace(self, weights=tuple(float(w) for w in np.maximum(1.0, len(train) - positives) / positives))


@dataclass(frozen=True, slots=True)
class Regression:
    """One number per item: mean squared error on labels standardised by the training labels."""

    mean: float
    deviation: float
    labels = LabelKind.NUMBER
    metrics = REGRESSION_METRICS
    baselines = REGRESSION_BASELINES
    classes: tuple[str, ...] = ()
    outputs: int = 1

    def targets(self, name: str, data: DataInput, rows: Sequence[Row]) -> Targets:
        return numbers(name, data, rows)[:, None]

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return F.mse_loss(outputs, (targets.to(outputs.dtype) - self.mean) / self.deviation)

    def in_label_units(self, outputs: Logits) -> Logits:
        return (outputs.astype(np.float64) * self.deviation + self.mean).astype(np.float32)

    def fold_scale(self, last: nn.Linear) -> None:
        """W' = deviation W, b' = deviation b + mean."""
        with torch.no_grad():
            last.weight.mul_(self.deviation)
            last.bias.mul_(self.deviation).add_(self.mean)

    def baseline(self, train: Targets, truth: Targets) -> dict[str, float]:
        middle, mean = np.full_like(truth, np.median(train)), np.full_like(truth, train.mean(dtype=np.float64))
        return {
            "baseline_mae": REGRESSION_METRICS["mae"](truth, middle),
            "baseline_rmse": REGRESSION_METRICS["rmse"](truth, mean),
        }

    def prediction(self, output: NDArray[Any]) -> object:
        return float(output[0])


def task_of(data: DataInput, rows: Sequence[Row], parent_classes: Sequence[str] | None = None) -> Task:
    """The task of the training `rows` of `data`. If the parent's head has the same classes, they keep its order.

    Raises: BadDataError for a row without a label, a single class, or numbers that are all equal.
    """
    reader = _READERS.get(data.labels)
    if reader is None:
        raise BadDataError(
            f"The dataset {data.label} has labels of kind {data.labels.value}, which this method cannot use",
            remedy="Use a dataset with labels on each row",
        )
    return reader(data, rows, parent_classes)


def task_for(labels: LabelKind, classes: Sequence[str] | None) -> Task | None:
    """The task of a model whose head has `classes`; None if its outputs have no names."""
    if labels is LabelKind.NUMBER:
        return Regression(0.0, 1.0)
    if not classes:
        return None
    kinds: Mapping[LabelKind, Callable[[tuple[str, ...]], Task]] = {LabelKind.MANY: MultiLabel, LabelKind.TAGS: Tags}
    return kinds.get(labels, SingleLabel)(tuple(classes))


def _single_label(data: DataInput, rows: Sequence[Row], parent: Sequence[str] | None) -> Task:
    found = set(labelled("train", data, rows))
    if len(found) < 2:
        raise BadDataError(
            f"The split {data.split!r} of {data.label} has one class only: {min(found)!r}",
            remedy="Use data with two or more classes",
        )
    return SingleLabel(_in_order(found, parent))


def _multi_label(data: DataInput, rows: Sequence[Row], parent: Sequence[str] | None) -> Task:
    found = {part for label in labelled("train", data, rows) for part in classes_of(label, LabelKind.MANY)}
    if not found:
        raise BadDataError(
            f"No row in the split {data.split!r} of {data.label} has a class", remedy="Label some of its rows"
        )
    return MultiLabel(_in_order(found, parent))


def _regression(data: DataInput, rows: Sequence[Row], _parent: Sequence[str] | None) -> Task:
    values = numbers("train", data, rows).astype(np.float64)
    deviation = float(values.std())
    if not deviation:
        raise BadDataError(
            f"The labels in the split {data.split!r} of {data.label} are all {values[0]:g}",
            remedy="Use data with labels that vary",
        )
    return Regression(float(values.mean()), deviation)


_READERS: Mapping[LabelKind, Callable[[DataInput, Sequence[Row], Sequence[str] | None], Task]] = {
    LabelKind.CLASS: _single_label,
    LabelKind.MANY: _multi_label,
    LabelKind.NUMBER: _regression,
    LabelKind.TAGS: tags_of,
}


def numbers(name: str, data: DataInput, rows: Sequence[Row]) -> NDArray[np.float32]:
    """The labels of `rows` as numbers (N). Raises: BadDataError naming a row whose label is not a number."""
    found = np.empty(len(rows), dtype=np.float32)
    for line, (row, text) in enumerate(zip(rows, labelled(name, data, rows), strict=True)):
        try:
            found[line] = float(text)
        except ValueError:
            found[line] = math.nan
        if not math.isfinite(found[line]):
            raise BadDataError(
                f"Row {row.key} of {data.label} has the label {text[:80]!r}, which is not a number",
                remedy="Correct the row, or register the data with --labels class",
            )
    return found


@lru_cache(maxsize=32)
def _on_device(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Weights as a tensor on the device. Cached, because a copy at every step would wait for the GPU."""
    return torch.tensor(values, dtype=dtype, device=device)


def _in_order(found: set[str], parent: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(parent) if parent is not None and found == set(parent) else tuple(sorted(found))
