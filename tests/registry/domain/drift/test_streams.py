"""Changes in a stream of errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from registry.domain.drift.streams import _Blocks, adaptive_window, page_hinkley


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
    chance, places = adaptive_window(changed, draws=99)
    assert chance == pytest.approx(0.01)
    assert any(abs(place - 800) < 20 for place in places)


def test_steady_errors_raise_no_alarm(steady: np.ndarray) -> None:
    assert page_hinkley(steady, draws=99)[1] > 0.05


def test_adwin_raises_an_alarm_over_one_steady_stream_in_twenty() -> None:
    draw = np.random.default_rng(3)
    streams = [(draw.random(200) < 0.2).astype(float) for _ in range(100)]
    found = [adaptive_window(errors, seed=n, draws=39) for n, errors in enumerate(streams)]
    assert 1 <= sum(chance <= 0.05 for chance, _ in found) <= 10
    assert all(bool(places) == (chance <= 0.05) for chance, places in found)


def test_adwin_also_finds_errors_that_fall_and_nothing_in_few_rows(steady: np.ndarray) -> None:
    fallen = np.concatenate([1 - steady[:400], steady[:400]])
    assert adaptive_window(fallen, draws=99)[1]
    assert adaptive_window(fallen[:9]) == (1.0, ())


def test_adwin_names_every_change_of_a_stream_that_changes_twice() -> None:
    errors = np.repeat([0.0, 1.0, 0.0], 400)
    assert adaptive_window(errors, draws=99)[1] == pytest.approx([400, 800], abs=4)


def test_the_surprise_of_adwin_is_its_published_bound_solved_for_delta() -> None:
    errors = (np.random.default_rng(2).random(64) < np.repeat([0.2, 0.6], 32)).astype(float)
    found = _Blocks.of(errors[None]).surprise(0, 64)[0]
    for cut in (5, 32, 59):
        delta = 2.0 / math.exp(found[cut - 5])
        harmonic = 1.0 / (1.0 / cut + 1.0 / (64 - cut))
        logs = math.log(2.0 * math.log(64) / delta)
        bound = math.sqrt(2.0 / harmonic * errors.var() * logs) + 2.0 / (3.0 * harmonic) * logs
        assert abs(errors[:cut].mean() - errors[cut:].mean()) == pytest.approx(bound)
