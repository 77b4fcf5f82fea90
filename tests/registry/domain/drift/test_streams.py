"""Changes in a stream of errors."""

from __future__ import annotations

import numpy as np
import pytest

from registry.domain.drift.streams import adaptive_window, page_hinkley


@pytest.fixture(scope="module")
def steady() -> np.ndarray:
    return (np.random.default_rng(1).random(1_500) < 0.1).astype(float)


def test_the_rise_is_page_and_hinkleys_sum_row_by_row() -> None:
    errors = np.array([0.0, 0.0, 1.0, 1.0, 0.0])
    total, least, largest, seen = 0.0, 0.0, 0.0, 0.0
    for row, error in enumerate(errors, start=1):
        seen += error
        total += error - seen / row - 0.005
        least = min(least, total)
        largest = max(largest, total - least)
    assert page_hinkley(errors, draws=1)[0] == pytest.approx(largest)


def test_errors_that_rise_are_found_where_they_rise(steady: np.ndarray) -> None:
    changed = np.concatenate([steady[:800], 1 - steady[800:1_200]])
    rise, p, row = page_hinkley(changed, draws=99)
    assert rise > 50
    assert p == pytest.approx(0.01)
    assert abs(row - 800) < 150  # before a rise the sum is a walk without direction
    assert any(abs(place - 800) < 20 for place in adaptive_window(changed))


def test_steady_errors_raise_no_alarm(steady: np.ndarray) -> None:
    assert page_hinkley(steady, draws=99)[1] > 0.05
    assert adaptive_window(steady) == ()


def test_adwin_also_finds_errors_that_fall_and_nothing_in_few_rows(steady: np.ndarray) -> None:
    fallen = np.concatenate([1 - steady[:400], steady[:400]])
    assert adaptive_window(fallen)
    assert adaptive_window(fallen[:9]) == ()
