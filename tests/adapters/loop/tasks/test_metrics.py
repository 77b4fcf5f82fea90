"""Metrics have the same values as scikit-learn's, up to rounding in float64."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as oracle
from hypothesis import given
from hypothesis import strategies as st

from adapters.loop.tasks.metrics import (
    MULTI_LABEL_METRICS,
    REGRESSION_METRICS,
    SINGLE_LABEL_BASELINES,
    SINGLE_LABEL_METRICS,
    accuracy,
    balanced_accuracy,
    baseline_accuracy,
    check_metrics,
    macro_f1,
    merit,
    selection_metric,
)
from adapters.loop.tasks.metrics import cross_entropy as loss
from registry.errors import BadRecipeError

answers = st.integers(2, 6).flatmap(
    lambda classes: st.lists(
        st.tuples(
            st.integers(0, classes - 1),
            st.lists(st.floats(-30, 30, width=32), min_size=classes, max_size=classes),
        ),
        min_size=1,
        max_size=40,
    )
)


def arrays(drawn: list[tuple[int, list[float]]]) -> tuple[np.ndarray, np.ndarray]:
    truth, logits = zip(*drawn, strict=True)
    return np.array(truth, dtype=np.int64), np.array(logits, dtype=np.float32)


@given(answers)
def test_metrics_are_those_of_scikit_learn(drawn: list[tuple[int, list[float]]]) -> None:
    truth, logits = arrays(drawn)
    guess = logits.argmax(axis=1)
    seen = sorted(set(truth.tolist()))
    assert accuracy(truth, logits) == pytest.approx(oracle.accuracy_score(truth, guess), abs=1e-12)
    assert macro_f1(truth, logits) == pytest.approx(
        oracle.f1_score(truth, guess, average="macro", zero_division=0), abs=1e-12
    )
    recall = oracle.recall_score(truth, guess, average="macro", labels=seen, zero_division=0)
    assert balanced_accuracy(truth, logits) == pytest.approx(recall, abs=1e-12)
    wide = logits.astype(np.float64)
    likely = np.exp(wide - wide.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    assert loss(truth, logits) == pytest.approx(-np.mean(np.log(likely[np.arange(len(truth)), truth])), abs=1e-9)


def test_loss_is_scikit_learns_log_loss() -> None:
    draw = np.random.default_rng(0)
    logits, truth = draw.normal(size=(50, 4)).astype(np.float32), draw.integers(0, 4, 50)
    likely = np.exp(logits.astype(np.float64))
    likely /= likely.sum(axis=1, keepdims=True)
    assert loss(truth, logits) == pytest.approx(oracle.log_loss(truth, likely, labels=range(4)), abs=1e-12)


def test_a_loss_of_huge_logits_does_not_overflow() -> None:
    assert loss(np.array([1]), np.array([[1e30, -1e30]], dtype=np.float32)) == pytest.approx(2e30)


def test_the_baseline_is_the_training_majority_on_other_data() -> None:
    assert baseline_accuracy(np.array([0, 1, 1]), np.array([1, 1, 0, 0, 1])) == 0.6
    assert baseline_accuracy(np.array([0, 1]), np.array([0, 0, 1])) == pytest.approx(2 / 3)


def test_the_first_metric_with_a_direction_chooses() -> None:
    assert selection_metric(("baseline_accuracy", "macro_f1", "loss"), SINGLE_LABEL_METRICS) == "macro_f1"
    assert selection_metric((), SINGLE_LABEL_METRICS) == "accuracy"
    assert selection_metric(("accuracy",), REGRESSION_METRICS) == "mae"


def test_less_loss_is_better_and_breaks_ties() -> None:
    assert merit("loss", {"loss": 0.1}) > merit("loss", {"loss": 0.2})
    assert merit("rmse", {"rmse": 0.1, "loss": 1}) > merit("rmse", {"rmse": 0.2, "loss": 0})
    assert merit("accuracy", {"accuracy": 0.9, "loss": 0.1}) > merit("accuracy", {"accuracy": 0.9, "loss": 0.2})
    assert merit("accuracy", {"accuracy": 0.9, "loss": 9}) > merit("accuracy", {"accuracy": 0.8, "loss": 0.1})


def test_an_unknown_metric_is_refused_with_the_known_ones() -> None:
    with pytest.raises(BadRecipeError, match="labels of kind class") as refused:
        check_metrics(("accuracy", "auc"), SINGLE_LABEL_METRICS, SINGLE_LABEL_BASELINES, "class")
    assert "accuracy, balanced_accuracy, baseline_accuracy" in str(refused.value.remedy)
    check_metrics(tuple(SINGLE_LABEL_METRICS), SINGLE_LABEL_METRICS, SINGLE_LABEL_BASELINES, "class")


many = st.integers(2, 5).flatmap(
    lambda classes: st.lists(
        st.tuples(
            st.lists(st.booleans(), min_size=classes, max_size=classes),
            st.lists(st.floats(-30, 30, width=32), min_size=classes, max_size=classes),
        ),
        min_size=1,
        max_size=30,
    )
)


@given(many)
def test_metrics_of_several_classes_are_those_of_scikit_learn(drawn: list[tuple[list[bool], list[float]]]) -> None:
    truth = np.array([one for one, _ in drawn], dtype=np.float32)
    logits = np.array([two for _, two in drawn], dtype=np.float32)
    predicted = logits > 0
    seen = [n for n in range(truth.shape[1]) if truth[:, n].any() or predicted[:, n].any()]
    assert MULTI_LABEL_METRICS["subset_accuracy"](truth, logits) == pytest.approx(
        oracle.accuracy_score(truth > 0, predicted), abs=1e-12
    )
    if not seen:
        assert MULTI_LABEL_METRICS["micro_f1"](truth, logits) == MULTI_LABEL_METRICS["macro_f1"](truth, logits) == 1.0
        return
    for average in ("micro", "macro"):
        wanted = oracle.f1_score(truth > 0, predicted, average=average, labels=seen, zero_division=0)
        assert MULTI_LABEL_METRICS[f"{average}_f1"](truth, logits) == pytest.approx(wanted, abs=1e-12)
    wide = logits.astype(np.float64)
    entropy = np.logaddexp(0, np.where(truth > 0, -wide, wide))
    assert MULTI_LABEL_METRICS["loss"](truth, logits) == pytest.approx(entropy.mean(), abs=1e-6)


@given(st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), min_size=2, max_size=40))
def test_metrics_of_numbers_are_those_of_scikit_learn_and_scipy(drawn: list[tuple[int, int]]) -> None:
    from scipy import stats

    pairs = np.array(drawn, dtype=np.float32)
    truth, outputs = pairs[:, :1], pairs[:, 1:]
    wide = pairs.astype(np.float64)
    assert REGRESSION_METRICS["mae"](truth, outputs) == pytest.approx(
        oracle.mean_absolute_error(wide[:, 0], wide[:, 1])
    )
    assert REGRESSION_METRICS["rmse"](truth, outputs) == pytest.approx(
        oracle.root_mean_squared_error(wide[:, 0], wide[:, 1])
    )
    if np.ptp(truth) and np.ptp(outputs):
        assert REGRESSION_METRICS["r2"](truth, outputs) == pytest.approx(oracle.r2_score(wide[:, 0], wide[:, 1]))
        ranks = stats.spearmanr(truth.ravel(), outputs.ravel()).statistic
        assert REGRESSION_METRICS["spearman"](truth, outputs) == pytest.approx(ranks, abs=1e-9)
        line = stats.pearsonr(truth.ravel().astype(float), outputs.ravel().astype(float)).statistic
        assert REGRESSION_METRICS["pearson"](truth, outputs) == pytest.approx(line, abs=1e-9)
    else:
        assert REGRESSION_METRICS["spearman"](truth, outputs) == 0.0
