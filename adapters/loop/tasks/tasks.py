"""What is to be learnt from labels: how they are read, the loss, the metrics and the baselines.

One value per kind of label (`LabelKind`). A task comes from the training rows alone: classes that
only test data has are a mistake, and the scale of numbers is that of the training numbers.
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

from adapters.loop.tasks.labelled import labelled, refuse_strangers
from adapters.loop.tasks.metrics import (
    BASELINES_OF_CLASSES,
    BASELINES_OF_MANY,
    BASELINES_OF_NUMBERS,
    OF_CLASSES,
    OF_MANY,
    OF_NUMBERS,
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
    """What the labels of one dataset ask of a model."""

    @property
    def labels(self) -> LabelKind:
        """The kind of label."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the outputs, in order; empty where an output is a number."""
        ...

    @property
    def outputs(self) -> int:
        """Numbers that the head gives for one item."""
        ...

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """What can be measured, by name; the first one is the usual metric."""
        ...

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of what `baseline` gives."""
        ...

    def targets(self, name: str, data: DataInput, rows: Sequence[Row]) -> Targets:
        """The labels of `rows` as an array (N, or N x outputs). Raises: BadDataError naming the row or label."""
        ...

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean loss of a batch, a scalar."""
        ...

    def in_label_units(self, outputs: Logits) -> Logits:
        """Outputs during training, in the units of the labels."""
        ...

    def fold_scale(self, last: nn.Linear) -> None:
        """Fold what `plain` does into the head's last layer, once it has learnt."""
        ...

    def baseline(self, train: Targets, truth: Targets) -> dict[str, float]:
        """What answering without looking would reach on `truth`."""
        ...

    def prediction(self, output: NDArray[Any]) -> object:
        """What one item's output says, as JSON."""
        ...


@dataclass(frozen=True, slots=True)
class SingleLabel:
    """One of `classes` for each item: softmax and cross-entropy. `weights` (per class, mean 1 over items) or none."""

    classes: tuple[str, ...]
    weights: tuple[float, ...] = ()
    labels = LabelKind.CLASS
    metrics = OF_CLASSES
    baselines = BASELINES_OF_CLASSES

    @property
    def outputs(self) -> int:
        return len(self.classes)

    def targets(self, name: str, data: DataInput, rows: Sequence[Row]) -> Targets:
        number = {label: n for n, label in enumerate(self.classes)}
        said = labelled(name, data, rows)
        refuse_strangers(name, data, set(said) - number.keys())
        return np.array([number[label] for label in said], dtype=np.int64)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if not self.weights:
            return F.cross_entropy(outputs, targets)
        weight = _there(self.weights, outputs.dtype, outputs.device)[targets]
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
        """The same with each class weighing alike in sum: N / (C n_c) for class c (King and Zeng 2001)."""
        counts = np.maximum(1, np.bincount(train, minlength=self.outputs))
        weights = len(train) / (self.outputs * counts)
        return replace(self, weights=tuple(float(w) for w in weights / weights[train].mean()))


@dataclass(frozen=True, slots=True)
class MultiLabel:
    """Any number of `classes` for each item: a sigmoid each. `weights` of the yeses (per class), or none."""

    classes: tuple[str, ...]
    weights: tuple[float, ...] = ()
    labels = LabelKind.MANY
    metrics = OF_MANY
    baselines = BASELINES_OF_MANY

    @property
    def outputs(self) -> int:
        return len(self.classes)

    def targets(self, name: str, data: DataInput, rows: Sequence[Row]) -> Targets:
        number = {label: n for n, label in enumerate(self.classes)}
        said = [classes_of(label, LabelKind.MANY) for label in labelled(name, data, rows)]
        refuse_strangers(name, data, {part for parts in said for part in parts} - number.keys())
        found = np.zeros((len(rows), self.outputs), dtype=np.float32)
        for line, parts in enumerate(said):
            found[line, [number[part] for part in parts]] = 1.0
        return found

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        weight = _there(self.weights, outputs.dtype, outputs.device) if self.weights else None
        return F.binary_cross_entropy_with_logits(outputs, targets.to(outputs.dtype), pos_weight=weight)

    def in_label_units(self, outputs: Logits) -> Logits:
        return outputs

    def fold_scale(self, last: nn.Linear) -> None:
        pass

    def baseline(self, train: Targets, truth: Targets) -> dict[str, float]:
        usual = np.where(train.mean(axis=0) >= 0.5, 1.0, -1.0).astype(np.float32)
        same = np.broadcast_to(usual, truth.shape)
        return {f"baseline_{name}": OF_MANY[name](truth, same) for name in ("macro_f1", "subset_accuracy")}

    def prediction(self, output: NDArray[Any]) -> object:
        return [name for name, value in zip(self.classes, output.tolist(), strict=True) if value > 0]

    def balanced(self, train: Targets) -> MultiLabel:
        """The same with the yeses of each class weighing as much as its noes."""
        yes = np.maximum(1.0, train.sum(axis=0))
        return replace(self, weights=tuple(float(w) for w in np.maximum(1.0, len(train) - yes) / yes))


