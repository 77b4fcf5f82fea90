"""The transfer that a drift asks for."""

from __future__ import annotations

from registry.services.context import Context
from registry.services.recipes.recipes import read_recipe
from tests.registry.services.drift.checks import checked


def test_a_drift_proposes_a_transfer_from_the_version_itself_to_the_data_that_it_meets_now(
    context: Context,
) -> None:
    found = checked(context, "grown")
    recipe = read_recipe(found.recipe)
    assert [str(one.model) for one in recipe.given()] == ["models:/text/lengths/1"]
    assert "test: {dataset: datasets:/data/grown/1, split: test}" in found.recipe
    assert found.recipe.startswith(f"# {found.conclusion}.")
    assert any("does not put its parent library/strong/1 clearly above it" in note for note in found.notes)


def test_no_transfer_is_proposed_without_a_drift_or_without_labels(context: Context) -> None:
    assert checked(context, "present").recipe == ""
    found = checked(context, "bare")
    assert found.recipe == ""
    assert any("data/bare/1 has no labels to learn from" in note for note in found.notes)
