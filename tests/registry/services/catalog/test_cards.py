"""Cards: the Hub's own reader reads every card that we write."""

from __future__ import annotations

from typing import Any

import pytest
from huggingface_hub import ModelCard

from lineage import Assurance, Digest
from registry.domain.catalog.models import Describing, MetricValue, Modality
from registry.domain.names import AssetKind, Name, VersionRef
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepInput
from registry.errors import InvalidError
from registry.services.catalog.cards import card_licence, derived_card, source_card, split_card

REF = VersionRef(AssetKind.MODELS, Name("vision", "digits"), 2)
DESCRIBING = Describing("image-classification", Modality.IMAGE, "Apache-2.0", "internal", "Reads digits: 0–9.")


def said(card: ModelCard) -> Any:
    """The front matter as the Hub's reader understood it."""
    return card.data.to_dict()  # type: ignore[no-untyped-call]


LAUGHS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 10))
"""A few hundred bytes of YAML that stand for 400 million values."""

MERGED = LAUGHS.replace("[x]", "{x: 1}").replace("[*", "{<<: [*").replace("]", "]}")


def test_a_card_may_repeat_itself_by_aliases_as_cards_of_the_hub_do() -> None:
    assert split_card("---\na: &id001 {type: x}\nb: [*id001, *id001]\n---\n")[0]["b"] == [{"type": "x"}] * 2


def test_the_hub_reads_a_derived_card_with_parent_data_and_metrics() -> None:
    parent = StepInput(
        VersionRef(AssetKind.MODELS, Name("library", "net"), 1), Digest.of(b"p"), "source", None, Assurance.OBSERVED
    )
    data = StepInput(
        VersionRef(AssetKind.DATASETS, Name("data", "mnist"), 1), Digest.of(b"d"), "test", "test", Assurance.OBSERVED
    )
    text = derived_card(
        REF,
        DESCRIBING,
        method=Method.FINE_TUNING,
        step_id="step-1",
        inputs=(parent, data),
        measured=(MetricValue("accuracy", 0.93, "test", "test", Digest.of(b"d"), "data/mnist/1"),),
        recipe_text="output: vision/digits\n",
    )
    card = ModelCard(text)
    data = said(card)
    assert data["license"] == "apache-2.0"
    assert data["base_model"] == ["library/net"]
    assert data["base_model_relation"] == "finetune"
    assert data["datasets"] == ["data/mnist"]
    assert data["pipeline_tag"] == "image-classification"
    assert data["model-index"][0]["results"][0]["metrics"] == [{"type": "accuracy", "value": 0.93}]
    assert "Reads digits" in card.text


def test_the_hub_reads_a_source_card() -> None:
    card = ModelCard(source_card(REF, DESCRIBING, architecture="net", notes=("weights look untrained",)))
    assert said(card)["license"] == "apache-2.0"
    assert "weights look untrained" in card.text


def test_a_licence_in_the_front_matter_is_found() -> None:
    assert card_licence("---\nlicense: mit\n---\n\n# x\n") == "mit"
    assert card_licence("# no front matter") is None
    assert card_licence(None) is None


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("---\nlicense: mit\n", "no closing line"),
        ("---\na: [\n---\n", "not YAML"),
        ("---\n- a\n---\n", "not a mapping"),
        ("x" * 300_000, "larger than"),
        ("---\na: &a [*a]\n---\n", "line 2: with its aliases written out it has more than"),
        ("---\na: &a {b: *a}\n---\n", "line 2: with its aliases written out it has more than"),
        (f"---\n{LAUGHS}---\n", "with its aliases written out it has more than 524,288 characters"),
        (f"---\n{MERGED}---\n", "with its aliases written out it has more than"),
        (f"---\na: &a {'x' * 100_000}\nb: [{'*a,' * 10}]\n---\n", "with its aliases written out it has more than"),
        ("---\na0: &a0 []\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 40)) + "---\n", "32 deep"),
    ],
    ids=lambda text: text[:40],
)
def test_a_broken_card_or_a_bomb_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(InvalidError, match=sentence):
        split_card(text)
