"""Recipes: five lines are enough, every mistake has its line, and what was filled in can be run again."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.gensim.offer import OFFER as GENSIM
from adapters.keras.offer import OFFER as KERAS
from adapters.loop.tasks.metrics import SINGLE_LABEL_METRICS
from adapters.torch.offer import OFFER as TORCH
from adapters.transformers.offer import OFFER as TRANSFORMERS
from registry.domain.catalog.models import Modality
from registry.domain.codec.recipe import recipe_from_record, recipe_record
from registry.domain.data.datasets import LabelKind
from registry.domain.manifests import canonical_json
from registry.domain.names import Name, Reference
from registry.domain.recipes.params import params_of
from registry.domain.recipes.recipe import DataChoice, Freeze, Head, Method, Optimizer, Recipe, Schedule, SourceChoice
from registry.errors import BadRecipeError, InvalidError
from registry.ports.transfers import AdapterOffer
from registry.services.recipes.defaults import (
    METRICS,
)
from registry.services.recipes.recipes import complete, read_recipe, recipe_schema
from tests.registry.json_schema import misfits

ROOT = Path(__file__).resolve().parents[4]
OFFERS = {"gensim": GENSIM, "torch": TORCH, "transformers": TRANSFORMERS}
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


# --- the shortest recipe ---------------------------------------------------------------------------------------------


def test_five_lines_are_a_whole_recipe() -> None:
    mnist = Reference.parse("datasets:/data/mnist/1")
    assert PROBE_TEXT.count("\n") == 5
    assert cooked(PROBE_TEXT) == Recipe(
        output=Name("vision", "digits-probe"),
        method=Method.FEATURE_EXTRACTION,
        adapter="torch",
        sources=(SourceChoice(Reference.parse("models:/library/lite0/1"), "source"),),
        data={role: DataChoice(mnist, role) for role in ("train", "validation", "test")},
        head=Head("logistic"),
        freeze=Freeze("backbone"),
        optimizer=Optimizer("adamw", lr=3e-3, weight_decay=1.0, clip=0.0),
        schedule=Schedule("cosine", 0.0),
        epochs=30,
        batch_size=64,
        seed=0,
        metrics=METRICS[LabelKind.CLASS],
        params={name: param.default for name, param in params_of(Method.FEATURE_EXTRACTION).items()},
    )


def test_fine_tuning_lets_the_backbone_learn_ten_times_slower() -> None:
    image, text = cooked(TUNE_TEXT), cooked(TUNE_TEXT, Modality.TEXT)
    assert (image.adapter, text.adapter) == ("torch", "transformers")
    assert (image.optimizer.lr, image.optimizer.backbone_lr, image.freeze) == (1e-3, 1e-4, Freeze("none"))
    assert (text.optimizer.lr, text.optimizer.backbone_lr, text.schedule) == (5e-4, 5e-5, Schedule("linear", 0.1))
    assert (text.epochs, text.batch_size, text.max_length) == (3, 16, 131_072)


def test_a_rate_that_is_given_moves_the_backbone_along() -> None:
    assert cooked(TUNE_TEXT + "optimizer: {lr: 1e-2}\n").optimizer.backbone_lr == pytest.approx(1e-3)
    decaying = cooked(TUNE_TEXT + "optimizer: {layer_decay: 0.7}\n").optimizer
    assert (decaying.backbone_lr, decaying.layer_decay) == (decaying.lr, 0.7)
    assert cooked(TUNE_TEXT + "optimizer: {backbone_lr: 3e-5}\n").optimizer.backbone_lr == 3e-5


def test_another_optimizer_brings_its_own_rates() -> None:
    assert cooked(PROBE_TEXT + "optimizer: sgd\n").optimizer == Optimizer("sgd", lr=1e-2, weight_decay=1e-2, clip=0.0)
    assert cooked(TUNE_TEXT + "optimizer: {name: sgd, momentum: 0.5}\n").optimizer.momentum == 0.5


# --- what may be written shorter or longer ---------------------------------------------------------------------------


def test_short_forms_mean_the_same_as_long_ones() -> None:
    short = "head: mlp\nfreeze: none\nschedule: constant\noptimizer: adamw\n"
    long = "head: {kind: mlp}\nfreeze: {what: none}\nschedule: {name: constant}\noptimizer: {name: adamw}\n"
    assert cooked(TUNE_TEXT + short) == cooked(TUNE_TEXT + long)
    sources = TUNE_TEXT.replace(
        "source: models:/library/lite0/1", "sources: [{model: models:/library/lite0/1, as: source}]"
    )
    assert cooked(sources) == cooked(TUNE_TEXT)
    data = TUNE_TEXT.replace("{train: datasets:/data/mnist/1}", "{train: {dataset: data/mnist/1, split: train}}")
    assert cooked(data) == cooked(TUNE_TEXT)


def test_once_a_recipe_names_a_second_role_only_the_named_roles_are_used() -> None:
    mnist, digits = (Reference.parse(f"datasets:/data/{name}/1") for name in ("mnist", "digits"))
    text = TUNE_TEXT.replace("{train: datasets:/data/mnist/1}", "{train: data/mnist/1, test: data/digits/1}")
    assert cooked(text).data == {"train": DataChoice(mnist, "train"), "test": DataChoice(digits, "test")}
    other = TUNE_TEXT.replace("{train: datasets:/data/mnist/1}", "{train: {dataset: data/mnist/1, split: fold-1}}")
    assert {role: choice.split for role, choice in cooked(other).data.items()} == {
        "train": "fold-1",
        "validation": "validation",
        "test": "test",
    }


def test_a_layer_to_unfreeze_from_is_kept_as_written() -> None:
    assert cooked(TUNE_TEXT + "freeze: {until: blocks.5}\n").freeze == Freeze("until", "blocks.5")


def test_a_rate_in_scientific_notation_is_a_number_although_yaml_reads_text() -> None:
    assert yaml.safe_load("1e-3") == "1e-3"
    assert cooked(PROBE_TEXT + "optimizer: {lr: 1e-3}\n").optimizer.lr == 1e-3


def test_an_alias_stays_an_alias_until_it_is_resolved() -> None:
    document = read_recipe(PROBE_TEXT.replace("lite0/1", "lite0@production"))
    assert document.references() == (Reference.parse("models:/library/lite0@production"),)


def test_an_adapter_from_elsewhere_runs_a_modality_of_its_own() -> None:
    tabular = AdapterOffer("trees", frozenset({Modality.TABULAR}), frozenset({Method.FINE_TUNING}), frozenset({"rmse"}))
    recipe = cooked(TUNE_TEXT, Modality.TABULAR, {**OFFERS, "trees": tabular})
    assert (recipe.adapter, recipe.metrics) == ("trees", ("rmse",))
    second = replace(TORCH, name="jax", preferred_for=frozenset())
    assert cooked(TUNE_TEXT, offers={"jax": second, **OFFERS}).adapter == "torch"
    assert cooked(TUNE_TEXT + "adapter: jax\n", offers={"jax": second, **OFFERS}).adapter == "jax"


def test_a_keras_model_is_transferred_by_keras_and_nothing_else_is() -> None:
    offers = {**OFFERS, "keras": KERAS}
    document = read_recipe(PROBE_TEXT)
    chosen = complete(document, modality=Modality.IMAGE, offers=offers, architecture="keras")
    assert chosen.adapter == "keras"
    assert complete(document, modality=Modality.IMAGE, offers=offers, architecture="squeezenet1_1").adapter == "torch"
    named = read_recipe(PROBE_TEXT + "adapter: torch\n")
    with pytest.raises(
        BadRecipeError, match="Line 6: the adapter torch does not start from keras: of those here, keras"
    ):
        complete(named, modality=Modality.IMAGE, offers=offers, architecture="keras")


def test_a_source_of_word_vectors_chooses_gensim_and_its_defaults() -> None:
    document = read_recipe(PROBE_TEXT.replace("library/lite0", "library/glove"))
    chosen = complete(document, modality=Modality.TEXT, offers=OFFERS, architecture="static_embeddings")
    assert (chosen.adapter, chosen.params["pooling"]) == ("gensim", "sif")
    encoder = complete(document, modality=Modality.TEXT, offers=OFFERS, architecture="transformers:BertModel")
    assert encoder.adapter == "transformers"
    assert "pooling" not in encoder.params
    corpus = "data: {unlabelled: datasets:/data/news/1}"
    text = PROBE_TEXT.replace("feature_extraction", "continued_pretraining").replace(
        "data: {train: datasets:/data/mnist/1}", corpus
    )
    trained = complete(read_recipe(text), modality=Modality.TEXT, offers=OFFERS, architecture="static_classifier")
    assert (trained.optimizer.name, trained.optimizer.lr, trained.optimizer.momentum) == ("sgd", 0.025, 0.0)
    assert (trained.epochs, trained.params["window"], trained.params["min_count"]) == (5, 5, 5)


def test_an_adapter_does_not_start_from_an_architecture_that_another_one_owns() -> None:
    named = read_recipe(PROBE_TEXT + "adapter: transformers\n")
    with pytest.raises(BadRecipeError, match=r"transformers does not start from static_embeddings: .* gensim does"):
        complete(named, modality=Modality.TEXT, offers=OFFERS, architecture="static_embeddings")


# --- mistakes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (PROBE_TEXT + "epoch: 3\n", "Line 6: there is no key 'epoch', did you mean 'epochs'?"),
        (PROBE_TEXT + "optimizer:\n  learning_rate: 1\n", "Line 7: there is no key 'optimizer.learning_rate'"),
        (PROBE_TEXT.replace("schema: forebear/recipe/v1\n", ""), "Line 1: the key 'schema' is missing. A recipe"),
        (PROBE_TEXT.replace("recipe/v1", "recipe/v2"), "Line 1: schema: expected 'forebear/recipe/v1'"),
        (PROBE_TEXT.replace("feature_", "feature-"), "Line 3: method: there is no method 'feature-extraction', did"),
        (PROBE_TEXT.replace("feature_extraction", "import"), "Line 3: method: there is no method 'import': there are"),
        (PROBE_TEXT.replace("vision/digits-probe", "Digits"), "Line 2: output: 'Digits' is not a name"),
        (PROBE_TEXT.replace("models:/library/lite0/1", "datasets:/a/b/1"), "Line 4: source: .* is a dataset, but"),
        (PROBE_TEXT.replace("models:/library/lite0/1", "7"), "Line 4: source: expected text, not 7"),
        (PROBE_TEXT.replace("source: models:/library/lite0/1\n", ""), "no source model is named: add source: models:/"),
        (PROBE_TEXT + "sources: [models:/a/b/1]\n", "Line 6: source and sources are both given"),
        (PROBE_TEXT.replace("{train:", "{trian:"), "Line 5: data.trian: 'trian' is not a role of data"),
        (PROBE_TEXT + "epochs: 0\n", "Line 6: epochs: expected a number of at least 1, not 0"),
        (PROBE_TEXT + "epochs: 2.5\n", "Line 6: epochs: expected a whole number, not 2.5"),
        (PROBE_TEXT + "epochs: yes\n", "Line 6: epochs: expected a whole number, not true"),
        (PROBE_TEXT + "epochs:\n", "Line 6: epochs has no value: give it one, or leave the key out"),
        (PROBE_TEXT + "seed: 4294967296\n", "Line 6: seed: expected a number below 4,294,967,296"),
        (PROBE_TEXT + "optimizer:\n  lr: 0\n", "Line 7: optimizer.lr: expected a number above 0, not 0"),
        (PROBE_TEXT + "optimizer:\n  lr: .nan\n", "Line 7: optimizer.lr: expected a number of at most 10, not nan"),
        (PROBE_TEXT + "optimizer:\n  lr: on\n", "Line 7: optimizer.lr: expected a number, not true"),
        (PROBE_TEXT + "optimizer: adam\n", "Line 6: optimizer.name: expected 'adamw' or 'sgd', not 'adam'"),
        (PROBE_TEXT + "schedule: {warmup: 1}\n", "Line 6: schedule.warmup: expected a number below 1, not 1"),
        (PROBE_TEXT + "head: 3\n", "Line 6: head: write one word, its kind, or a mapping of kind, hidden, dropout"),
        (PROBE_TEXT + "head: {hidden: 64}\n", "Line 6: a linear head has no hidden layer: write kind: mlp"),
        (PROBE_TEXT + "tags: {year: 2026}\n", "Line 6: tags.year: expected text, not 2026: put it in quotes"),
        (PROBE_TEXT + "tags: {a=b: c}\n", "Line 6: 'a=b' is not a tag"),
        (PROBE_TEXT + "params: {when: 2026-11-23}\n", "Line 6: params.when: expected text, a number, tr"),
        (PROBE_TEXT + "params: {n: 9007199254740993}\n", "Line 6: This cannot be written as canonical JSON"),
        (PROBE_TEXT + "metrics: []\n", "Line 6: metrics: expected a list of 1 or more items, not 0"),
        (PROBE_TEXT + "metrics: [loss, accuracy, loss]\n", "Line 6: the metric 'loss' is named twice"),
        (PROBE_TEXT + "freeze: none\n", "Line 6: feature_extraction freezes the whole backbone"),
        (PROBE_TEXT + "freeze: {until: blocks.5}\n", "Line 6: feature_extraction freezes the whole backbone"),
        (PROBE_TEXT + "optimizer: {backbone_lr: 0.1}\n", "Line 6: in feature_extraction the backbone does not learn"),
        (PROBE_TEXT + "optimizer: {layer_decay: 0.5}\n", "Line 6: in feature_extraction only the head learns"),
        (PROBE_TEXT + "optimizer: {momentum: 0.5}\n", "Line 6: adamw has no momentum to set: write name: sgd"),
        (TUNE_TEXT + "freeze: backbone\n", "Line 6: with the backbone frozen this is feature_extraction"),
        (TUNE_TEXT + "freeze: {what: none, until: a}\n", "Line 6: freeze is none and until a layer: keep one"),
        (TUNE_TEXT + "freeze: until\n", "Line 6: freeze names no layer: write freeze: {until: LAYER}"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_text_is_named_with_its_line_and_what_to_do(text: str, sentence: str) -> None:
    with pytest.raises(BadRecipeError, match=_literally(sentence)):
        read_recipe(text)


def _literally(sentence: str) -> str:
    return re.escape(sentence).replace(r"\.\*", ".*")


TWO_SOURCES = TUNE_TEXT.replace(
    "source: models:/library/lite0/1", "sources:\n- models:/library/lite0/1\n- {model: models:/a/b/1, as: teacher}"
)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("{train: data/a/1, test: {dataset: data/a/1, split: train}}", "test is the same split as train"),
        ("{train: data/a/1, validation: data/a/1, test: {dataset: data/a/1, split: validation}}", "as validation"),
    ],
)
def test_what_was_learnt_from_cannot_say_how_good_the_model_is(data: str, sentence: str) -> None:
    with pytest.raises(BadRecipeError, match=f"Line 5: .*{sentence}: name another one"):
        read_recipe(TUNE_TEXT.replace("{train: datasets:/data/mnist/1}", data))


def test_fine_tuning_has_one_source_and_no_teacher() -> None:
    with pytest.raises(BadRecipeError) as caught:
        read_recipe(TWO_SOURCES)
    assert caught.value.facts["problems"] == [
        "Line 4: fine_tuning has no use for a model as teacher: it takes source",
    ]


@pytest.mark.parametrize(
    ("text", "modality", "sentence"),
    [
        (TUNE_TEXT + "metrics: [acuracy]\n", Modality.IMAGE, "has no metric 'acuracy', did you mean 'acc"),
        (TUNE_TEXT + "metrics:\n- loss\n- xyz\n", Modality.IMAGE, "Line 8: the adapter torch has no metric 'xyz': "),
        (TUNE_TEXT.replace("fine_tuning", "embedding_initialisation"), Modality.IMAGE, "Line 3: the adapter"),
        (TUNE_TEXT.replace("fine_tuning", "embedding_initialisation"), Modality.IMAGE, "does continued_pretra"),
        (TUNE_TEXT + "adapter: troch\n", Modality.IMAGE, "Line 6: there is no adapter 'troch', did you mean 'torch'?"),
        (TUNE_TEXT + "adapter: xyz\n", Modality.IMAGE, "Line 6: there is no adapter 'xyz': there are gensim, torch, t"),
        (TUNE_TEXT + "adapter: transformers\n", Modality.IMAGE, "takes text models, and this source is image"),
        (TUNE_TEXT, Modality.AUDIO, "no installed adapter takes audio models: there are gensim, torch, transf"),
        (TUNE_TEXT + "image_size: 96\n", Modality.TEXT, "Line 6: image_size has no meaning for a text model"),
        (TUNE_TEXT + "max_length: 96\n", Modality.IMAGE, "Line 6: max_length has no meaning for a model of image data"),
    ],
)  # fmt: skip
def test_what_no_adapter_here_can_do_is_named_with_what_they_can(text: str, modality: Modality, sentence: str) -> None:
    with pytest.raises(BadRecipeError, match=_literally(sentence)):
        cooked(text, modality)


def test_without_any_adapter_the_recipe_says_so() -> None:
    with pytest.raises(BadRecipeError, match="none is installed"):
        cooked(TUNE_TEXT, offers={})


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(BadRecipeError) as caught:
        cooked(TUNE_TEXT + "metrics: [a, b]\nmax_length: 7\n")
    assert len(caught.value.facts["problems"]) == 3  # type: ignore[arg-type]


# --- the record ------------------------------------------------------------------------------------------------------


def _maybe(**keys: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=keys)


rates = st.floats(1e-6, 1.0)
words = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1, max_size=12)
shared = {
    "head": st.sampled_from(["linear", "mlp"]) | _maybe(kind=st.just("mlp"), dropout=st.floats(0, 0.9)),
    "schedule": _maybe(name=st.sampled_from(["constant", "linear", "cosine"]), warmup=st.floats(0, 0.9)),
    "epochs": st.integers(1, 10_000),
    "batch_size": st.integers(1, 65_536),
    "seed": st.integers(0, 2**32 - 1),
    "metrics": st.lists(st.sampled_from(sorted(SINGLE_LABEL_METRICS)), min_size=1, unique=True),
    "checkpoint_every": st.integers(0, 1000),
    "forgetting": st.booleans(),
    "description": st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=30),
    "licence": words,
    "tags": st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), words, max_size=2),
    "params": st.fixed_dictionaries({}, optional={"patience": st.integers(0, 99), "compile": st.booleans()}),
}  # fmt: skip
probes = st.fixed_dictionaries(
    {"method": st.just("feature_extraction")},
    optional={**shared, "optimizer": _maybe(name=st.sampled_from(["adamw", "sgd"]), lr=rates, clip=rates)},
)
tunings = st.fixed_dictionaries(
    {"method": st.just("fine_tuning")},
    optional={
        **shared,
        "freeze": st.just("none") | st.fixed_dictionaries({"until": words}),
        "optimizer": _maybe(lr=rates, backbone_lr=rates, layer_decay=rates, weight_decay=rates)
        | st.fixed_dictionaries({"name": st.just("sgd")}, optional={"momentum": st.floats(0, 0.99)}),
    },
)


@settings(deadline=None)
@given(probes | tunings, st.sampled_from([Modality.IMAGE, Modality.TEXT]))
def test_a_record_gives_the_recipe_back_and_can_be_run_again(keys: dict[str, Any], modality: Modality) -> None:
    head = yaml.safe_load(PROBE_TEXT) | keys
    assert misfits(head, recipe_schema()) == []
    recipe = cooked(yaml.safe_dump(head, allow_unicode=True), modality)
    record = recipe_record(recipe)
    assert recipe_from_record(record) == recipe
    assert recipe_from_record(json.loads(canonical_json(record))) == recipe
    assert cooked(yaml.safe_dump(record, allow_unicode=True), modality) == recipe
    assert misfits(record, recipe_schema()) == []


def test_a_recipe_that_does_not_ask_what_was_forgotten_has_the_record_of_one_from_before() -> None:
    assert "forgetting" not in recipe_record(cooked(PROBE_TEXT + "forgetting: false\n"))
    assert recipe_record(cooked(PROBE_TEXT + "forgetting: true\n"))["forgetting"] is True


def test_a_record_of_another_schema_is_not_guessed_at() -> None:
    with pytest.raises(InvalidError, match="'forebear/recipe/v9' cannot be read"):
        recipe_from_record({**recipe_record(cooked(PROBE_TEXT)), "schema": "forebear/recipe/v9"})
    with pytest.raises(InvalidError, match="colour: there is no such field"):
        recipe_from_record({**recipe_record(cooked(PROBE_TEXT)), "colour": "red"})
