"""From stored answers to a verdict, for each kind of label: the recipe's metric where answers give it, and slices."""

from __future__ import annotations

from itertools import cycle, islice

import pytest

from registry.domain.comparison.answers import ArmAnswers, Arms, TestRows
from registry.domain.comparison.scoring import verdict_on
from registry.domain.comparison.verdict import ArmKind, Outcome, TransferVerdict
from registry.domain.data.datasets import LabelKind
from registry.errors import InvalidError
from tests.builders import digest

SEEDS = (0, 1, 2)


def arms(kind: LabelKind, truth: list[str], transfer: list[object], scratch: list[object], *metrics: str) -> Arms:
    """Both arms with the same answers for every seed."""
    rows = TestRows(digest("data"), "test", kind, tuple(range(len(truth))), tuple(truth))
    answered = [
        ArmAnswers(arm, seed, tuple(answers))
        for arm, answers in ((ArmKind.TRANSFER, transfer), (ArmKind.SCRATCH, scratch))
        for seed in SEEDS
    ]
    return Arms("step-1", rows, metrics, 0.01, tuple(answered))


def score(verdict: TransferVerdict, arm: ArmKind) -> float:
    found = verdict.score(arm)
    assert found is not None
    return found.mean.value


CATS = list(islice(cycle(["cat", "cat", "dog"]), 60))


@pytest.mark.parametrize(
    ("metrics", "metric"),
    [
        (("macro_f1", "accuracy"), "macro_f1"),
        (("loss", "accuracy"), "accuracy"),
        (("balanced_accuracy",), "balanced_accuracy"),
        ((), "accuracy"),
    ],
)
def test_the_first_metric_that_answers_can_give_decides(metrics: tuple[str, ...], metric: str) -> None:
    found = verdict_on(arms(LabelKind.CLASS, CATS, list(CATS), ["cat"] * 60, *metrics))
    assert (found.metric, found.outcome) == (metric, Outcome.POSITIVE)


def test_one_class_is_sliced_by_class() -> None:
    found = verdict_on(arms(LabelKind.CLASS, CATS, ["cat"] * 60, list(CATS)))
    assert [(part.name, part.items, part.transfer, part.worse) for part in found.slices] == [
        ("class cat", 40, 1.0, False),
        ("class dog", 20, 0.0, True),
    ]


def test_several_classes_are_compared_as_sets() -> None:
    truth = list(islice(cycle(["red|round", "red", ""]), 60))
    right: list[object] = [[name for name in label.split("|") if name] for label in truth]
    found = verdict_on(arms(LabelKind.MANY, truth, right, [["red"]] * 60, "subset_accuracy"))
    assert score(found, ArmKind.TRANSFER) == 1
    assert score(found, ArmKind.SCRATCH) == pytest.approx(1 / 3)
    assert [(part.name, part.items, part.scratch) for part in found.slices] == [
        ("class red", 40, 1.0),
        ("class round", 20, 0.0),
    ]
    assert found.slice_metric == "recall"
    micro = verdict_on(arms(LabelKind.MANY, truth, right, [["red"]] * 60, "micro_f1"))
    assert score(micro, ArmKind.SCRATCH) == pytest.approx(2 * 40 / (60 + 60))


def test_of_numbers_less_error_is_better_and_the_quarters_are_slices() -> None:
    truth = [str(n / 2) for n in range(60)]
    close: list[object] = [float(label) + 0.1 * (-1) ** n for n, label in enumerate(truth)]
    far: list[object] = [float(label) + 3 for label in truth]
    found = verdict_on(arms(LabelKind.NUMBER, truth, close, far, "rmse", "mae"))
    assert (found.metric, found.outcome, found.higher_is_better) == ("rmse", Outcome.POSITIVE, False)
    assert score(found, ArmKind.SCRATCH) == pytest.approx(3)
    assert next(part.name for part in found.slices) == "label 0 to 7.375"
    assert [part.items for part in found.slices] == [15, 15, 15, 15]
    assert found.margin == pytest.approx(0.01 * 8.66, rel=1e-3)
    assert verdict_on(arms(LabelKind.NUMBER, truth, far, close, "r2")).outcome is Outcome.NEGATIVE


def test_words_are_compared_by_rows_that_hold_them() -> None:
    truth = list(islice(cycle(["O B", "O O O", "B"]), 60))
    found = verdict_on(arms(LabelKind.TAGS, truth, [label.split() for label in truth], ["O O O"] * 60))
    assert score(found, ArmKind.TRANSFER) == 1
    assert score(found, ArmKind.SCRATCH) == pytest.approx(80 / 120)
    assert [(part.name, part.items, part.scratch) for part in found.slices] == [("tag B", 40, 0.0), ("tag O", 40, 1.0)]
    f1 = verdict_on(arms(LabelKind.TAGS, truth, list(truth), ["O O O"] * 60, "macro_f1"))
    assert score(f1, ArmKind.SCRATCH) == pytest.approx((0 + 2 * 80 / (80 + 120)) / 2)


def test_labels_that_there_are_none_of_cannot_be_compared() -> None:
    with pytest.raises(InvalidError, match="Answers to labels of kind none cannot be compared"):
        verdict_on(arms(LabelKind.NONE, ["", ""], ["", ""], ["", ""]))


def test_the_verdict_does_not_depend_on_the_order_of_arms() -> None:
    whole = arms(LabelKind.CLASS, CATS, list(CATS), ["cat"] * 60)
    turned = Arms(whole.step, whole.rows, whole.metrics, whole.margin, tuple(reversed(whole.arms)))
    one, two = verdict_on(whole), verdict_on(turned)
    assert (one.outcome, one.slices, [gap.gain for gap in one.gaps]) == (
        two.outcome,
        two.slices,
        [gap.gain for gap in two.gaps],
    )
