"""Recipes that are ready to run."""

from __future__ import annotations

from registry.domain.recipes.recipe import Method
from registry.services.context import Context
from registry.services.transfers.verbs import Transfers
from tests.registry.services.selection.worlds import order, recommend


def test_the_recipes_are_ready_and_name_the_report(context: Context) -> None:
    report = recommend(context, "strong", "fair", "weak")
    assert [start.model.name.name for start in report.starts] == order(report)
    start = report.starts[0]
    assert start.method is Method.FEATURE_EXTRACTION
    assert "The smallest class has 30 rows" in start.reason
    recipe = Transfers(context).check(start.recipe)
    assert recipe.tags == {"selection": report.id}
    assert sorted(recipe.data) == ["test", "train"]  # the data brings no split for validation
