"""Student's t and the normal distribution: what few seeds cost, without a library of statistics."""

from __future__ import annotations

import math
from statistics import NormalDist

_NORMAL = NormalDist()
_ALMOST_NORMAL = 1e6
"""Degrees of freedom from which t and the normal agree to six digits."""
_TINY = 1e-300


def normal_cdf(z: float) -> float:
    """Chance of a standard normal at most `z`, exact in the lower tail."""
    return 0.5 * math.erfc(-z / math.sqrt(2))


def normal_quantile(p: float) -> float:
    """The `z` of which `normal_cdf(z) == p`; 0 < p < 1."""
    return _NORMAL.inv_cdf(p)


def t_cdf(t: float, freedom: float) -> float:
    """Chance of Student's t with `freedom` degrees at most `t`."""
    if freedom >= _ALMOST_NORMAL or not math.isfinite(t):
        return normal_cdf(t)
    middle = t * t / (freedom + t * t)
    if middle <= 1.5 / (freedom / 2 + 2.5):  # near the middle its complement would be rounded away
        return 0.5 + math.copysign(0.5, t) * _incomplete_beta(0.5, freedom / 2, middle)
    tail = 0.5 * _incomplete_beta(freedom / 2, 0.5, freedom / (freedom + t * t))
    return tail if t <= 0 else 1 - tail


def t_quantile(p: float, freedom: float) -> float:
    """The `t` of which `t_cdf(t, freedom) == p`; 0 < p < 1.

    By Newton's method from the middle: the lower half of the distribution is convex, so no step goes too far.
    """
    if p > 0.5:
        return -t_quantile(1 - p, freedom)
    if freedom >= _ALMOST_NORMAL:
        return normal_quantile(p)
    t, step = 0.0, 1.0
    for _ in range(200):
        step = (t_cdf(t, freedom) - p) / _t_density(t, freedom)
        t -= step
        if step <= 1e-13 * abs(t):
            break
    return t


def _t_density(t: float, freedom: float) -> float:
    logs = math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2) - 0.5 * math.log(freedom * math.pi)
    return math.exp(logs - (freedom + 1) / 2 * math.log1p(t * t / freedom))


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function by its continued fraction (DLMF 8.17.22), Lentz's way."""
    if x in {0.0, 1.0}:
        return x
    if x > (a + 1) / (a + b + 2):  # the fraction converges fast on one side only
        return 1 - _incomplete_beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    up, down = 1.0, 1 / _away(1 - (a + b) * x / (a + 1))
    value = down
    for m in range(1, 10_000):
        for step in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            down, up = 1 / _away(1 + step * down), _away(1 + step / up)
            value *= up * down
        if abs(up * down - 1) < 1e-15:
            break
    return front * value / a


def _away(value: float) -> float:
    """`value`, kept from zero, as Lentz's method asks."""
    return value if abs(value) > _TINY else _TINY
