"""A head that a candidate keeps is asked about the new rows, once; what it says is shown beside the order."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.selection.heads import leep, nce
from registry.services.context import Context
from tests.fakes.plugins import FakePlugins
from tests.registry.services.selection.worlds import order, recommend


def test_leep_and_nce_are_those_of_the_head_and_change_no_order(context: Context) -> None:
    report = recommend(context, "weak", "strong", "fair")
    by_name = {one.ref.name.name: one for one in report.ranked}
    said = by_name["strong"].shown
    assert said.keys() - by_name["fair"].shown.keys() == {"leep", "nce"}
    classes = np.array([0] * 30 + [1] * 60)
    answers = np.exp([[3.0, 0.0, 0.0]] * 30 + [[0.0, 3.0, 0.0]] * 60)
    answers /= answers.sum(axis=1, keepdims=True)
    assert said["leep"] == pytest.approx(leep(answers, classes), abs=1e-6)
    assert said["nce"] == pytest.approx(nce(answers, classes)) == 0.0
    assert by_name["strong"].mean_rank <= by_name["fair"].mean_rank + 1
    assert order(report)[-1] == "weak"
    assert "The order does without leep and nce, which not every model has" in report.notes


def test_a_head_is_asked_once_about_the_same_rows(context: Context) -> None:
    assert isinstance(context.plugins, FakePlugins)
    jobs = context.plugins.fake_adapter.jobs
    first = recommend(context, "strong")
    asked = sum(job.any_labels for job in jobs)
    assert recommend(context, "strong").ranked[0].scores == first.ranked[0].scores
    assert sum(job.any_labels for job in jobs) == asked >= 1
    recommend(context, "strong", rows=41)
    assert sum(job.any_labels for job in jobs) == asked + 1, "other rows"
