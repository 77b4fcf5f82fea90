"""Whether columns are as they were: Kolmogorov-Smirnov, shares of classes in rows, and the stability index."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.domain.comparison.statistics.exact import holm
from registry.domain.comparison.statistics.two_samples import Floats

BINS = 10
"""Bins of the stability index: tenths of the reference."""
DRAWS = 999
_TERMS = 100
_HALF_A_ROW = 0.5


@dataclass(frozen=True, slots=True)
class Columns:
    """Kolmogorov-Smirnov over columns. `distance` (D) is the largest difference of the two distribution functions of
    each, `adjusted` (D) its p-value after Holm's correction over all of them.
    """

    distance: Floats
    adjusted: Floats

    @property
    def p(self) -> float:
        """The chance of any column being so far off where none has moved."""
        return float(self.adjusted.min())


def columns_apart(x: Floats, y: Floats) -> Columns:
    """Two-sample tests of each column of `x` (N x D) against that of `y` (M x D), corrected by Holm (1979).

    p is that of Kolmogorov's limit with Stephens' correction for few rows (1970); with ties it is too large.
    """
    rows = len(x) * len(y) / (len(x) + len(y))
    distance = np.array([_distance(x[:, n], y[:, n]) for n in range(x.shape[1])])
    scaled = (math.sqrt(rows) + 0.12 + 0.11 / math.sqrt(rows)) * distance
    return Columns(distance, np.array(holm(kolmogorov_tail(scaled).tolist())))


@dataclass(frozen=True, slots=True)
class Carried:
    """The column that moved the most: its place, how it correlates with the side (0 to 1), and p over all columns."""

    column: int
    effect: float
    p: float


def carried_apart(x: Floats, y: Floats, *, seed: int = 0, draws: int = DRAWS) -> Carried:
    """Whether each class is in as large a share of the rows of `x` (N x C) as in those of `y` (M x C).

    The effect is the largest point-biserial correlation of a column with the side; of zeros and ones it is Cramér's V.
    p is by permutation of whole rows, over the largest of all columns (Westfall and Young 1993): classes of one row,
    and words of one text, may depend on one another.
    """
    every = np.concatenate([x, y])
    centred, size, rows = every - every.mean(axis=0), len(every), len(x)
    varies = every.std(axis=0) > 1e-12
    scaled = np.where(varies, centred / np.where(varies, every.std(axis=0), 1.0), 0.0)
    generator = np.random.default_rng(seed)
    sums = [scaled[:rows].sum(axis=0), *(scaled[generator.permutation(size)[:rows]].sum(axis=0) for _ in range(draws))]
    found = np.abs(np.array(sums)) / math.sqrt(rows * (size - rows))
    largest = found.max(axis=1)
    extreme = int((largest[1:] >= largest[0] - 1e-12).sum())
    return Carried(int(found[0].argmax()), float(largest[0]), (1 + extreme) / (1 + draws))


def _distance(x: Floats, y: Floats) -> float:
    every = np.concatenate([x, y])
    below_x = np.searchsorted(np.sort(x), every, "right") / len(x)
    below_y = np.searchsorted(np.sort(y), every, "right") / len(y)
    return float(np.abs(below_x - below_y).max())


def kolmogorov_tail(values: Floats) -> Floats:
    """The chance that Kolmogorov's limit exceeds each value: 2 Σ (-1)^(k-1) exp(-2 k² v²)."""
    k = np.arange(1, _TERMS + 1)[:, None]
    terms = 2.0 * (-1.0) ** (k - 1) * np.exp(-2.0 * k**2 * values**2)
    found: Floats = np.where(values < 0.2, 1.0, np.clip(terms.sum(axis=0), 0.0, 1.0))  # 1 - 1e-12 at 0.2
    return found


def stability_index(reference: Floats, current: Floats) -> float:
    """The population stability index over tenths of the reference: 0 for equal shares, by convention large from 0.25.

    Each bin counts half a row more, so that an empty one has a logarithm. It has no test: its size depends on the rows.
    """
    inner = np.unique(np.quantile(reference, np.arange(1, BINS) / BINS))
    counts = [
        np.bincount(np.searchsorted(inner, part, "left"), minlength=len(inner) + 1) for part in (reference, current)
    ]
    return stability_of_counts(*counts)


def stability_of_counts(reference: NDArray[np.int64], current: NDArray[np.int64]) -> float:
    """The same over classes or bins, by how many rows each has."""
    one, other = ((part + _HALF_A_ROW) / (part.sum() + _HALF_A_ROW * len(part)) for part in (reference, current))
    return float(((other - one) * np.log(other / one)).sum())
