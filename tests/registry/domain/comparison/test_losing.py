"""What a model lost beside another on the same rows, with a paired interval."""

from __future__ import annotations

import random

import pytest

from lineage import Digest
from registry.domain.comparison.answers import TestRows
from registry.domain.comparison.losing import Loss, loss_on
from registry.domain.data.datasets import LabelKind
from registry.errors import InvalidError

MAIN = ("accuracy", "macro_f1", "rmse")


def rows(truth: list[str], labels: LabelKind = LabelKind.CLASS, groups: tuple[str, ...] = ()) -> TestRows:
    return TestRows(Digest.of(b"data"), "test", labels, tuple(range(len(truth))), tuple(truth), groups)


def classes(count: int, right: int, seed: int) -> list[str]:
    """Answers to rows that are all `a`, of which `right` are right."""
    answers = ["a"] * right + ["b"] * (count - right)
    random.Random(seed).shuffle(answers)
    return answers


def test_what_was_lost_is_the_difference_and_its_interval_covers_it() -> None:
    found = loss_on(rows(["a"] * 400), MAIN, classes(400, 360, 1), classes(400, 320, 2))
    assert (found.metric, found.before, found.after) == ("accuracy", 0.9, 0.8)
    assert found.lost.value == pytest.approx(0.1)
    assert 0.03 < found.lost.low < 0.1 < found.lost.high < 0.17


def test_the_interval_is_paired_so_that_the_same_errors_leave_little_room() -> None:
    same = classes(400, 300, 1)
    found = loss_on(rows(["a"] * 400), MAIN, same, same)
    assert found.lost.value == 0
    assert -0.006 < found.lost.low < 0 < found.lost.high < 0.006, "one more row may differ, and no more"


def test_rows_of_one_group_count_as_one() -> None:
    truth, before = ["a"] * 400, ["a"] * 400
    after = [answer for group in range(40) for answer in ["b" if group % 4 == 0 else "a"] * 10]
    alone = loss_on(rows(truth), MAIN, before, after).lost
    grouped = loss_on(rows(truth, groups=tuple(f"book {n // 10}" for n in range(400))), MAIN, before, after).lost
    assert alone.value == grouped.value == pytest.approx(0.25)
    assert grouped.high - grouped.low > 2 * (alone.high - alone.low)


def test_of_an_error_the_part_by_which_it_grew_was_lost() -> None:
    truth = [str(n) for n in range(50)]
    before = [float(n) + (-1) ** n for n in range(50)]
    after = [float(n) + 1.5 * (-1) ** n for n in range(50)]
    found: Loss = loss_on(rows(truth, LabelKind.NUMBER), MAIN, before, after)
    assert found.metric == "rmse"
    assert found.lost.value == pytest.approx(0.5)
    with pytest.raises(InvalidError, match="The rmse of the model above is 0"):
        loss_on(rows(truth, LabelKind.NUMBER), MAIN, [float(n) for n in range(50)], after)


def test_too_few_rows_and_labels_that_cannot_be_compared_are_refused() -> None:
    with pytest.raises(InvalidError, match="19 test rows are too few: 20 are needed"):
        loss_on(rows(["a"] * 19), MAIN, ["a"] * 19, ["b"] * 19)
    with pytest.raises(InvalidError, match="1 groups of test rows are too few"):
        loss_on(rows(["a"] * 30, groups=("one",) * 30), MAIN, ["a"] * 30, ["b"] * 30)
    with pytest.raises(InvalidError, match="cannot be compared"):
        loss_on(rows(["a"] * 30, LabelKind.NONE), MAIN, ["a"] * 30, ["b"] * 30)
