"""Kolmogorov-Smirnov and the stability index against SciPy and their definitions."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.special import kolmogorov
from scipy.stats import ks_2samp

from benchmarks.drift import world
from benchmarks.material.alarms import rates
from registry.domain.comparison.statistics.two_samples import shift
from registry.domain.drift.distributions import (
    carried_apart,
    columns_apart,
    kolmogorov_tail,
    stability_index,
    stability_of_counts,
)


def test_columns_are_as_far_apart_as_scipy_says_and_p_is_corrected_for_their_number() -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(300, 3)), draw.normal(size=(200, 3))
    y[:, 1] += 0.3
    found = columns_apart(x, y)
    expected = [ks_2samp(x[:, n], y[:, n]) for n in range(3)]
    assert found.distance == pytest.approx([one.statistic for one in expected])
    assert found.p == pytest.approx(3 * min(one.pvalue for one in expected), rel=0.1)
    assert int(found.adjusted.argmin()) == 1


def test_the_tail_is_kolmogorovs() -> None:
    values = np.array([0.0, 0.19, 0.3, 0.8, 1.36, 3.0])
    assert kolmogorov_tail(values) == pytest.approx(kolmogorov(values), abs=1e-9)


def test_columns_with_the_same_values_are_not_apart() -> None:
    still = np.ones((30, 2))
    found = columns_apart(still, still)
    assert (found.distance.max(), found.p) == (0.0, 1.0)


def test_the_stability_index_is_its_sum_over_the_shares_of_bins() -> None:
    one, other = np.array([50, 30, 20]), np.array([20, 30, 50])
    before, now = (one + 0.5) / 101.5, (other + 0.5) / 101.5
    assert stability_of_counts(one, other) == pytest.approx(float(((now - before) * np.log(now / before)).sum()))
    assert stability_of_counts(one, one) == 0.0


def test_the_stability_index_is_zero_on_the_same_rows_and_large_on_shifted_ones() -> None:
    values = np.random.default_rng(0).normal(size=2_000)
    assert stability_index(values, values) == 0.0
    assert stability_index(values, values + 1.0) > 0.25
    assert stability_index(np.ones(20), np.ones(20)) == 0.0


def test_small_worlds_without_a_difference_raise_few_alarms() -> None:
    found = rates(40, partial(world, shifted=False, rows=60, features=10))
    assert all(rate <= 0.16 for rate in found.values()), found


def test_the_share_of_rows_that_have_a_class_moves_by_cramers_v() -> None:
    draw = np.random.default_rng(0)
    x, y = ((draw.random((200, 3)) < share).astype(float) for share in (0.3, [0.3, 0.6, 0.3]))
    found = carried_apart(x, y)
    counts = [np.array([part[:, 1].sum(), 200 - part[:, 1].sum()], dtype=np.int64) for part in (x, y)]
    assert (found.column, found.p) == (1, 0.001)
    assert found.effect == pytest.approx(shift(*counts).effect)


def test_classes_that_every_row_has_or_none_has_did_not_move() -> None:
    same = np.array([[1.0, 0.0]] * 60)
    found = carried_apart(same, same)
    assert (found.effect, found.p) == (0.0, 1.0)
