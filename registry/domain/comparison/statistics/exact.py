"""Exact tests on counts: which arm answers more items correctly, and Holm's correction for several tests at once.

The flip test asks whether a sum of whole numbers is larger than their signs allow by chance: under the null each item
could as well have favoured the other arm (Fisher's randomisation test of paired differences). With one seed an arm is
right or wrong on an item, the differences are -1, 0 and 1, and the test is McNemar's, binomial on the discordant items.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from registry.domain.comparison.verdict import FlipTest

MID_P_BELOW = 25
"""Discordant items under which half the probability of the outcome itself is left out (Fagerland et al. 2013)."""


def mcnemar(better: int, worse: int, *, mid_p_below: int = MID_P_BELOW) -> FlipTest:
    """McNemar's test of `better` against `worse` discordant items (McNemar 1947, exact form)."""
    return flip_test(np.repeat([1, -1], [better, worse]), mid_p_below=mid_p_below)


def flip_test(differences: NDArray[np.int64], *, mid_p_below: int = MID_P_BELOW) -> FlipTest:
    """The test of paired whole-number `differences` (items), exact over all ways to flip their signs.

    Zeros carry no information. The distribution is a convolution of one binomial per size of difference, so that the
    cost does not grow with 2^items.
    """
    nonzero = differences[differences != 0]
    sizes, counts = np.unique(np.abs(nonzero), return_counts=True)
    chances = np.ones(1)
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        spread = np.zeros(size * count + 1)
        spread[::size] = fair_binomial(count)
        chances = np.convolve(chances, spread)
    seen = int(nonzero[nonzero > 0].sum())  # the sum of what favours the transfer; all of it is chances.size - 1
    half = 0.5 * float(chances[seen]) if nonzero.size < mid_p_below else 0.0
    p_better = min(1.0, float(chances[seen:].sum()) - half)
    p_worse = min(1.0, float(chances[: seen + 1].sum()) - half)
    return FlipTest(
        better=int(np.count_nonzero(nonzero > 0)),
        worse=int(np.count_nonzero(nonzero < 0)),
        p=min(1.0, 2 * min(p_better, p_worse)),
        p_better=p_better,
        p_worse=p_worse,
        rule="mid-p" if nonzero.size < mid_p_below else "exact",
    )


def fair_binomial(trials: int) -> NDArray[np.float64]:
    """Probability of 0 to `trials` heads of a fair coin."""
    heads = np.arange(trials + 1)
    log_factorial = np.array([math.lgamma(n + 1) for n in range(trials + 1)])
    logs = log_factorial[trials] - log_factorial[heads] - log_factorial[trials - heads] - trials * math.log(2)
    chances: NDArray[np.float64] = np.exp(logs)
    chances /= chances.sum()
    return chances


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values (1979): reject where one is at most the level, and the family keeps it."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, floor = [1.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        floor = max(floor, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = floor
    return adjusted
