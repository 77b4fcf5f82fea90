"""Repeated verdicts on the same test rows: the chance of an error is spent once, and after twenty it is gone."""

from __future__ import annotations

import pytest

from registry.domain.comparison.arms import Measure
from registry.domain.comparison.judging import judge
from registry.domain.comparison.looks import ALPHA, MOST, level_of, said, spent
from registry.domain.comparison.statistics.resampling import RESAMPLES
from registry.domain.comparison.verdict import ArmKind, Outcome
from tests.registry.domain.comparison.worlds import answered


def test_the_first_verdict_has_intervals_of_95_percent() -> None:
    assert level_of(1) == pytest.approx(0.95, abs=1e-12)
    assert said(1) == ""


def test_all_verdicts_together_spend_no_more_than_5_percent() -> None:
    tails = [(1 - level_of(look)) / 2 for look in range(1, 10_000)]
    assert sum(tails) < ALPHA
    assert sum(tails[:7]) == pytest.approx(spent(7), abs=1e-12)


def test_the_last_verdict_asks_for_no_rarer_error_than_the_draws_can_tell() -> None:
    assert (1 - level_of(MOST)) / 2 > 1 / RESAMPLES


def test_a_later_verdict_says_how_often_the_test_rows_were_used_and_what_it_costs() -> None:
    assert said(3) == (
        "This is verdict 3 on the same test rows, so its intervals are of 99.17 %; "
        "3.75 % of the 5 % chance of a wrong positive are spent."
    )


def test_a_gain_that_the_first_verdict_shows_may_not_be_shown_by_the_fifth() -> None:
    arms = [answered(ArmKind.TRANSFER, 87, 100), answered(ArmKind.SCRATCH, 80, 100)]
    found = [judge(arms, Measure("accuracy", looks=look)).outcome for look in (1, 5)]
    assert found == [Outcome.POSITIVE, Outcome.INCONCLUSIVE]


def test_after_twenty_verdicts_nothing_is_concluded() -> None:
    arms = [answered(ArmKind.TRANSFER, 100, 100), answered(ArmKind.SCRATCH, 0, 100)]
    assert judge(arms, Measure("accuracy", looks=20)).outcome is Outcome.POSITIVE
    verdict = judge(arms, Measure("accuracy", looks=21))
    assert (verdict.outcome, verdict.facets) == (Outcome.INCONCLUSIVE, ())
    assert verdict.reasons[0].startswith("this is verdict 21 on the same test rows")
