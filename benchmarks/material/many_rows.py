"""Other estimates of MMD² for many rows, each with a p-value: what the random features of the product are held against.

All use the Gaussian kernel at the median distance, as `registry.domain.comparison.statistics.two_samples` does.
"""

from __future__ import annotations

import math

import numpy as np

from registry.domain.comparison.statistics.two_samples import Floats

_MEDIAN_ROWS = 1_000
_DRAWS = 199


def linear_time(x: Floats, y: Floats, *, seed: int = 0) -> float:
    """The mean over disjoint pairs of rows, with a normal p (Gretton and others, JMLR 2012, section 6)."""
    generator = np.random.default_rng(seed)
    x, y, width = _prepared(x, y, generator)
    h = _h(x[: len(x) // 2 * 2 : 2], x[1::2], y[: len(y) // 2 * 2 : 2], y[1::2], width)
    return _normal(h)


def blocks(x: Floats, y: Floats, *, seed: int = 0) -> float:
    """The mean of the unbiased estimate over blocks of √N rows, with a normal p (Zaremba and others, NIPS 2013)."""
    generator = np.random.default_rng(seed)
    x, y, width = _prepared(x, y, generator)
    size = math.isqrt(len(x))
    found = []
    for start in range(0, len(x) - size + 1, size):
        a, b = x[start : start + size], y[start : start + size]
        first, second = np.triu_indices(size, 1)
        found.append(_h(a[first], a[second], b[first], b[second], width).mean())
    return _normal(np.array(found))


def incomplete(x: Floats, y: Floats, *, seed: int = 0, diagonals: int = 50) -> float:
    """The sum over `diagonals` of the matrix of pairs, p by random signs (Schrab and others, NeurIPS 2022)."""
    generator = np.random.default_rng(seed)
    x, y, width = _prepared(x, y, generator)
    signs = generator.choice([-1.0, 1.0], size=(1 + _DRAWS, len(x)))
    signs[0] = 1.0
    sums = np.zeros(1 + _DRAWS)
    for apart in range(1, diagonals + 1):
        h = _h(x[:-apart], x[apart:], y[:-apart], y[apart:], width)
        sums += (signs[:, :-apart] * signs[:, apart:]) @ h
    return float((1 + (sums[1:] >= sums[0]).sum()) / (1 + _DRAWS))


def _prepared(x: Floats, y: Floats, generator: np.random.Generator) -> tuple[Floats, Floats, float]:
    """As many rows of each in random order, and the median of their squared distances."""
    count = min(len(x), len(y))
    x, y = (part[generator.permutation(len(part))[:count]] for part in (x, y))
    some = np.concatenate([x, y])[generator.permutation(2 * count)[:_MEDIAN_ROWS]]
    lengths = (some**2).sum(axis=1)
    apart = lengths[:, None] + lengths[None, :] - 2 * some @ some.T
    return x, y, float(np.median(apart[np.triu_indices(len(some), 1)])) or 1.0


def _h(a: Floats, b: Floats, c: Floats, d: Floats, width: float) -> Floats:
    def kernel(one: Floats, two: Floats) -> Floats:
        found: Floats = np.exp(-((one - two) ** 2).sum(axis=1) / width)
        return found

    return kernel(a, b) + kernel(c, d) - kernel(a, d) - kernel(b, c)


def _normal(values: Floats) -> float:
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    return 1.0 if error == 0 else 0.5 * math.erfc(float(values.mean()) / error / math.sqrt(2))
