"""Heads that are solved: the same ridge and logistic regression as scikit-learn's, and a true leave-one-out error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge

from adapters.loop.tasks.tasks import Regression, SingleLabel
from adapters.loop.techniques.solving import logistic, ridge


def world(rows: int, size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 3, rows)
    labels[:3] = [0, 1, 2]
    features = draw.normal(size=(rows, size)) + labels[:, None] * draw.normal(size=size)
    return features, labels


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(5, 30), size=st.integers(1, 40), seed=st.integers(0, 99))
def test_a_ridge_is_scikit_learns_for_few_and_for_many_features(rows: int, size: int, seed: int) -> None:
    features, labels = world(rows, size, seed)
    found = ridge(features, SingleLabel(("a", "b", "c")), labels)
    signs = np.where(labels[:, None] == np.arange(3), 1.0, -1.0)
    oracle = Ridge(alpha=found.penalty).fit(features, signs)
    assert np.allclose(found.weight, oracle.coef_, atol=1e-7)
    assert np.allclose(found.bias, oracle.intercept_, atol=1e-7)


def test_the_leave_one_out_error_is_that_of_really_leaving_one_out() -> None:
    features, _ = world(24, 40)
    numbers = features[:, 0] * 2 + np.random.default_rng(1).normal(size=24)
    task = Regression(float(numbers.mean()), float(numbers.std()))
    found = ridge(features, task, numbers[:, None].astype(np.float32))
    y = (numbers - task.mean) / task.deviation
    wrong = []
    for n in range(24):
        others = np.arange(24) != n
        one = Ridge(alpha=found.penalty).fit(features[others], y[others])
        wrong.append(float(one.predict(features[n : n + 1])[0] - y[n]))
    assert found.error == pytest.approx(float(np.mean(np.square(wrong))), rel=1e-4)


@pytest.mark.parametrize(("rows", "size"), [(60, 5), (20, 50)], ids=["more rows", "more features"])
def test_a_logistic_head_is_scikit_learns_logistic_regression(rows: int, size: int) -> None:
    features, labels = world(rows, size)
    found = logistic(features, SingleLabel(("a", "b", "c")), labels, penalty=6.0)
    oracle = LogisticRegression(C=1 / 6, tol=1e-10, max_iter=5000).fit(features, labels)
    assert np.allclose(found.weight, oracle.coef_, atol=1e-3)
    scores = features @ found.weight.T + found.bias
    assert np.allclose(scores - scores.mean(axis=1, keepdims=True), oracle.decision_function(features), atol=1e-2)


def test_the_penalty_of_a_logistic_head_is_strong_where_features_say_nothing() -> None:
    features, labels = world(90, 20)
    noise = np.random.default_rng(1).normal(size=features.shape)
    task = SingleLabel(("a", "b", "c"))
    assert logistic(features, task, labels).penalty < 1e3 <= logistic(noise, task, labels).penalty


def test_a_logistic_head_is_the_same_twice_and_reads_the_weights_of_classes() -> None:
    features, labels = world(60, 5)
    labels[5:50] = 0
    task = SingleLabel(("a", "b", "c"))
    one, two = logistic(features, task, labels), logistic(features, task, labels)
    assert np.array_equal(one.weight, two.weight)
    assert one.penalty == two.penalty
    weighted = logistic(features, task.balanced(labels), labels)
    rare = features[labels > 0] @ (weighted.weight - one.weight).T + weighted.bias - one.bias
    assert (rare[:, 1:] - rare[:, :1]).mean() > 0
