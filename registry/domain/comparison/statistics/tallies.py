"""Metrics as functions of sums over items: what each item adds, and what the sums of an evaluation make of it.

Every metric here has this shape (accuracy: right answers over items; macro-F1: hits and calls per class; RMSE: squared
errors), so drawing items again and again is a product of two matrices.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Finish: TypeAlias = Callable[[Floats], Floats]


@dataclass(frozen=True, slots=True)
class Tally:
    """One arm and seed under one metric: `parts` (items x K) and how their sums (… x K) become the metric (…).

    `right` (items, 0 or 1) is there when the metric is the share of right answers.
    """

    parts: Floats
    finish: Finish
    right: NDArray[np.int64] | None = None

    @property
    def value(self) -> float:
        """The metric on all items."""
        return float(self.finish(self.parts.sum(axis=0)))


def share(right: NDArray[np.bool_]) -> Tally:
    """The share of right answers: accuracy, or subset accuracy where an answer is a set."""
    return Tally(np.stack([right, np.ones_like(right)], axis=1).astype(float), _ratio, right.astype(np.int64))


def mean(points: Floats) -> Tally:
    """The mean of one number an item, such as its absolute error."""
    return Tally(np.stack([points, np.ones_like(points)], axis=1), _ratio)


def ratio(up: Floats, down: Floats) -> Tally:
    """The share of what counts of an item (right words) in all that it holds (words)."""
    return Tally(np.stack([up, down], axis=1).astype(float), _ratio)


def macro_f1(truth: NDArray[np.bool_], guess: NDArray[np.bool_]) -> Tally:
    """F1 averaged over the classes that occur in truth or guess (both items x classes); a class never hit counts 0."""
    return Tally(np.hstack([truth & guess, truth.astype(float) + guess]), _mean_f1)


def counted_f1(hits: Floats, both: Floats) -> Tally:
    """Macro-F1 where an item has many answers: per class its hits, and how often it was true or predicted, summed."""
    return Tally(np.hstack([hits, both]), _mean_f1)


def micro_f1(truth: NDArray[np.bool_], guess: NDArray[np.bool_]) -> Tally:
    """F1 over all answers together; 1 where no class was true and none was predicted."""
    sums = [(truth & guess).sum(axis=1), truth.sum(axis=1) + guess.sum(axis=1)]
    return Tally(np.stack(sums, axis=1).astype(float), _one_f1)


def balanced_accuracy(truth: NDArray[np.bool_], guess: NDArray[np.bool_]) -> Tally:
    """Recall averaged over the classes that occur in truth."""
    return Tally(np.hstack([truth & guess, truth]).astype(float), _mean_recall)


def root_mean_square(errors: Floats) -> Tally:
    """The root of the mean squared error."""
    return Tally(np.stack([errors**2, np.ones_like(errors)], axis=1), lambda sums: np.sqrt(_ratio(sums)))


def r2(truth: Floats, guess: Floats) -> Tally:
    """Share of the variance explained; 0 where the truth does not vary."""
    middle = truth - truth.mean()  # the variance does not change, and its digits stay
    return Tally(np.stack([(guess - truth) ** 2, middle, middle**2, np.ones_like(truth)], axis=1), _r2)


def pearson(truth: Floats, guess: Floats) -> Tally:
    """Linear correlation; 0 where one side does not vary."""
    x, y = truth - truth.mean(), guess - guess.mean()
    return Tally(np.stack([x, y, x * x, y * y, x * y, np.ones_like(x)], axis=1), _pearson)


def one_hot(numbers: NDArray[np.int64], classes: int) -> NDArray[np.bool_]:
    """Class numbers (items) as a table (items x classes)."""
    table: NDArray[np.bool_] = numbers[:, None] == np.arange(classes)
    return table


def differences(one: Sequence[Tally], two: Sequence[Tally]) -> NDArray[np.int64] | None:
    """For each item how much more often `one` is right than `two`, over their seeds, in whole numbers.

    None where answers are not right or wrong.
    """
    sums = []
    for tallies in (one, two):
        rights = [tally.right for tally in tallies if tally.right is not None]
        if len(rights) != len(tallies):
            return None
        sums.append(np.sum(rights, axis=0))
    found: NDArray[np.int64] = sums[0] * len(two) - sums[1] * len(one)
    return found // max(1, int(np.gcd.reduce(found)))  # seven seeds of an arm that never varies count once


# --- from sums to metrics ------------------------------------------------------------------------------------------


def _over(up: Floats, down: Floats) -> Floats:
    return np.divide(up, down, out=np.zeros(np.shape(down)), where=down > 0)


def _ratio(sums: Floats) -> Floats:
    return _over(sums[..., 0], sums[..., 1])


def _mean_f1(sums: Floats) -> Floats:
    hits, both = np.split(sums, 2, axis=-1)
    seen = (both > 0).sum(axis=-1).astype(float)
    return np.where(seen > 0, _over(_over(2 * hits, both).sum(axis=-1), seen), 1.0)


def _one_f1(sums: Floats) -> Floats:
    return np.where(sums[..., 1] > 0, _over(2 * sums[..., 0], sums[..., 1]), 1.0)


def _mean_recall(sums: Floats) -> Floats:
    hits, items = np.split(sums, 2, axis=-1)
    return _over(_over(hits, items).sum(axis=-1), (items > 0).sum(axis=-1).astype(float))


def _r2(sums: Floats) -> Floats:
    error, first, second, items = np.moveaxis(sums, -1, 0)
    spread = second - _over(first**2, items)
    return np.where(spread > 0, 1 - _over(error, spread), 0.0)


def _pearson(sums: Floats) -> Floats:
    x, y, xx, yy, xy, n = np.moveaxis(sums, -1, 0)
    norm = np.sqrt(np.maximum(0.0, (xx - _over(x * x, n)) * (yy - _over(y * y, n))))
    return _over(xy - _over(x * y, n), norm)
