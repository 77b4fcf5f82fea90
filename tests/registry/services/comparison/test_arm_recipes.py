"""The recipes of the arms: the budget of the transfer without its ways, and no arms where nothing can be compared."""

from __future__ import annotations

import pytest

from registry.domain.recipes.recipe import Method
from registry.errors import BadRecipeError
from registry.ports.transfers import AdapterOffer
from registry.services.context import Context
from tests.fakes.predicting import OFFER, PredictingAdapter
from tests.registry.services.comparison.comparing import DATA, RECIPE, compared


def test_from_scratch_has_the_budget_and_head_of_the_transfer_and_no_frozen_layer(
    context: Context, adapter: PredictingAdapter
) -> None:
    compared(context, RECIPE + "epochs: 4\nbatch_size: 24\nhead: mlp\nfreeze: {until: encoder.layer.1}\n")
    transfer, fresh = adapter.jobs[0].recipe, adapter.jobs[-4].recipe
    assert fresh.method is Method.PRETRAINING
    assert (fresh.epochs, fresh.batch_size, fresh.head) == (4, 24, transfer.head)
    assert (fresh.freeze.what, fresh.optimizer.backbone_lr) == ("none", None)
    assert adapter.jobs[-4].sources == adapter.jobs[0].sources


def test_arms_learn_from_labels_as_the_recipe_says_and_leave_the_ways_of_its_method(
    context: Context, adapter: PredictingAdapter
) -> None:
    said = "params: {class_weights: balanced, shots: 9, preset: bit_hyperrule, lp_ft: true}\n"
    compared(context, RECIPE + said)
    fresh, probe = adapter.jobs[-4].recipe.params, adapter.jobs[-1].recipe.params
    for params in (fresh, probe):
        assert (params["class_weights"], params["shots"]) == ("balanced", 9)
    assert "lp_ft" not in fresh
    assert (probe["preset"], probe["layer"]) == ("none", "last")


def test_a_recipe_that_exports_features_has_nothing_to_compare(context: Context) -> None:
    recipe = RECIPE.replace("fine_tuning", "feature_extraction") + "params: {export: npz}\n"
    with pytest.raises(BadRecipeError, match="exports features answers no test row"):
        compared(context, recipe)


@pytest.mark.parametrize("seeds", [0, 2, 21])
def test_too_few_and_too_many_seeds_are_refused(seeds: int, context: Context, adapter: PredictingAdapter) -> None:
    with pytest.raises(BadRecipeError, match=f"Baselines with {seeds} seeds cannot be compared. Give --seeds 3 to 20"):
        compared(context, seeds=seeds)
    assert adapter.jobs == []


def test_without_test_data_there_is_nothing_to_compare_on(context: Context) -> None:
    data = "data: {train: datasets:/data/reviews, validation: datasets:/data/reviews}"
    with pytest.raises(BadRecipeError, match="this recipe has none"):
        compared(context, RECIPE.replace(DATA, data))


def test_an_adapter_that_cannot_train_from_scratch_is_refused_before_anything_runs(
    context: Context, adapter: PredictingAdapter
) -> None:
    adapter.offer = AdapterOffer(OFFER.name, OFFER.modalities, OFFER.methods - {Method.PRETRAINING}, OFFER.metrics)
    with pytest.raises(BadRecipeError, match="The adapter transformers cannot train from scratch"):
        compared(context)
