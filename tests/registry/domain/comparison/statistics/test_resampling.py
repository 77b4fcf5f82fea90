"""Intervals from draws of items and seeds: paired, repeatable, and as wide as seeds make them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from registry.domain.comparison.statistics.resampling import Resamples, Spread, difference, spread
from registry.domain.comparison.statistics.tallies import Tally, share


def seeds(*shares: float, items: int = 400, chance: int = 0) -> list[Tally]:
    """Seeds that are right on so many items, each on items of its own."""
    draw = np.random.default_rng(chance)
    return [share(draw.permutation(items) < round(one * items)) for one in shares]


def spread_of(tallies: list[Tally], resamples: Resamples, arm: int = 0) -> Spread:
    return spread([tally.value for tally in tallies], resamples.values(tallies), resamples, arm)


def test_one_seed_gives_the_percentiles_of_a_binomial() -> None:
    found = spread_of(seeds(0.8), Resamples(400)).interval()
    low, high = stats.binom.ppf([0.025, 0.975], 400, 0.8) / 400
    assert [found.low, found.high] == pytest.approx([low, high], abs=0.004)


def test_the_same_answers_give_the_same_interval_to_the_last_bit() -> None:
    one, two = (spread_of(seeds(0.8, 0.82, 0.79), Resamples(400)).interval() for _ in range(2))
    assert one == two


def test_bootstrap_draws_are_those_of_the_first_release() -> None:
    """Stored verdicts are computed again from stored answers: the draws may never change."""
    (counts,) = Resamples(8, count=3)._chunks()
    assert counts.astype(int).tolist() == [[2, 0, 1, 0, 1, 2, 1, 1], [2, 1, 0, 0, 1, 1, 2, 1], [2, 0, 1, 1, 1, 2, 1, 0]]


def test_draws_are_the_same_kept_or_drawn_anew() -> None:
    tallies = seeds(0.7, items=60)
    resamples = Resamples(60, count=2500)
    first = resamples.values(tallies)
    assert np.array_equal(first, resamples.values(tallies))
    resamples._held.clear()
    assert np.array_equal(first, resamples.values(tallies))


def test_an_arm_against_itself_differs_by_nothing() -> None:
    found = spread_of(seeds(0.8, 0.85, 0.9), Resamples(400))
    assert difference(Spread(found.value, found.draws, ()), Spread(found.value, found.draws, ())).interval().high == 0


def test_outlying_seeds_widen_the_interval_more_than_items_do() -> None:
    resamples = Resamples(1000)
    calm, wild = (spread_of(seeds(*shares, items=1000), resamples) for shares in ((0.8,) * 3, (0.7, 0.8, 0.9)))
    widths = [found.interval().high - found.interval().low for found in (calm, wild)]
    assert widths[1] > 4 * widths[0]


def test_outlying_seeds_cost_degrees_of_freedom_and_others_do_not() -> None:
    resamples = Resamples(1000)
    calm, wild = (spread_of(seeds(*shares, items=1000), resamples) for shares in ((0.8,) * 3, (0.7, 0.8, 0.9)))
    assert calm.freedom > 100
    assert wild.freedom == pytest.approx(2, rel=0.15)


def test_the_interval_excludes_zero_exactly_where_the_one_sided_chance_is_below_half_of_what_is_left() -> None:
    resamples = Resamples(400)
    base = spread_of(seeds(0.80, 0.81, 0.79), resamples, 1)
    for better in (0.80, 0.82, 0.84, 0.86, 0.88, 0.9):
        found = difference(spread_of(seeds(better, better + 0.01, better - 0.01, chance=1), resamples), base)
        low = found.interval().low
        assert low == 0 or (low > 0) == (found.chance(above=True) < 0.025)


def test_changing_the_sign_mirrors_the_interval() -> None:
    resamples = Resamples(200)
    one, two = (spread_of(seeds(level, items=200, chance=n), resamples, n) for n, level in enumerate((0.8, 0.7)))
    there, back = difference(one, two).interval(), difference(one, two, -1).interval()
    assert (there.low, there.value, there.high) == pytest.approx((-back.high, -back.value, -back.low))
