"""From answers and labels to figures."""

from __future__ import annotations

import numpy as np
import pytest

from lineage import Digest
from registry.domain.data.datasets import LabelKind, Row
from registry.services.drift import figures


def test_the_interval_of_a_fall_is_newcombes() -> None:
    found = figures.difference(80, 80 - 48, 70, 70 - 56)  # example (a) of Newcombe 1998: 56/70 and 48/80, by method 10
    assert (-found.value, -found.high, -found.low) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)


def test_numbers_fall_by_deviations_of_the_reference() -> None:
    draw = np.random.default_rng(0)
    before, now = np.abs(draw.normal(size=400)), np.abs(draw.normal(size=400)) + 1.0
    found = figures.performance(before, now, LabelKind.NUMBER, deviation=2.0)
    assert found.unit == "mean absolute error"
    assert found.drop.value == pytest.approx((now.mean() - before.mean()) / 2.0)
    assert found.moved


def test_an_answer_of_several_classes_is_right_where_all_are() -> None:
    rows = [Row(n, Digest.of(b""), "test", label) for n, label in enumerate(("a|b", "a", ""))]
    assert figures.errors_of(rows, [["b", "a"], ["a", "b"], []], LabelKind.MANY).tolist() == [0.0, 1.0, 0.0]


def test_words_with_a_wrong_tag_or_cut_off_are_wrong() -> None:
    rows = [Row(n, Digest.of(b""), "test", label) for n, label in enumerate(("a b", "a b a b"))]
    assert figures.errors_of(rows, [["a", "a"], ["a", None, "a"]], LabelKind.TAGS).tolist() == [0.5, 0.5]


def test_one_of_several_classes_that_more_rows_have_is_a_moved_label() -> None:
    before = [Row(n, Digest.of(b""), "test", "a|b" if n % 2 else "a") for n in range(100)]
    now = [Row(n, Digest.of(b""), "test", "a|b" if n % 10 else "") for n in range(100)]
    found = figures.of_labels(before, now, LabelKind.MANY, 0)
    assert (found.what, found.detail) == ("labels", "b the most of 2")
    assert (found.effect > 0.4, found.p) == (True, 0.001)
