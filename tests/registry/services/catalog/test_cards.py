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
    ],
)
def test_a_broken_card_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(InvalidError, match=sentence):
        split_card(text)
