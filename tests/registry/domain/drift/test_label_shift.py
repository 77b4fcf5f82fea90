"""The accuracy on rows without labels, from how the answers changed."""

from __future__ import annotations

import numpy as np
import pytest

from registry.domain.drift.label_shift import Estimate, estimated


def test_exact_counts_give_the_shares_and_the_accuracy_that_made_them() -> None:
    truth = np.repeat([0, 1], [500, 500])
    answers = np.concatenate([np.repeat([0, 1], [450, 50]), np.repeat([0, 1], [150, 350])])  # recalls 0.9 and 0.7
    now = np.repeat([0, 1], [180 + 240, 20 + 560])  # 200 rows of the first class, 800 of the second
    found = estimated(truth, answers, now, 2)
    assert isinstance(found, Estimate)
    assert found.shares == pytest.approx([0.2, 0.8])
    assert found.accuracy.value == pytest.approx(0.2 * 0.9 + 0.8 * 0.7)
    assert found.accuracy.low < found.accuracy.value < found.accuracy.high


def test_what_cannot_be_estimated_says_why() -> None:
    truth = np.repeat([0, 1], 50)
    assert "confuses its classes" in str(estimated(truth, np.zeros(100, dtype=np.int64), truth, 2))
    assert "no row of some class" in str(estimated(truth, truth, truth, 3))
