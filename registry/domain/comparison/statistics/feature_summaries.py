"""What is kept of the features of some rows, some kB, and how far other rows are from them.

A summary holds the mean and deviation of each feature, and at most 256 rows: standardised, projected onto 32 random
directions of plus and minus one (Achlioptas 2003, which keeps distances about as they are), and rounded to 8 bits. No
row can be read back from it: it says how rows lie, not what they were.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.domain.comparison.statistics.two_samples import Floats

ROWS, DIRECTIONS, NEIGHBOURS = 256, 32, 5
_LEVELS, _FLAT = 127, 1e-6


@dataclass(frozen=True, slots=True)
class FeatureSummary:
    """`mean` and `deviation` (D each), and `rows` (n x K): standardised, projected, in steps of `step` (K)."""

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    rows: NDArray[np.int8]
    step: NDArray[np.float32]

    @classmethod
    def of(cls, features: NDArray[np.floating], *, seed: int = 0) -> FeatureSummary:
        """The summary of `features` (N x D), of which 256 rows are drawn."""
        every = np.asarray(features, dtype=np.float64)
        drawn = np.sort(np.random.default_rng([seed, len(every)]).permutation(len(every))[:ROWS])
        mean, spread = every.mean(axis=0), every.std(axis=0)
        deviation = np.where(spread > _FLAT * np.maximum(1.0, np.abs(mean)), spread, np.inf)
        projected = ((every[drawn] - mean) / deviation) @ directions(every.shape[1])
        step = np.maximum(np.abs(projected).max(axis=0), 1e-12) / _LEVELS
        rounded = np.rint(projected / step).astype(np.int8)
        return cls(mean.astype(np.float32), deviation.astype(np.float32), rounded, step.astype(np.float32))

    @property
    def seen(self) -> Floats:
        """The rows that it was made of, in its space (n x K)."""
        found: Floats = self.rows.astype(np.float64) * self.step
        return found

    def turned(self, features: NDArray[np.floating]) -> Floats:
        """Other rows (N x D) in the same space (N x K). Raises: ValueError for another number of features."""
        if features.shape[1] != len(self.mean):
            raise ValueError(f"The summary is of {len(self.mean)} features, not of {features.shape[1]}")
        standard: Floats = (np.asarray(features, np.float64) - self.mean) / self.deviation.astype(np.float64)
        return standard @ directions(len(self.mean))

    def written(self) -> bytes:
        """As it is stored: an `.npz` without pickles, compressed."""
        file = io.BytesIO()
        np.savez_compressed(file, mean=self.mean, deviation=self.deviation, rows=self.rows, step=self.step)
        return file.getvalue()

    @classmethod
    def read(cls, body: bytes) -> FeatureSummary:
        """What `written` wrote."""
        with np.load(io.BytesIO(body), allow_pickle=False) as kept:
            return cls(kept["mean"], kept["deviation"], kept["rows"], kept["step"])


def directions(features: int) -> Floats:
    """The directions (D x K): signs from a hash, so that a summary is read for ever as it was written."""
    bits = np.frombuffer(hashlib.shake_256(f"{features}".encode()).digest(features * DIRECTIONS // 8), np.uint8)
    signs: Floats = np.unpackbits(bits).reshape(features, DIRECTIONS).astype(np.float64) * 2.0 - 1.0
    return signs / float(np.sqrt(features))


def energy(x: Floats, y: Floats) -> float:
    """The energy coefficient, from 0 where both come from one distribution to 1 (Székely and Rizzo 2013).

    (2 E|X - Y| - E|X - X'| - E|Y - Y'|) / 2 E|X - Y|, with the means over different rows: unbiased above, so that it
    may be a little below 0.
    """
    across = float(_apart(x, y).mean())
    within = [float(_apart(one, one).sum()) / (len(one) * (len(one) - 1)) for one in (x, y)]
    return (2 * across - within[0] - within[1]) / (2 * across) if across > 0 else 0.0


def farther(x: Floats, y: Floats, *, k: int = NEIGHBOURS) -> float:
    """How far rows of `y` are from their k-th nearest of `x`, in units of how far rows of `x` are from theirs.

    Both are medians: 1 where rows of `y` lie among those of `x`, 2 where they are twice as far (the distance of Sun and
    others, "Out-of-Distribution Detection with Deep Nearest Neighbors", ICML 2022).
    """
    own, other = _apart(x, x), _apart(y, x)
    np.fill_diagonal(own, np.inf)
    kth = min(k, len(x) - 1) - 1
    among = float(np.median(np.partition(own, kth, axis=1)[:, kth]))
    return float(np.median(np.partition(other, kth, axis=1)[:, kth])) / max(among, 1e-12)


def _apart(x: Floats, y: Floats) -> Floats:
    """Distances between all rows of both (N x M)."""
    squared = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1)[None, :] - 2 * x @ y.T
    found: Floats = np.sqrt(np.maximum(squared, 0.0))
    if x is y:
        np.fill_diagonal(found, 0.0)
    return found
