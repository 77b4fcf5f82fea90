"""How good a classifier is on rows without labels, if only the shares of the classes have changed (BBSE)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.domain.comparison.statistics.two_samples import Floats
from registry.domain.comparison.verdict import Interval

DRAWS = 500
_SINGULAR = 0.02
"""The least singular value of the confusion matrix (in shares of rows) from which it is inverted."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """The accuracy now and the share of each class now, in the order of the classes."""

    accuracy: Interval
    shares: Floats


def estimated(
    truth: NDArray[np.int64], answers: NDArray[np.int64], now: NDArray[np.int64], classes: int, *, seed: int = 0
) -> Estimate | str:
    """Black-box shift estimation (Lipton, Wang and Smola, ICML 2018) from class numbers; else why there is none.

    `truth` and `answers` (N) are of reference rows, `now` (M) the answers to rows without labels. It holds where the
    rows of each class look as they did. The interval is a bootstrap over the rows of both (percentiles, 95 %).
    """
    if (np.bincount(truth, minlength=classes) == 0).any():
        return "the reference has no row of some class"
    joint = _joint(truth, answers, classes)
    if float(np.linalg.svd(joint, compute_uv=False)[-1]) < _SINGULAR / classes:
        return "the version confuses its classes too much for their shares to be told from its answers"
    accuracy, shares = _solve(joint, np.bincount(now, minlength=classes) / len(now))
    generator, drawn = np.random.default_rng(seed), []
    for _ in range(DRAWS):
        places = generator.integers(0, len(truth), len(truth))
        again = _joint(truth[places], answers[places], classes)
        other = now[generator.integers(0, len(now), len(now))]
        if (again.sum(axis=0) > 0).all() and np.linalg.svd(again, compute_uv=False)[-1] > 1e-9:
            drawn.append(_solve(again, np.bincount(other, minlength=classes) / len(now))[0])
    if len(drawn) < DRAWS / 2:
        return "too few reference rows of some class"
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(Interval(accuracy, float(low), float(high)), shares)


def _joint(truth: NDArray[np.int64], answers: NDArray[np.int64], classes: int) -> Floats:
    """The share of rows with each answer (rows) and each true class (columns)."""
    cells = np.bincount(answers * classes + truth, minlength=classes * classes)
    found: Floats = cells.reshape(classes, classes) / len(truth)
    return found


def _solve(joint: Floats, answered: Floats) -> tuple[float, Floats]:
    """The accuracy and the shares of the classes for which the answers come out as they were given."""
    before = joint.sum(axis=0)
    shares = np.maximum(np.linalg.solve(joint, answered), 0.0) * before
    shares = shares / shares.sum() if shares.sum() > 0 else before
    return float((shares * np.diag(joint) / before).sum()), shares
