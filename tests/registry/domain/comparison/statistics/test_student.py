"""Student's t and the normal distribution agree with scipy to many digits, far out in the tails too."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from registry.domain.comparison.statistics.student import normal_cdf, normal_quantile, t_cdf, t_quantile

FREEDOM = st.floats(0.5, 1e5)


@example(1.2e-6, 1024.0)
@given(st.floats(-60, 60), FREEDOM)
def test_the_distribution_of_t_is_scipys(t: float, freedom: float) -> None:
    assert t_cdf(t, freedom) == pytest.approx(stats.t.cdf(t, freedom), rel=1e-8, abs=1e-14)


@pytest.mark.parametrize("freedom", [1.0, 2.0, 3.7, 4.0, 16.0, 1000.0, math.inf])
@pytest.mark.parametrize("p", [1e-6, 0.0027, 0.025, 0.3, 0.5, 0.9, 0.975])
def test_the_quantiles_of_t_are_scipys(p: float, freedom: float) -> None:
    expected = stats.t.ppf(p, freedom) if math.isfinite(freedom) else stats.norm.ppf(p)
    assert t_quantile(p, freedom) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(st.floats(-30, 6))
def test_the_normal_distribution_is_scipys(z: float) -> None:
    assert normal_cdf(z) == pytest.approx(stats.norm.cdf(z), rel=1e-10, abs=1e-300)


@given(st.floats(1e-6, 1 - 1e-6))
def test_quantile_and_distribution_undo_each_other(p: float) -> None:
    assert normal_cdf(normal_quantile(p)) == pytest.approx(p, rel=1e-9)
