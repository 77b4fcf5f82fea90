"""Heads that are solved in closed form: the same ridge as scikit-learn's, and a true leave-one-out error."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, Ridge

from adapters.loop.tasks.tasks import Regression, SingleLabel
from adapters.loop.techniques.solving import descend, ridge


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


def test_descent_ends_where_scikit_learns_logistic_regression_does() -> None:
    features, labels = world(60, 5)
    head = torch.nn.Linear(5, 3)
    descend(head, torch.from_numpy(features), SingleLabel(("a", "b", "c")), labels, penalty=0.1)
    oracle = LogisticRegression(C=1 / (0.1 * 60), tol=1e-10, max_iter=5000).fit(features, labels)
    assert np.allclose(head.weight.detach().numpy(), oracle.coef_, atol=2e-3)