@dataclass(frozen=True, slots=True)
class Regression:
    """A number for each item: squared error on numbers standardised by the training ones."""

    mean: float
    deviation: float
    labels = LabelKind.NUMBER
    metrics = OF_NUMBERS
    baselines = BASELINES_OF_NUMBERS
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
        return {"baseline_mae": OF_NUMBERS["mae"](truth, middle), "baseline_rmse": OF_NUMBERS["rmse"](truth, mean)}

    def prediction(self, output: NDArray[Any]) -> object:
        return float(output[0])


def task_of(data: DataInput, rows: Sequence[Row], parent_classes: Sequence[str] | None = None) -> Task:
    """What the training `rows` of `data` ask; classes in the order of the parent's head where they are the same.

    Raises: BadDataError for a row without a label, a single class, numbers that are all alike.
    """
    reader = _READERS.get(data.labels)
    if reader is None:
        raise BadDataError(
            f"{data.label} has labels of kind {data.labels.value}, which this method cannot learn from",
            remedy="Use a dataset with labels on each row",
        )
    return reader(data, rows, parent_classes)


def task_for(labels: LabelKind, classes: Sequence[str] | None) -> Task | None:
    """What a finished model with a head for `classes` answers; None where its outputs have no names."""
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
            f"the split {data.split!r} of {data.label} has one class only: {min(found)!r}",
            remedy="A classifier needs two classes or more",
        )
    return SingleLabel(_in_order(found, parent))


def _multi_label(data: DataInput, rows: Sequence[Row], parent: Sequence[str] | None) -> Task:
    found = {part for label in labelled("train", data, rows) for part in classes_of(label, LabelKind.MANY)}
    if not found:
        raise BadDataError(
            f"no row in the split {data.split!r} of {data.label} names a class", remedy="Label some of its rows"
        )
    return MultiLabel(_in_order(found, parent))


def _regression(data: DataInput, rows: Sequence[Row], _parent: Sequence[str] | None) -> Task:
    values = numbers("train", data, rows).astype(np.float64)
    deviation = float(values.std())
    if not deviation:
        raise BadDataError(
            f"the numbers in the split {data.split!r} of {data.label} are all {values[0]:g}",
            remedy="There is nothing to learn from a number that never changes",
        )
    return Regression(float(values.mean()), deviation)


_READERS: Mapping[LabelKind, Callable[[DataInput, Sequence[Row], Sequence[str] | None], Task]] = {
    LabelKind.CLASS: _single_label,
    LabelKind.MANY: _multi_label,
    LabelKind.NUMBER: _regression,
    LabelKind.TAGS: tags_of,
}


def numbers(name: str, data: DataInput, rows: Sequence[Row]) -> NDArray[np.float32]:
    """The labels of `rows` as numbers (N). Raises: BadDataError naming the row that holds none."""
    found = np.empty(len(rows), dtype=np.float32)
    for line, (row, text) in enumerate(zip(rows, labelled(name, data, rows), strict=True)):
        try:
            found[line] = float(text)
        except ValueError:
            found[line] = math.nan
        if not math.isfinite(found[line]):
            raise BadDataError(
                f"row {row.key} of {data.label} has the label {text[:80]!r}, which is no number",
                remedy="Mend the row, or register the data with --labels class",
            )
    return found


@lru_cache(maxsize=32)
def _there(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Weights on the device, copied there once: a copy at every step would wait for the GPU."""
    return torch.tensor(values, dtype=dtype, device=device)


def _in_order(found: set[str], parent: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(parent) if parent is not None and found == set(parent) else tuple(sorted(found))
