"""Checks a trained model on its own training rows: has it learnt, and is it in evaluation mode what was trained?

In training mode some layers compute other functions than in use. Where the difference is more than noise (running
statistics that do not fit the weights, a branch that runs in training only), the training loss falls and the finished
model is still useless. Dropout makes training mode worse, never evaluation mode, so only the other direction counts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from adapters.loop.machine.device import Device
from adapters.loop.tasks.labelled import Indexes
from adapters.loop.tasks.metrics import Logits, Targets
from adapters.loop.tasks.points import METRIC, Points, constant_outputs, points
from adapters.loop.tasks.tasks import Task
from adapters.loop.training.feed import feed
from adapters.loop.training.fit import Fit
from adapters.loop.training.learner import Items
from adapters.loop.training.loop import Inputs
from adapters.loop.training.order import epoch_order
from registry.domain.comparison.statistics.student import normal_cdf
from registry.domain.data.datasets import LabelKind

ROWS = 128
"""Training rows that are read again, at most: enough to find a loss of a fifth of the answers by `CHANCE`."""
CHANCE = 0.001
"""One-sided p-value of a difference between the modes. A verdict rests on about ten models, so that of a hundred sound
verdicts one has a model that is suspected by chance, and `KEPT` is asked too."""
KEPT = 0.5
"""Share of what training mode gains over a constant answer that evaluation mode must keep.

Midway between a model that loses nothing and one that loses everything. The tests in
tests/adapters/torch/test_from_scratch.py assert that sound models of all families keep four fifths or more; with
statistics as a short run leaves them, EfficientNet-Lite, EfficientNet and MobileNetV2 keep nothing.
"""
LEARNT_CHANCE = 0.05
"""One-sided p-value of being better than a constant answer, at most, to count as a model that has learnt."""
LEAST_EXPLAINED = 0.01
"""Share of a constant answer's loss that a model must take away to count as one that has learnt.

For numbers this is R², for classes McFadden's pseudo-R² (1974), both on the rows that it was trained on.
"""


@dataclass(frozen=True, slots=True)
class TrainingCheck:
    """What a trained model answers to some of its training rows, in evaluation mode and in training mode."""

    metric: str
    rows: int
    evaluation: float
    training: float
    constant: float
    """The same metric for the best constant answer to all training rows."""
    explained: float
    """Share of the loss of the constant answer that the model takes away in evaluation mode."""
    learnt: bool
    """Whether that share is at least `LEAST_EXPLAINED`, or the metric better than the constant, beyond chance."""
    agrees: bool
    """False where evaluation mode keeps less than `KEPT` of the gain of training mode, beyond chance."""

    def record(self) -> dict[str, object]:
        """For the provenance manifest."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def compare_modes(task: Task, train: Targets, targets: Targets, evaluation: Logits, training: Logits) -> TrainingCheck:
    """The check of outputs in both modes for rows with `targets`, of a model that was trained on `train`."""
    constant = points(task, targets, constant_outputs(task, train, targets))
    one, two = points(task, targets, evaluation), points(task, targets, training)
    loss, least = float(one.loss.mean()), float(constant.loss.mean())
    explained = 1 - loss / least if least > 0 else 0.0
    better = _chance(one.right - constant.right) <= LEARNT_CHANCE
    gains = [float((mode.right - constant.right).mean()) for mode in (one, two)]
    lost = gains[1] > 0 and gains[0] < KEPT * gains[1]
    shown = max(_chance(two.right - one.right), _chance(two.right - constant.right)) <= CHANCE
    return TrainingCheck(
        metric=METRIC[task.labels],
        rows=len(targets),
        evaluation=_value(task, one),
        training=_value(task, two),
        constant=_value(task, constant),
        explained=explained,
        learnt=better or (explained >= LEAST_EXPLAINED and _chance(constant.loss - one.loss) <= LEARNT_CHANCE),
        agrees=not (lost and shown),
    )


def _value(task: Task, found: Points) -> float:
    return float(found.loss.mean() if task.labels is LabelKind.NUMBER else found.right.mean())


def _chance(differences: NDArray[np.float64]) -> float:
    """One-sided p-value of a mean above zero: the normal approximation for paired differences."""
    spread = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    mean = float(differences.mean())
    if not spread:
        return 0.0 if mean > 0 and len(differences) > 1 else 1.0
    return normal_cdf(-mean * math.sqrt(len(differences)) / spread)


# --- answers in training mode --------------------------------------------------------------------------------------


def some_of(items: int, seed: int) -> Indexes:
    """At most `ROWS` of the indexes below `items`, in order: the same ones whenever a recipe is run."""
    if items <= ROWS:
        return np.arange(items, dtype=np.int64)
    return np.sort(np.random.default_rng([seed, ROWS]).choice(items, ROWS, replace=False)).astype(np.int64)


class Some:
    """Some of the items, under indexes of their own."""

    def __init__(self, items: Items, chosen: Indexes) -> None:
        self._items, self._chosen = items, chosen

    def __len__(self) -> int:
        return len(self._chosen)

    @property
    def lengths(self) -> Indexes | None:
        """The length of each item; None if all are equal."""
        lengths = self._items.lengths
        return None if lengths is None else lengths[self._chosen]

    def batch(self, indexes: Indexes) -> Inputs:
        """The inputs at `indexes`."""
        return self._items.batch(self._chosen[indexes])


def answers_in_training(
    predict: Callable[[Inputs], Tensor], fit: Fit, items: Items, targets: Targets, device: Device, *, batch: int
) -> Logits:
    """The outputs (items x …, float32) in the mode in which `fit` trained its module, in batches of `batch` items.

    The module itself stays as it is: statistics that the batches change are put back.
    """
    order = epoch_order(len(items), batch, seed=0, epoch=0, lengths=items.lengths)
    parts: list[tuple[Indexes, NDArray[np.float32]]] = []
    with _unchanged(fit.module), torch.no_grad():
        fit.train_mode()
        for indexes, (inputs, _) in zip(order, feed(items, targets, order, device), strict=True):
            with device.autocast():
                answered = predict(inputs)
            parts.append((indexes, answered.float().cpu().numpy()))
    shape = np.max([values.shape[1:] for _, values in parts], axis=0)
    outputs = np.zeros((len(items), *shape), dtype=np.float32)
    for indexes, values in parts:
        outputs[:, *(slice(size) for size in values.shape[1:])][indexes] = values
    return outputs


@contextmanager
def _unchanged(module: nn.Module) -> Iterator[None]:
    """A context after which the buffers and modes of `module` and torch's generators are as they were before it."""
    buffers: Mapping[str, Tensor] = {name: value.clone() for name, value in module.named_buffers()}
    modes = [(part, part.training) for part in module.modules()]
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() and torch.cuda.is_initialized() else []
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        with torch.no_grad():
            for name, buffer in module.named_buffers():
                buffer.copy_(buffers[name])
        for part, training in modes:
            part.training = training
