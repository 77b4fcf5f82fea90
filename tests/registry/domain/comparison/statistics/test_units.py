"""Groups of rows are drawn and tested as wholes; a great many rows are drawn in blocks."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from registry.domain.comparison.answers import ArmAnswers, Arms, TestRows, read_arms
from registry.domain.comparison.arms import Measure
from registry.domain.comparison.judging import judge
from registry.domain.comparison.scoring import verdict_on
from registry.domain.comparison.slicing import flips_of
from registry.domain.comparison.statistics.resampling import Resamples, Spread
from registry.domain.comparison.statistics.tallies import share
from registry.domain.comparison.statistics.units import MOST, units_of
from registry.domain.comparison.verdict import ArmKind, Outcome
from registry.domain.data.datasets import LabelKind
from registry.errors import IntegrityError, InvalidError
from tests.builders import digest
from tests.registry.domain.comparison.worlds import answered, rights

TRANSFER, SCRATCH = ArmKind.TRANSFER, ArmKind.SCRATCH


def test_copies_of_one_row_in_a_group_count_as_one() -> None:
    # Ten rows of each of thirty groups are alike: there are thirty independent answers and not three hundred.
    arms = [answered(TRANSFER, 200, 300), answered(SCRATCH, 170, 300)]
    grouped = judge(arms, Measure("accuracy", groups=np.arange(300) // 10))
    rowwise = judge(arms, Measure("accuracy"))
    assert (rowwise.outcome, grouped.outcome) == (Outcome.POSITIVE, Outcome.INCONCLUSIVE)
    assert (grouped.items, grouped.groups, rowwise.groups) == (300, 30, None)
    (gap,) = grouped.gaps
    assert gap.flips is not None
    assert (gap.flips.better, gap.flips.worse) == (3, 0)


def test_the_flip_test_of_groups_is_the_exact_one_over_all_flips_of_their_sums() -> None:
    one, two = rights("xxxx.xx.xxx."), rights("x..x.x..x..x")
    units = units_of(12, np.arange(12) // 3)
    found = flips_of(units.tested([one]), units.tested([two]))
    assert found is not None
    assert one.right is not None
    assert two.right is not None
    sums = (one.right - two.right).reshape(4, 3).sum(axis=1)
    flips = [int(np.dot(signs, np.abs(sums))) for signs in product((-1, 1), repeat=4)]
    beyond, same = (sum(test(flip) for flip in flips) for test in (sums.sum().__lt__, sums.sum().__eq__))
    assert found.p_better == pytest.approx((beyond + same / 2) / 16, abs=1e-10)  # mid-p


def test_the_standard_error_of_groups_is_that_of_their_sums() -> None:
    chance = np.random.default_rng(3)
    right = chance.random(60)[np.arange(600) // 10] < 0.7
    units = units_of(600, np.arange(600) // 10)
    draws = Resamples(units.count).values(units.gather([share(right)]))
    error = np.std(right.reshape(60, 10).mean(axis=1), ddof=1) / np.sqrt(60)
    assert Spread(right.mean(), draws[:, 0], (), 60).deviation == pytest.approx(error, rel=0.02)


def test_few_groups_widen_the_interval_by_students_t() -> None:
    draws = np.random.default_rng(0).normal(size=10_000)
    few, many = Spread(0.0, draws, (), 20).interval(), Spread(0.0, draws, ()).interval()
    assert few.high / many.high == pytest.approx(2.093 / 1.96 * np.sqrt(20 / 19), rel=0.03)


def test_under_twenty_groups_nothing_is_concluded_however_many_rows_they_hold() -> None:
    arms = [answered(TRANSFER, 300, 300), answered(SCRATCH, 0, 300)]
    verdict = judge(arms, Measure("accuracy", groups=np.arange(300) // 20))
    assert verdict.reasons == ("15 groups of test items are too few: 20 are needed",)


@pytest.mark.parametrize("groups", [None, np.arange(20_000) // 2])
def test_a_great_many_rows_are_drawn_in_blocks_with_the_same_standard_error(groups: np.ndarray | None) -> None:
    chance = np.random.default_rng(1)
    right = chance.random(20_000) < 0.9
    units = units_of(20_000, groups)
    assert (units.count, units.groups) == (MOST, 0 if groups is None else 10_000)
    (tally,) = units.gather([share(right)])
    assert tally.value == pytest.approx(right.mean())
    draws = Resamples(units.count, 2_000).values([tally])
    assert draws.std() == pytest.approx(np.sqrt(0.09 / 20_000), rel=0.06)


def test_answers_keep_the_groups_of_their_rows() -> None:
    rows = TestRows(digest("data"), "test", LabelKind.CLASS, (0, 1), ("a", "b"), ("book 1", "book 2"))
    arms = Arms("step-1", rows, ("accuracy",), 0.01, (ArmAnswers(TRANSFER, 0, ("a", "b")),), published=0)
    assert read_arms(arms.write()) == arms
    with pytest.raises(IntegrityError, match="1 groups are given for 2 test rows"):
        TestRows(digest("data"), "test", LabelKind.CLASS, (0, 1), ("a", "b"), ("book 1",))


@pytest.mark.parametrize(
    ("truth", "sentence"),
    [((), "There are no test rows"), (("cat",) * 30, "All 30 test rows have the label 'cat'")],
)
def test_no_rows_and_one_class_are_refused(truth: tuple[str, ...], sentence: str) -> None:
    rows = TestRows(digest("data"), "test", LabelKind.CLASS, tuple(range(len(truth))), truth)
    arms = tuple(ArmAnswers(kind, 0, truth) for kind in (TRANSFER, SCRATCH))
    with pytest.raises(InvalidError, match=sentence):
        verdict_on(Arms("step-1", rows, ("accuracy",), 0.01, arms))
