"""Two-sample tests: do two sets of feature vectors, or two sets of labels, come from one distribution?

Each gives an effect beside its p-value, because with many rows every difference is significant. All draw from seeded
generators. A p-value by permutation is (1 + draws at least as extreme) / (1 + draws): Phipson and Smyth 2010.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.domain.comparison.verdict import Interval

Floats = NDArray[np.float64]
LINEAR_FROM = 5_000
"""Rows of both together above which MMD² is estimated in time linear in them."""
FREQUENCIES = 250
"""Random frequencies of that estimate, each with a cosine and a sine."""
DRAWS = 199
_LABEL_DRAWS = 1_999
_MEDIAN_ROWS = 1_000
_PENALTY = 0.1
_BLOCK = 4_096


@dataclass(frozen=True, slots=True)
class Told:
    """How well a classifier that learnt from half of the rows tells the other half apart.

    `auc` is the chance that a row of the second set scores higher than one of the first: 0.5 where nothing tells them
    apart. `scores` are those of the held-out rows, larger where a row looks like the second set; `first` and `second`
    are the places of these rows in their sets.
    """

    auc: Interval
    p: float
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    scores: tuple[Floats, Floats]


def told_apart(x: Floats, y: Floats, *, seed: int = 0) -> Told:
    """The classifier two-sample test (Lopez-Paz and Oquab, ICLR 2017) with a linear discriminant.

    The discriminant is ridge regression on the set, which is Fisher's up to scale, on features at unit variance; the
    penalty is a tenth of the training rows. The test is one-sided, of Mann and Whitney, on rows that the classifier
    never saw; the interval of the AUC is that of DeLong and others (1988).
    """
    generator = np.random.default_rng(seed)
    one, two = generator.permutation(len(x)), generator.permutation(len(y))
    learn_x, held_x = np.sort(one[: len(x) // 2]), np.sort(one[len(x) // 2 :])
    learn_y, held_y = np.sort(two[: len(y) // 2]), np.sort(two[len(y) // 2 :])
    learnt = np.concatenate([x[learn_x], y[learn_y]])
    target = np.repeat([-1.0 / len(learn_x), 1.0 / len(learn_y)], [len(learn_x), len(learn_y)])
    centre, scale = learnt.mean(axis=0), learnt.std(axis=0)
    scale = np.where(scale > 1e-12, scale, 1.0)
    turned = (learnt - centre) / scale
    penalty = _PENALTY * len(turned)
    if turned.shape[1] <= len(turned):
        direction = np.linalg.solve(turned.T @ turned + penalty * np.eye(turned.shape[1]), turned.T @ target)
    else:
        direction = turned.T @ np.linalg.solve(turned @ turned.T + penalty * np.eye(len(turned)), target)
    scores = tuple(((part - centre) / scale) @ direction for part in (x[held_x], y[held_y]))
    auc, p = _auc(scores[0], scores[1])
    return Told(auc, p, held_x, held_y, (scores[0], scores[1]))


def _auc(low: Floats, high: Floats) -> tuple[Interval, float]:
    """The AUC with DeLong's 95 % interval, and the p-value of its being above a half by chance."""
    above = _shares_below(high, low)  # for each of `high`, the share of `low` that it exceeds
    beneath = 1.0 - _shares_below(low, high)
    value = float(above.mean())
    spread = 1.96 * math.sqrt(above.var(ddof=1) / len(high) + beneath.var(ddof=1) / len(low))
    every = np.concatenate([low, high])
    counts = np.unique(every, return_counts=True)[1].astype(np.float64)
    size, ties = len(every), float((counts**3 - counts).sum())
    null = math.sqrt(max(size + 1 - ties / (size * (size - 1)), 0.0) / (12 * len(low) * len(high)))
    p = 1.0 if null == 0 else 0.5 * math.erfc((value - 0.5) / null / math.sqrt(2))
    return Interval(value, max(value - spread, 0.0), min(value + spread, 1.0)), p


