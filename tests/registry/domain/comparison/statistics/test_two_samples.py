"""Two-sample tests against their definitions, and their error rates in small worlds."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy.stats import chi2_contingency, mannwhitneyu

from benchmarks.material.alarms import rates as rates_of
from benchmarks.two_samples import without
from registry.domain.comparison.statistics.two_samples import discrepancy, shift, told_apart


def test_the_auc_and_its_p_value_are_those_of_mann_and_whitney_on_the_held_out_rows() -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(80, 3)), draw.normal(size=(60, 3)) + 0.4
    told = told_apart(x, y)
    low, high = told.scores
    assert (len(low), len(high)) == (40, 30)
    expected = mannwhitneyu(high, low, alternative="greater", use_continuity=False, method="asymptotic")
    assert told.auc.value == pytest.approx(expected.statistic / (40 * 30))
    assert told.p == pytest.approx(expected.pvalue)
    assert told.auc.low < told.auc.value < told.auc.high


def test_sets_that_nothing_tells_apart_have_an_auc_of_a_half() -> None:
    still = np.ones((40, 3))
    told = told_apart(still, still)
    assert (told.auc.value, told.p) == (0.5, 1.0)


def test_more_features_than_rows_are_told_apart_by_the_same_discriminant() -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(40, 38)), draw.normal(size=(40, 38)) + 0.5
    few = told_apart(x, y)  # 40 training rows, 38 features
    padded = [np.concatenate([part, np.zeros((40, 30))], axis=1) for part in (x, y)]
    assert told_apart(*padded).auc.value == pytest.approx(few.auc.value)


def test_mmd_is_its_unbiased_definition() -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(12, 2)), draw.normal(size=(9, 2)) + 1.0
    every = np.concatenate([x, y])
    squared = ((every[:, None] - every[None]) ** 2).sum(axis=2)
    k = np.exp(-squared / np.median(squared[np.triu_indices(21, 1)]))
    within_x, within_y = (k[:12, :12].sum() - 12) / (12 * 11), (k[12:, 12:].sum() - 9) / (9 * 8)
    found = discrepancy(x, y)
    assert found.value == pytest.approx(within_x + within_y - 2 * k[:12, 12:].mean())
    assert not found.linear
    assert found.p < 0.05


def test_above_the_limit_mmd_is_estimated_by_random_features_and_agrees() -> None:
    draw = np.random.default_rng(0)
    x, y = draw.normal(size=(900, 2)), draw.normal(size=(700, 2)) + 1.0
    whole = discrepancy(x, y, draws=19)
    linear = discrepancy(x, y, draws=99, linear_from=1_000)
    assert (whole.linear, linear.linear) == (False, True)
    assert linear.value == pytest.approx(whole.value, rel=0.2)
    assert linear.p == pytest.approx(0.01)


def test_random_features_see_what_the_whole_kernel_sees() -> None:
    draw = np.random.default_rng(7)
    x, y = draw.normal(size=(1_000, 50)), draw.normal(size=(1_000, 50))
    y[:, :5] += 0.2
    assert discrepancy(x, y, linear_from=0).p <= 0.01
    assert discrepancy(x, x[::-1], linear_from=0).p == 1.0
    unlike = discrepancy(x[:400], y[:300], draws=19, linear_from=0)
    assert unlike.value == pytest.approx(discrepancy(x[:400], y[:300], draws=19).value, abs=2e-3)


def test_a_shift_of_labels_is_cramers_v_and_agrees_with_scipy() -> None:
    one, two = np.array([10, 20, 30]), np.array([14, 28, 30])
    expected = chi2_contingency([one, two], correction=False)
    found = shift(one, two)
    assert found.effect == pytest.approx((expected.statistic / 132) ** 0.5)
    assert found.p == pytest.approx(expected.pvalue, abs=0.03)
    assert shift(np.array([5, 0]), np.array([0, 5])).effect == pytest.approx(1.0)


def test_false_alarms_are_about_one_in_twenty() -> None:
    rates = rates_of(100, partial(without, rows=40, features=4))
    assert set(rates) == {"classifier", "mmd", "mmd, random features", "label shift"}
    assert all(rate <= 0.12 for rate in rates.values())
