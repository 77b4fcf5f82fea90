"""What contradicts itself, or cannot be done by the method, the adapter or the data, is refused with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from adapters.loop.tasks import metrics
from adapters.torch.offer import OFFER as TORCH
from adapters.transformers.offer import OFFER as TRANSFORMERS
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.recipe import Recipe
from registry.errors import BadRecipeError
from registry.ports.transfers import AdapterOffer
from registry.services.recipes.recipes import complete, read_recipe
from registry.services.recipes.rules import GIVES

ROOT = Path(__file__).resolve().parents[4]
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


def _literally(sentence: str) -> str:
    return re.escape(sentence).replace(r"\.\*", ".*")


# --- parameters ---


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("params: {wise_tf: 0.5}", "Line 6: there is no parameter params.wise_tf, did you mean 'wise_ft'?"),
        ("params:\n  wise_ft: 1.5", "Line 7: params.wise_ft: expected a number from 0 to 1, not 1.5"),
        ("params: {lp_ft: 1}", "Line 6: params.lp_ft: expected true or false, not 1"),
        ("params: {patience: 1.5}", "Line 6: params.patience: expected a whole number, not 1.5"),
        ("params: {patience: -1}", "Line 6: params.patience: expected a number of at least 0, not -1"),
        ("params: {unfreeze: some}", "Line 6: params.unfreeze: expected all or gradual, not 'some'"),
        ("params: {r: 8}", "Line 6: there is no parameter rank for this method and kind of data, only for adapter"),
        ("params: {lr: 1}", "Line 6: there is no parameter params.lr: optimizer.lr is meant by it, outside params"),
        ("params: {rank: 8}", "there is no parameter rank for this method and kind of data, only for adapter"),
        ("head: ridge", "Line 6: ridge is solved on features that stay"),
        ("head: {kind: logistic, dropout: 0.1}", "Line 6: a logistic head is solved, not trained: leave dropout out"),
    ],
)
def test_a_parameter_that_cannot_be_is_named_with_its_line_and_what_can(line: str, sentence: str) -> None:
    with pytest.raises(BadRecipeError, match=_literally(sentence)):
        cooked(TUNE_TEXT + line + "\n")


def test_a_name_of_another_library_suggests_ours() -> None:
    text = TUNE_TEXT.replace("fine_tuning", "adapter") + "params:\n  r: 8\n  lora_alpha: 16\n"
    with pytest.raises(BadRecipeError) as caught:
        cooked(text, Modality.TEXT)
    assert caught.value.facts["problems"] == [
        "Line 7: there is no parameter params.r, did you mean 'rank'?",
        "Line 8: there is no parameter params.lora_alpha, did you mean 'alpha'?",
    ]


@pytest.mark.parametrize("written", ["1e-1", "1E-1", ".1e0", "1.e-1", "0.1"])
def test_a_number_with_an_exponent_is_a_number_everywhere(written: str) -> None:
    recipe = cooked(TUNE_TEXT + f"optimizer: {{lr: {written}}}\nparams: {{l2_sp: {written}}}\n")
    assert (recipe.optimizer.lr, recipe.params["l2_sp"]) == (0.1, 0.1)


DOMAINS = PROBE_TEXT.replace("feature_extraction", "domain_adaptation").replace(
    "{train: datasets:/data/mnist/1}", "{source-domain: datasets:/data/mnist/1, target-domain: datasets:/data/digits/1}"
)
TASKS = PROBE_TEXT.replace("feature_extraction", "multi_task").replace(
    "{train: datasets:/data/mnist/1}", "{train.a: datasets:/data/mnist/1, train.b: datasets:/data/digits/1}"
)


def test_what_is_chosen_by_and_tested_on_follows_from_the_method() -> None:
    def told(text: str) -> dict[str, str]:
        data = cooked(text).data
        return {role: f"{choice.dataset.name.name} {choice.split}" for role, choice in data.items()}

    assert told(DOMAINS) == {
        "source-domain": "mnist train",
        "target-domain": "digits train",
        "validation": "mnist validation",
        "test": "digits test",
    }
    assert told(TASKS) == {
        "train.a": "mnist train",
        "train.b": "digits train",
        "validation.a": "mnist validation",
        "test.a": "mnist test",
        "validation.b": "digits validation",
        "test.b": "digits test",
    }


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (DOMAINS.replace(", target-domain: datasets:/data/digits/1", ""), "needs data in the role target-domain"),
        (PROBE_TEXT.replace("{train:", "{train.a:"), "Line 5: feature_extraction takes one task: write train"),
        (TASKS.replace("train.b", "train"), "Line 5: multi_task takes several tasks: name its task: train.TASK"),
        (TASKS.replace("train.b", "train.B!"), "a task is named by small letters"),
        (PROBE_TEXT.replace("train:", "train: data/a/1, unlabelled:"), "does not use data in the role 'unlabelled'"),
    ],
)
def test_roles_that_a_method_lacks_or_cannot_use_are_named(text: str, sentence: str) -> None:
    with pytest.raises(BadRecipeError, match=_literally(sentence)):
        cooked(text)


# --- what the data can tell ---


@pytest.mark.parametrize(
    ("labels", "text", "sentence"),
    [
        (
            LabelKind.NUMBER,
            "metrics: [rmse, accuracy]\n",
            "Line 6: accuracy does not measure labels of the kind num",
        ),
        (
            LabelKind.CLASS,
            "metrics:\n- loss\n- rmse\n",
            "Line 8: rmse does not measure labels of the kind class: ch",
        ),
        (LabelKind.MANY, "metrics: [balanced_accuracy]\n", "kind many: choose among baseline_macro_f1"),
        (LabelKind.CLASS, "metrics: [perplexity]\n", "perplexity does not measure"),
    ],
)
def test_metrics_that_the_labels_cannot_give_are_refused_with_their_line(
    labels: LabelKind, text: str, sentence: str
) -> None:
    with pytest.raises(BadRecipeError, match=_literally(sentence)):
        complete(read_recipe(TUNE_TEXT + text), modality=Modality.IMAGE, offers=OFFERS, labels=labels)


def test_metrics_of_any_task_and_those_of_an_export_pass() -> None:
    several = TUNE_TEXT.replace("fine_tuning", "multi_task").replace("{train:", "{train.one:") + "metrics: [rmse]\n"
    given = {"modality": Modality.IMAGE, "offers": OFFERS}
    assert complete(read_recipe(several), further=(LabelKind.NUMBER,), **given).metrics == ("rmse",)  # type: ignore[arg-type]
    export = PROBE_TEXT + "metrics: [rmse]\nparams: {export: npz}\n"
    assert complete(read_recipe(export), **given).metrics == ("rmse",)  # type: ignore[arg-type]


def test_the_table_of_metrics_by_label_is_that_of_the_loop() -> None:
    assert GIVES[LabelKind.CLASS] == {*metrics.SINGLE_LABEL_METRICS, *metrics.SINGLE_LABEL_BASELINES}
    assert GIVES[LabelKind.MANY] == {*metrics.MULTI_LABEL_METRICS, *metrics.MULTI_LABEL_BASELINES}
    assert GIVES[LabelKind.NUMBER] == {*metrics.REGRESSION_METRICS, *metrics.REGRESSION_BASELINES}
    assert GIVES[LabelKind.TAGS] == {*GIVES[LabelKind.CLASS], *metrics.TAG_METRICS}
    assert GIVES[LabelKind.NONE] == {"loss", *metrics.TEXT_METRICS}
    assert frozenset().union(*GIVES.values()) == metrics.OFFERED


def test_patience_without_validation_data_is_refused_with_its_line() -> None:
    some = TUNE_TEXT.replace("{train:", "{test: {dataset: datasets:/data/other/1}, train:")
    with pytest.raises(BadRecipeError, match=r"Line 6: patience waits .* add data\.validation"):
        cooked(some + "params: {patience: 3}\n")
    assert cooked(some).params["patience"] == 0
    assert cooked(TUNE_TEXT + "params: {patience: 3}\n").params["patience"] == 3