def _shares_below(values: Floats, others: Floats) -> Floats:
    """For each value the share of `others` below it, equal ones counting half."""
    ordered = np.sort(others)
    found: Floats = (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")) / 2
    return found / len(others)


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """Unbiased MMD²: 0 on average where both sets come from one distribution; it may be negative.

    `linear` is true where the kernel was replaced by random features.
    """

    value: float
    p: float
    linear: bool


def discrepancy(
    x: Floats, y: Floats, *, seed: int = 0, draws: int = DRAWS, linear_from: int = LINEAR_FROM
) -> Discrepancy:
    """MMD² with a Gaussian kernel as wide as the median distance (Gretton and others, JMLR 2012, equation 3).

    p is by permutation of the rows, so it is exact at any number of them. Above `linear_from` rows of both together
    the kernel is replaced by random Fourier features of it (Rahimi and Recht, NIPS 2007), as FastMMD does (Zhao and
    Meng 2015): time and memory are then linear in the rows, and the test keeps nearly the power of the whole kernel
    (Choi and Kim 2024), which estimates over pairs or blocks of rows do not.
    """
    generator = np.random.default_rng(seed)
    every = np.concatenate([x, y])
    some = every[generator.permutation(len(every))[:_MEDIAN_ROWS]]
    apart = _squared(some, some)[np.triu_indices(len(some), 1)]
    width = float(np.median(apart)) or 1.0
    linear = len(every) > linear_from
    frequencies = generator.normal(scale=math.sqrt(2 / width), size=(x.shape[1], FREQUENCIES)) if linear else None
    chosen = np.zeros((1 + draws, len(every)), dtype=np.bool_)
    chosen[0, : len(x)] = True
    for draw in range(1, 1 + draws):
        chosen[draw, generator.permutation(len(every))[: len(x)]] = True
    sums = _by_kernel(every, chosen, width) if frequencies is None else _by_features(every, chosen, frequencies)
    within, across, outside = sums
    rows, others = len(x), len(y)
    found = within / (rows * (rows - 1)) + outside / (others * (others - 1)) - 2 * across / (rows * others)
    extreme = int((found[1:] >= found[0] - 1e-12).sum())
    return Discrepancy(float(found[0]), (1 + extreme) / (1 + draws), linear)


def _by_kernel(every: Floats, chosen: NDArray[np.bool_], width: float) -> tuple[Floats, Floats, Floats]:
    """For each choice of rows the kernel summed over pairs of chosen rows, over mixed pairs, and over the others."""
    kernel = np.exp(-_squared(every, every) / width)
    np.fill_diagonal(kernel, 0.0)
    columns = chosen.T.astype(np.float64)
    product = kernel @ columns
    within = (columns * product).sum(axis=0)
    across = product.sum(axis=0) - within
    return within, across, float(kernel.sum()) - within - 2 * across


def _by_features(every: Floats, chosen: NDArray[np.bool_], frequencies: Floats) -> tuple[Floats, Floats, Floats]:
    """The same with the kernel k(a, b) = mean of cos(w·(a - b)) over the frequencies w, block of rows by block.

    A row has the product 1 with itself, which is no pair.
    """
    count = frequencies.shape[1]
    sums, total = np.zeros((len(chosen), 2 * count)), np.zeros(2 * count)
    for start in range(0, len(every), _BLOCK):
        turned = every[start : start + _BLOCK] @ frequencies
        features = np.concatenate([np.cos(turned), np.sin(turned)], axis=1) / math.sqrt(count)
        sums += chosen[:, start : start + _BLOCK].astype(np.float64) @ features
        total += features.sum(axis=0)
    rest, rows = total - sums, chosen.sum(axis=1)
    within, outside = (sums**2).sum(axis=1) - rows, (rest**2).sum(axis=1) - (len(every) - rows)
    return within, (sums * rest).sum(axis=1), outside


def _squared(x: Floats, y: Floats) -> Floats:
    found: Floats = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1)[None, :] - 2 * x @ y.T
    np.maximum(found, 0.0, out=found)
    return found


@dataclass(frozen=True, slots=True)
class Shift:
    """How differently two sets of rows are spread over classes: Cramér's V, from 0 (alike) to 1 (no class shared)."""

    effect: float
    p: float


def shift(counts: NDArray[np.int64], others: NDArray[np.int64], *, seed: int = 0) -> Shift:
    """Pearson's chi-squared test of two rows of counts over the same classes, p by draws with the margins fixed."""
    total = counts + others
    total, counts = total[total > 0], counts[total > 0]
    rows = int(counts.sum())
    expected = total * rows / total.sum()
    variance = expected * (1 - rows / total.sum())  # the chi-squared of both rows is the sum of squares over this

    def statistic(found: NDArray[np.int64]) -> Floats:
        whole: Floats = ((found - expected) ** 2 / np.maximum(variance, 1e-300)).sum(axis=-1)
        return whole

    value = float(statistic(counts))
    drawn = np.random.default_rng(seed).multivariate_hypergeometric(total, rows, size=_LABEL_DRAWS, method="marginals")
    extreme = int((statistic(drawn) >= value - 1e-9).sum())
    return Shift(math.sqrt(value / float(total.sum())), (1 + extreme) / (1 + _LABEL_DRAWS))
