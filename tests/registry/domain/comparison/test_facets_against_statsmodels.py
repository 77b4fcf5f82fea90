"""The facets give what statsmodels and scipy give.

The figures of statsmodels 0.15.0 (which is no dependency of ours) are from this script:

    n = np.arange(1, 401); transfer = 1 + 0.1 * np.sin(12.9898 * n); scratch = 1 + 0.1 * np.sin(78.233 * n) + 0.002
    statsmodels.stats.weightstats.ttost_paired(scratch, transfer, -margin, margin)[0]
    DescrStatsW(scratch - transfer).tconfint_mean(alpha=0.1), and with alpha=0.05
    TTestPower().solve_power(nobs=400, alpha=0.05, power=0.8) * (scratch - transfer).std(ddof=1)
    statsmodels.stats.contingency_tables.mcnemar([[0, better], [worse, 0]], exact=True).pvalue
    statsmodels.stats.multitest.multipletests(p, method="holm")[1]
    gains, groups = clustered()
    sm.OLS(gains, np.ones(400)).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True).conf_int()
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from registry.domain.comparison.arms import Arm, Measure
from registry.domain.comparison.judging import judge
from registry.domain.comparison.statistics.exact import holm, mcnemar
from registry.domain.comparison.statistics.tallies import mean, share
from registry.domain.comparison.verdict import Answer, ArmKind, Facet, FacetName, TransferVerdict

N = np.arange(1, 401)


def errors(margin: float = 0.01) -> TransferVerdict:
    """The verdict on the errors of the script; less is better."""
    transfer, scratch = 1 + 0.1 * np.sin(12.9898 * N), 1 + 0.1 * np.sin(78.233 * N) + 0.002
    arms = [Arm(kind, (0,), (mean(e),)) for kind, e in ((ArmKind.TRANSFER, transfer), (ArmKind.SCRATCH, scratch))]
    return judge(arms, Measure("mae", higher_is_better=False, margin=margin))


def clustered() -> tuple[np.ndarray, np.ndarray]:
    """By how much each of 400 rows is answered better (1, 0 or -1), and its group of ten; rows of a group are alike."""
    groups = (N - 1) // 10
    marks = 0.3 * np.sin(12.9898 * N) + np.sin(4.1 * (groups + 1))
    return np.select([marks > 0.55, marks < -0.75], [1, -1], 0), groups


def facet(verdict: TransferVerdict, name: FacetName) -> Facet:
    found = verdict.facet(name)
    assert found is not None
    return found


@pytest.mark.parametrize(("margin", "p", "answer"), [(0.01, 0.0571416, Answer.OPEN), (0.012, 0.0240740, Answer.SHOWN)])
def test_equivalence_is_shown_exactly_where_two_one_sided_tests_reject(margin: float, p: float, answer: Answer) -> None:
    found = facet(errors(margin), FacetName.EQUIVALENT)
    assert found.answer is (Answer.SHOWN if p <= 0.05 else Answer.OPEN)
    assert found.answer is answer
    assert (found.effect.low, found.effect.high) == pytest.approx((-0.0061789, 0.0103304), abs=4e-4)


def test_the_interval_of_the_benefit_is_that_of_a_paired_t_test() -> None:
    found = facet(errors(), FacetName.BENEFIT)
    assert (found.effect.low, found.effect.high) == pytest.approx((-0.0077673, 0.0119188), abs=4e-4)


def test_the_detectable_effect_is_that_of_the_power_of_a_t_test() -> None:
    assert facet(errors(), FacetName.DETECTABLE).effect.value == pytest.approx(0.0140609, rel=0.02)


@pytest.mark.parametrize(
    ("better", "worse", "p"),
    [(9, 3, 0.14599609), (24, 2, 1.0490417e-05), (60, 35, 0.013378703), (4, 0, 0.125)],
)
def test_the_exact_test_of_flips_is_the_one_of_statsmodels(better: int, worse: int, p: float) -> None:
    assert mcnemar(better, worse, mid_p_below=0).p == pytest.approx(p, rel=1e-7)


def test_the_correction_over_slices_is_holms() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005, 0.2]) == pytest.approx([0.04, 0.09, 0.09, 0.025, 0.2])


def test_an_interval_by_group_is_the_cluster_robust_one() -> None:
    gains, groups = clustered()
    arms = [
        Arm(ArmKind.TRANSFER, (0,), (share(gains >= 0),)),
        Arm(ArmKind.SCRATCH, (0,), (share(gains <= 0),)),
    ]
    by_group, by_row = (judge(arms, Measure("accuracy", groups=given)) for given in (groups, None))
    found = facet(by_group, FacetName.BENEFIT).effect
    assert (found.low, found.high) == pytest.approx((-0.0959234, 0.3209234), abs=0.02)
    live = stats.ttest_1samp(gains.reshape(40, 10).mean(axis=1), 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(tuple(live), abs=0.02)
    assert facet(by_row, FacetName.BENEFIT).effect.low > 0  # rows alone would have called it better
