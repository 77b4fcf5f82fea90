"""Intervals of scores that are means over rows, and of differences between two candidates on the same rows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from registry.domain.comparison.verdict import Interval

DRAWS = 2_000
_AT_ONCE = 4_000_000
"""Draws times rows that are held at once."""


def interval(rows: NDArray[np.float64], *, seed: int = 0, draws: int = DRAWS) -> Interval:
    """The mean of `rows` and the 95 % percentile interval of a bootstrap over them (Efron 1979)."""
    generator, size = np.random.default_rng([seed, len(rows)]), len(rows)
    means = []
    step = max(1, _AT_ONCE // size)
    for start in range(0, draws, step):
        drawn = generator.integers(0, size, (min(step, draws - start), size))
        means.append(rows[drawn].mean(axis=1))
    low, high = np.quantile(np.concatenate(means), (0.025, 0.975))
    return Interval(float(rows.mean()), float(low), float(high))


def behind(first: NDArray[np.float64], other: NDArray[np.float64], *, seed: int = 0) -> Interval:
    """How much lower `other` answers the same rows than `first`: paired, so that hard rows are hard for both."""
    return interval(first - other, seed=seed)
