"""Which models may be considered, and why the others are not."""

from __future__ import annotations

import pytest

from registry.domain.selection.report import SelectionReport
from registry.domain.verbs.lineage import Use
from registry.services.context import Context
from tests.registry.services.selection.worlds import order, recommend


@pytest.fixture(scope="module")
def everything(context: Context) -> SelectionReport:
    """A ranking of all models that may be used commercially."""
    return recommend(context, use=Use.COMMERCIAL)


def test_every_model_that_is_left_out_has_its_reason(everything: SelectionReport) -> None:
    assert order(everything)[0] in {"strong", "fair"}
    reasons = {one.ref.name.name: one.reason for one in everything.left_out}
    assert set(reasons) == {"weak-suspended", "fair-unsold", "broken", "fair-again"}
    assert "suspended" in reasons["weak-suspended"]
    assert "do not allow commercial use" in reasons["fair-unsold"]
    assert "not finite numbers" in reasons["broken"]


def test_an_older_version_is_considered_where_the_newest_may_not_be_started_from(
    context: Context, everything: SelectionReport
) -> None:
    assert "library/fair-again/1" in {one.ref.label for one in everything.ranked}
    refused = {one.ref.label: one.reason for one in everything.left_out}
    assert "suspended" in refused["library/fair-again/2"]
    named = recommend(context, "strong", "fair-again")
    assert {one.ref.label for one in named.ranked} == {"library/strong/1"}
