"""A metric made of sums is the metric: on all items, on any draw of them, and beside scikit-learn and scipy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from registry.domain.comparison.statistics import tallies
from registry.domain.comparison.statistics.resampling import Resamples
from registry.domain.comparison.statistics.tallies import Tally, one_hot

CLASSES = 4
ITEMS = st.lists(st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=2, max_size=40)
NUMBERS = st.lists(st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=3, max_size=40)


def arrays(pairs: list[tuple[int, int]]) -> tuple[Any, Any]:
    truth, guess = np.array(pairs).T
    return truth, guess


@settings(max_examples=25)  # scikit-learn is slow on small things
@given(ITEMS)
def test_metrics_of_classes_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    truth, guess = arrays(pairs)
    said, true = one_hot(guess, CLASSES), one_hot(truth, CLASSES)
    assert tallies.share(truth == guess).value == pytest.approx(metrics.accuracy_score(truth, guess))
    expected = metrics.f1_score(truth, guess, average="macro", zero_division=0)
    assert tallies.macro_f1(true, said).value == pytest.approx(expected)
    assert tallies.micro_f1(true, said).value == pytest.approx(metrics.f1_score(truth, guess, average="micro"))
    recalls = [np.mean(guess[truth == one] == one) for one in set(truth.tolist())]
    assert tallies.balanced_accuracy(true, said).value == pytest.approx(np.mean(recalls))


@settings(max_examples=25)
@given(NUMBERS)
def test_metrics_of_numbers_are_scikit_learns_and_scipys(pairs: list[tuple[int, int]]) -> None:
    truth, guess = (side.astype(float) for side in arrays(pairs))
    assert tallies.mean(np.abs(guess - truth)).value == pytest.approx(metrics.mean_absolute_error(truth, guess))
    rmse = tallies.root_mean_square(guess - truth).value
    assert rmse == pytest.approx(metrics.root_mean_squared_error(truth, guess))
    if np.ptp(truth) and np.ptp(guess):
        assert tallies.r2(truth, guess).value == pytest.approx(metrics.r2_score(truth, guess))
        assert tallies.pearson(truth, guess).value == pytest.approx(stats.pearsonr(truth, guess)[0], abs=1e-9)


@pytest.mark.parametrize(
    "tally",
    [
        lambda t, g: tallies.share(t == g),
        lambda t, g: tallies.macro_f1(one_hot(t, CLASSES), one_hot(g, CLASSES)),
        lambda t, g: tallies.balanced_accuracy(one_hot(t, CLASSES), one_hot(g, CLASSES)),
        lambda t, g: tallies.root_mean_square((t - g) * 0.3),
        lambda t, g: tallies.r2(t * 1.0, g * 0.7),
        lambda t, g: tallies.pearson(t * 1.0, g * 0.7),
    ],
    ids=["accuracy", "macro_f1", "balanced_accuracy", "rmse", "r2", "pearson"],
)
def test_a_bootstrap_draw_is_the_metric_of_the_items_drawn(tally: Callable[[Any, Any], Tally]) -> None:
    chance = np.random.default_rng(0)
    truth = chance.integers(0, CLASSES, 30)
    guess = np.where(chance.random(30) < 0.6, truth, chance.integers(0, CLASSES, 30))
    resamples = Resamples(30, count=25)
    (counts,) = resamples._chunks()
    drawn = resamples.values([tally(truth, guess)])[:, 0]
    for value, times in zip(drawn, counts.astype(int), strict=True):
        again = tally(np.repeat(truth, times), np.repeat(guess, times))
        assert value == pytest.approx(again.value)


def test_a_class_that_occurs_in_neither_labels_nor_answers_counts_as_right() -> None:
    nothing = np.zeros((5, 3), dtype=bool)
    assert tallies.micro_f1(nothing, nothing).value == tallies.macro_f1(nothing, nothing).value == 1.0


def test_differences_are_whole_numbers_over_all_pairs_of_seeds() -> None:
    one = [tallies.share(np.array(marks, dtype=bool)) for marks in ([1, 1, 0], [1, 0, 0], [1, 1, 1])]
    two = [tallies.share(np.array([0, 1, 1], dtype=bool))]
    found = tallies.differences(one, two)
    assert found is not None
    assert found.tolist() == [3, -1, -2]
    assert tallies.differences(one, [tallies.mean(np.ones(3))]) is None
