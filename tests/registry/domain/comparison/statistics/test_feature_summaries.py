"""What is kept of features, and how far other rows are from them."""

from __future__ import annotations

import numpy as np
import pytest

from registry.domain.comparison.statistics.feature_summaries import FeatureSummary, directions, energy, farther


def rows(count: int, shift: float, *, seed: int, features: int = 384) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, features)).astype(np.float32) * 3 + shift


def test_a_summary_has_some_kilobytes_and_is_read_as_it_was_written() -> None:
    made = FeatureSummary.of(rows(2_000, 0.0, seed=1, features=768))
    body = made.written()
    assert len(body) < 20_000
    again = FeatureSummary.read(body)
    assert np.array_equal(again.seen, made.seen)
    assert again.seen.shape == (256, 32)
    with pytest.raises(ValueError, match="of 768 features, not of 3"):
        again.turned(np.zeros((1, 3)))


def test_the_directions_never_change_so_that_old_summaries_are_read_as_they_were_written() -> None:
    signs = directions(4) * 2
    assert signs[0, :8].tolist() == [-1, -1, -1, 1, 1, 1, -1, 1]
    assert set(signs.ravel().tolist()) == {-1.0, 1.0}


def test_rows_of_the_same_source_are_at_no_distance_and_shifted_ones_are_the_farther_the_more() -> None:
    summary = FeatureSummary.of(rows(1_000, 0.0, seed=1))
    found = [summary.turned(rows(500, shift, seed=2)) for shift in (0.0, 1.0, 9.0)]
    energies = [energy(summary.seen, one) for one in found]
    assert abs(energies[0]) < 0.01
    assert energies[0] < energies[1] < energies[2]
    assert energies[2] > 0.3
    distances = [farther(summary.seen, one) for one in found]
    assert distances[0] == pytest.approx(1.0, abs=0.05)
    assert distances[0] < distances[1] < distances[2]


def test_a_constant_feature_says_nothing() -> None:
    features = rows(100, 0.0, seed=3, features=4)
    features[:, 2] = 7.0
    moved = features.copy()
    moved[:, 2] = 9.0
    summary = FeatureSummary.of(features)
    assert energy(summary.seen, summary.turned(moved)) == pytest.approx(0.0, abs=0.02)


def test_the_energy_is_that_of_the_definition() -> None:
    x, y = np.array([[0.0], [1.0]]), np.array([[2.0], [4.0]])
    across, within = (2 + 4 + 1 + 3) / 4, (1.0, 2.0)
    assert energy(x, y) == pytest.approx((2 * across - sum(within)) / (2 * across))
    assert energy(x, np.array([[0.0], [1.0]])) < 0  # unbiased: below 0 about as often as above
