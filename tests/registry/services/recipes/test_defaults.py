"""What a recipe leaves out is filled in by method and modality, as the page of recipes says; presets go before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from adapters.gensim.offer import OFFER as GENSIM
from adapters.torch.offer import OFFER as TORCH
from adapters.transformers.offer import OFFER as TRANSFORMERS
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.defaults import Defaults
from registry.domain.recipes.recipe import Head, Method, Recipe
from registry.ports.transfers import AdapterOffer
from registry.services.recipes.defaults import (
    ADAPTER_TUNING,
    IMAGE_TUNING,
    LANGUAGE_TUNING,
    METRICS,
    PROBE,
    TEXT_TUNING,
    defaults_for,
    metrics_for,
    split_of,
)
from registry.services.recipes.recipes import complete, read_recipe

PAGE = (Path(__file__).resolve().parents[4] / "docs/recipes.md").read_text(encoding="utf-8")
OFFERS = {"torch": TORCH, "transformers": TRANSFORMERS}
PROBE_TEXT = """\
schema: forebear/recipe/v1
output: vision/digits-probe
method: feature_extraction
source: models:/library/lite0/1
data: {train: datasets:/data/mnist/1}
"""
TUNE_TEXT = PROBE_TEXT.replace("feature_extraction", "fine_tuning")


def cooked(text: str, modality: Modality = Modality.IMAGE, offers: Mapping[str, AdapterOffer] = OFFERS) -> Recipe:
    return complete(read_recipe(text), modality=modality, offers=offers)


@pytest.mark.parametrize(
    ("method", "modality", "offer", "defaults"),
    [
        (Method.FEATURE_EXTRACTION, Modality.IMAGE, TORCH, PROBE),
        (Method.FINE_TUNING, Modality.IMAGE, TORCH, IMAGE_TUNING),
        (Method.PRETRAINING, Modality.TEXT, TRANSFORMERS, TEXT_TUNING),
        (Method.ADAPTER, Modality.TEXT, TRANSFORMERS, ADAPTER_TUNING),
        (Method.CONTINUED_PRETRAINING, Modality.TEXT, TRANSFORMERS, LANGUAGE_TUNING),
        (Method.CONTINUED_PRETRAINING, Modality.IMAGE, TORCH, IMAGE_TUNING),
    ],
)
def test_method_modality_and_adapter_choose_the_defaults(
    method: Method, modality: Modality, offer: AdapterOffer, defaults: Defaults
) -> None:
    assert defaults_for(method, modality, offer) is defaults


def test_an_adapter_brings_defaults_of_its_own_for_its_methods() -> None:
    trained = defaults_for(Method.CONTINUED_PRETRAINING, Modality.TEXT, GENSIM)
    assert (trained.optimizer, trained.rates["sgd"].lr) == ("sgd", 0.025)
    assert defaults_for(Method.EMBEDDING_INITIALISATION, Modality.TEXT, GENSIM).epochs == 20


def test_every_kind_of_label_has_metrics_and_bare_text_only_a_loss() -> None:
    assert METRICS.keys() == set(LabelKind)
    assert metrics_for(Method.FINE_TUNING, LabelKind.NUMBER)[0] == "rmse"
    assert metrics_for(Method.CONTINUED_PRETRAINING, LabelKind.CLASS) == ("loss",)


@pytest.mark.parametrize(
    ("role", "split"),
    [("train", "train"), ("validation.a", "validation"), ("test", "test"), ("target-domain", "train")],
)
def test_a_role_without_a_split_takes_the_split_of_its_kind(role: str, split: str) -> None:
    assert split_of(role) == split


@pytest.mark.parametrize(
    ("rows", "steps", "batch", "warmup", "mixup"),
    [
        (1_000, 500, 512, 0.2, 0.0),
        (100, 500, 100, 0.2, 0.0),
        (20_000, 10_000, 512, 0.05, 0.1),
        (500_000, 20_000, 512, 0.025, 0.1),
    ],
)
def test_bit_follows_its_published_rule_for_the_number_of_rows(
    rows: int, steps: int, batch: int, warmup: float, mixup: float
) -> None:
    text = TUNE_TEXT + "params: {preset: bit_hyperrule}\n"
    recipe = complete(read_recipe(text), modality=Modality.IMAGE, offers=OFFERS, rows=rows)
    assert (recipe.optimizer.name, recipe.optimizer.lr, recipe.optimizer.weight_decay) == ("sgd", 3e-3, 0.0)
    assert (recipe.batch_size, recipe.schedule.name, recipe.schedule.warmup) == (batch, "staircase", warmup)
    assert recipe.params["mixup"] == mixup
    assert 0 <= recipe.epochs * rows - steps * batch < rows, "as many epochs as hold the steps"


def test_few_shots_are_a_ridge_on_several_draws_and_what_is_written_wins() -> None:
    recipe = cooked(PROBE_TEXT + "params: {preset: few_shot, shots: 5}\n")
    assert recipe.head == Head("ridge")
    assert (recipe.params["shots"], recipe.params["repeats"]) == (5, 5)


def cooked_text(text: str, rows: int, *, weights: int = 0, labels: LabelKind = LabelKind.CLASS) -> Recipe:
    document = read_recipe(text)
    return complete(document, modality=Modality.TEXT, offers=OFFERS, rows=rows, weights=weights, labels=labels)


@pytest.mark.parametrize(("rows", "epochs", "patience"), [(200, 12, 4), (16, 150, 50), (800, 3, 0), (100_000, 3, 0)])
def test_few_texts_are_tuned_for_150_steps_and_end_early_on_validation_rows(
    rows: int, epochs: int, patience: int
) -> None:
    recipe = cooked_text(TUNE_TEXT, rows)
    assert (recipe.epochs, recipe.params["patience"]) == (epochs, patience)
    assert recipe.epochs * -(-rows // recipe.batch_size) >= 150
    alone = cooked_text(TUNE_TEXT.replace("{train:", "{test: datasets:/data/other/1, train:"), rows)
    assert (alone.epochs, alone.params["patience"]) == (epochs, 0), "without validation rows nothing ends early"


def test_what_a_recipe_says_of_epochs_and_patience_goes_before_the_floor_of_steps() -> None:
    short = cooked_text(TUNE_TEXT + "epochs: 2\n", 32)
    assert (short.epochs, short.params["patience"]) == (2, 0)
    assert cooked_text(TUNE_TEXT + "params: {patience: 7}\n", 32).params["patience"] == 7
    assert cooked_text(TUNE_TEXT.replace("fine_tuning", "adapter"), 32, labels=LabelKind.NONE).epochs == 3


@pytest.mark.parametrize(
    ("weights", "rate"), [(0, 5e-4), (440_000_000, 5e-4), (1_420_000_000, 3e-4), (4_000_000_000, 2e-4)]
)
def test_a_larger_text_encoder_is_tuned_at_a_lower_rate(weights: int, rate: float) -> None:
    recipe = cooked_text(TUNE_TEXT, 200, weights=weights)
    assert recipe.optimizer.lr == rate
    assert recipe.optimizer.backbone_lr == pytest.approx(rate / 10)
    assert cooked_text(TUNE_TEXT + "optimizer: {lr: 1e-3}\n", 200, weights=weights).optimizer.lr == 1e-3


@pytest.mark.parametrize(
    ("line", "labels", "kind"),
    [
        ("", LabelKind.CLASS, "logistic"),
        ("", LabelKind.MANY, "logistic"),
        ("", LabelKind.NUMBER, "ridge"),
        ("epochs: 3\n", LabelKind.CLASS, "linear"),
        ("optimizer: sgd\n", LabelKind.NUMBER, "linear"),
        ("params: {patience: 2}\n", LabelKind.CLASS, "linear"),
        ("head: {dropout: 0.1}\n", LabelKind.CLASS, "linear"),
        ("head: logistic\nepochs: 3\n", LabelKind.CLASS, "logistic"),
    ],
)
def test_a_probes_head_is_solved_unless_the_recipe_says_how_to_train_one(
    line: str, labels: LabelKind, kind: str
) -> None:
    recipe = complete(read_recipe(PROBE_TEXT + line), modality=Modality.IMAGE, offers=OFFERS, labels=labels)
    assert recipe.head.kind == kind


def test_a_probe_of_a_text_reads_the_mean_of_all_blocks_and_one_of_a_picture_the_last_layer() -> None:
    assert cooked(PROBE_TEXT, Modality.TEXT).params["layer"] == "mean"
    assert cooked(PROBE_TEXT).params["layer"] == "last"


def test_texts_are_read_as_far_as_the_model_can_unless_the_recipe_says_otherwise() -> None:
    vectors = complete(
        read_recipe(PROBE_TEXT),
        modality=Modality.TEXT,
        offers=OFFERS | {"gensim": GENSIM},
        architecture="static_embeddings",
    )
    assert (vectors.adapter, vectors.max_length) == ("gensim", 131_072)
    assert cooked(PROBE_TEXT, Modality.TEXT).max_length == 131_072
    assert cooked(PROBE_TEXT + "max_length: 64\n", Modality.TEXT).max_length == 64


def test_augmentation_is_a_choice_of_pictures_alone() -> None:
    assert cooked(TUNE_TEXT).params["augment"] == "auto"
    assert "augment" not in cooked(TUNE_TEXT, Modality.TEXT).params


def test_l2_sp_takes_the_place_of_weight_decay() -> None:
    assert cooked(TUNE_TEXT + "params: {l2_sp: 0.1}\n").optimizer.weight_decay == 0
    assert cooked(TUNE_TEXT).optimizer.weight_decay > 0


def test_the_table_of_defaults_is_what_the_code_does() -> None:
    columns = (PROBE, IMAGE_TUNING, TEXT_TUNING, ADAPTER_TUNING, LANGUAGE_TUNING)

    def row(name: str, tell: Any) -> str:
        return f"| {name} | " + " | ".join(str(tell(one)) for one in columns) + " |"

    def backbone(one: Defaults) -> str:
        if one.freeze.what == "backbone":
            return "does not learn"
        return "lr" if one.head_start is None else f"lr / {one.head_start:g}"

    for text in (
        row("`optimizer.lr` (adamw)", lambda one: one.rates["adamw"].lr),
        row("`optimizer.lr` (sgd)", lambda one: one.rates["sgd"].lr),
        row("`optimizer.backbone_lr`", backbone),
        row("`optimizer.weight_decay` (adamw)", lambda one: one.rates["adamw"].weight_decay),
        row("`optimizer.weight_decay` (sgd)", lambda one: one.rates["sgd"].weight_decay),
        row("`optimizer.clip`", lambda one: one.clip),
        row("`schedule`", lambda one: f"{one.schedule.name}, {one.schedule.warmup} warm-up"),
        row("`epochs`", lambda one: one.epochs),
        row("more `epochs`, until there are steps", lambda one: one.least_steps),
        row("`batch_size`", lambda one: one.batch_size),
        row("`freeze`", lambda one: one.freeze.what),
    ):
        assert text in PAGE
