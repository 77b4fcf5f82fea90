"""Exact tests count what they say: against scipy, against all sign flips, and against Bonferroni."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from registry.domain.comparison.statistics.exact import fair_binomial, flip_test, holm, mcnemar

COUNTS = st.integers(0, 60)
P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(COUNTS, COUNTS)
def test_mcnemar_is_the_two_sided_binomial_test_of_the_discordant_items(better: int, worse: int) -> None:
    found = mcnemar(better, worse, mid_p_below=0)
    expected = stats.binomtest(better, better + worse).pvalue if better + worse else 1.0
    assert found.p == pytest.approx(expected, rel=1e-9)
    assert found.rule == "exact"


@pytest.mark.parametrize(
    ("better", "worse", "p", "rule"),
    [
        # By hand: P(X <= 1) of Binomial(10, 1/2) is 11/1024; the mid-p leaves out half of P(X = 1) = 10/1024.
        (9, 1, 2 * (11 - 5) / 1024, "mid-p"),
        (1, 9, 2 * (11 - 5) / 1024, "mid-p"),
        (5, 0, 2 * 0.5 / 32, "mid-p"),
        (7, 7, 1.0, "mid-p"),
        (0, 0, 1.0, "mid-p"),
        (20, 5, float(stats.binomtest(5, 25).pvalue), "exact"),
    ],
)
def test_below_25_discordant_items_the_mid_p_value_counts(better: int, worse: int, p: float, rule: str) -> None:
    found = mcnemar(better, worse)
    assert found.p == pytest.approx(p)
    assert (found.rule, found.better, found.worse) == (rule, better, worse)


@given(st.lists(st.integers(-3, 3), max_size=9))
def test_the_flip_test_is_exact_over_every_way_to_flip_the_signs(differences: list[int]) -> None:
    found = flip_test(np.array(differences, dtype=np.int64), mid_p_below=0)
    sums = [
        sum(sign * abs(d) for sign, d in zip(signs, differences, strict=True))
        for signs in product((1, -1), repeat=len(differences))
    ]
    seen = sum(differences)
    assert found.p_better == pytest.approx(np.mean([total >= seen for total in sums]))
    assert found.p_worse == pytest.approx(np.mean([total <= seen for total in sums]))


@given(st.lists(st.integers(-3, 3), max_size=40))
def test_exchanging_the_arms_exchanges_better_and_worse(differences: list[int]) -> None:
    one, two = (flip_test(np.array(d, dtype=np.int64)) for d in (differences, [-d for d in differences]))
    assert [one.p, one.p_better, one.p_worse] == pytest.approx([two.p, two.p_worse, two.p_better])
    assert (one.better, one.worse) == (two.worse, two.better)


@given(st.integers(1, 60), st.data())
def test_more_items_in_favour_of_an_arm_never_raise_its_p_value(total: int, data: st.DataObject) -> None:
    better = data.draw(st.integers(0, total - 1))
    assert mcnemar(better + 1, total - better - 1).p_better <= mcnemar(better, total - better).p_better + 1e-12


@pytest.mark.parametrize("discordant", [25, 50, 90])
def test_the_exact_test_never_errs_more_often_than_its_level(discordant: int) -> None:
    ways = fair_binomial(discordant)
    refused = [mcnemar(b, discordant - b).p <= 0.05 for b in range(discordant + 1)]
    assert ways[np.array(refused)].sum() <= 0.05 + 1e-12


def test_ten_thousand_discordant_items_are_still_counted_exactly() -> None:
    expected = stats.binomtest(5_120, 10_000).pvalue
    assert mcnemar(5_120, 4_880).p == pytest.approx(expected, rel=1e-9)


def test_holms_values_are_those_worked_out_by_hand() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04: times 4, 3, 2, 1, and never falling.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(P_VALUES)
def test_holm_refutes_all_that_bonferroni_does_and_nothing_that_no_correction_would_not(p_values: list[float]) -> None:
    for p, adjusted in zip(p_values, holm(p_values), strict=True):
        assert p <= adjusted <= min(1.0, len(p_values) * p)


@given(P_VALUES)
def test_holm_keeps_the_order_of_p_values(p_values: list[float]) -> None:
    pairs = sorted(zip(p_values, holm(p_values), strict=True))
    assert [adjusted for _, adjusted in pairs] == sorted(adjusted for _, adjusted in pairs)
