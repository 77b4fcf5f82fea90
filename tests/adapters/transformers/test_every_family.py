"""Every text family of the installed transformers goes through the product, or is refused with a reason.

The families come from transformers' own tables, so a new release brings new tests. Each is a tiny model with random
weights that is imported, probed, fine-tuned, given an adapter and taught tags; what comes out is loaded with stock
libraries, which must give the recorded predictions (`benchmarks.text_families`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.families import IMPORT, Kind, Tried, keep, kept, kind_of, table, try_family
from benchmarks.material.tiny_texts import families
from benchmarks.text_families import Material, OtherAnswersError, check_stock, sentences, ways_of
from registry.domain.recipes.recipe import Head, Method

SAMPLE = ("fnet", "gemma3", "llama", "longformer", "t5gemma", "zamba2")
"""Padding changes its answers; it reads pictures too; a decoder; other attention under its stock head; an encoder with
a decoder; tensors that share memory."""
TUNE, LORA, TAGS, GO_ON = "fine-tuning", "LoRA", "tags of words", "continued pretraining"
OWN_WORDS = {GO_ON: "no weights for"}
"""The embeddings of half a model are not in the weights of the whole one, which holds them once."""
REFUSED: dict[str, dict[str, str]] = {
    "bigbird_pegasus": OWN_WORDS,
    "blenderbot": OWN_WORDS,
    "blenderbot-small": OWN_WORDS,
    "blt": dict.fromkeys(("probe", TUNE, GO_ON), "no attribute 'num_hidden_layers'"),
    "bros": dict.fromkeys(("probe", TUNE, TAGS), "specify bbox"),
    "fsmt": dict.fromkeys(("probe", TUNE), "cannot be used without its other parts"),
    "ibert": {LORA: "no plain linear layer"},
    "layoutlmv2": {IMPORT: "detectron2"},
    "llama4_text": {GO_ON: "no weights for"},
    "marian": OWN_WORDS,
    "mvp": OWN_WORDS,
    "pegasus": OWN_WORDS,
    "perceiver": dict.fromkeys(("probe", TUNE, LORA), "no head to train") | {GO_ON: "no weights for"},
    "plbart": OWN_WORDS,
    "qwen3_5": {GO_ON: "no weights for"},
    "reformer": dict.fromkeys((TUNE, LORA, GO_ON), "cannot be trained"),
    "rwkv": dict.fromkeys((TUNE, GO_ON), "cannot be trained"),
    "xlstm": dict.fromkeys(("probe", TUNE, GO_ON), "cannot be run on tokens alone"),
}
"""What cannot be done, and a part of the reason that its user reads."""


def check(family: str) -> None:
    for tried in try_family(kind_of("texts"), family):
        expected = REFUSED.get(family, {}).get(tried.way)
        assert not tried.reason if expected is None else tried.refused, (tried.way, tried.reason)
        assert expected is None or expected in tried.reason


@pytest.mark.parametrize("family", SAMPLE)
def test_a_text_family_is_imported_trained_in_every_way_and_answers_the_same_in_stock_libraries(family: str) -> None:
    check(family)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", [family for family in families() if family not in SAMPLE])
def test_every_other_text_family_is_as_well_or_is_refused_with_a_reason(family: str) -> None:
    check(family)


def test_the_families_are_those_of_the_installed_transformers() -> None:
    from transformers.models.auto import modeling_auto as auto

    assert {*auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES} <= {*families()}
    assert {*auto.MODEL_FOR_TOKEN_CLASSIFICATION_MAPPING_NAMES} <= {*families()}
    assert len(families()) > 200
    assert "LoRA" not in ways_of("mamba")
    assert "tags of words" in ways_of("llama")


@pytest.mark.parametrize(("family", "differ"), [("funnel", True), ("squeezebert", False)])
def test_a_probe_reads_the_last_block_where_blocks_differ_in_size_and_says_so_and_needs_no_pooler(
    family: str, differ: bool, tmp_path: Path
) -> None:
    material, data = Material.imported(tmp_path, family), sentences(tmp_path)
    wanted = {"head": Head("ridge"), "params": {"layer": "mean"}}
    done = material.run(data, Method.FEATURE_EXTRACTION, "probe", **wanted)
    check_stock(material, done, data)
    assert any("differ in size" in note for note in done.facts["notes"]) is differ  # type: ignore[attr-defined]


def test_a_model_that_answers_differently_in_stock_libraries_is_found(tmp_path: Path) -> None:
    material = Material.imported(tmp_path, "bert")
    data = sentences(tmp_path)
    done = material.run(data, Method.FEATURE_EXTRACTION, "probe")
    check_stock(material, done, data)
    answers = done.folder / "predictions.json"
    answers.write_text(answers.read_text().replace('"prediction": "apple"', '"prediction": "pear"'))
    with pytest.raises(OtherAnswersError, match="of 12 rows"):
        check_stock(material, done, data)


def test_the_table_counts_what_works_and_gives_the_reason_for_the_rest() -> None:
    def broken(_: object) -> None:
        raise ZeroDivisionError("no\nluck")

    kind = Kind(
        lambda: ["one"],
        lambda _, family: family,
        {"add": lambda _: None, "divide": broken},
        lambda _: ["add", "divide"],
    )
    lines = table(try_family(kind, "one")).splitlines()
    assert "| add | 1 | 1 |" in lines
    assert "| divide | 0 | 1 |" in lines
    assert lines[-1] == "| one | divide | failed: ZeroDivisionError: no luck |"


def test_what_was_found_of_a_family_is_kept_in_a_file(tmp_path: Path) -> None:
    found = [Tried("bert", "import"), Tried("bert", "LoRA", "refused: no", refused=True)]
    assert kept(tmp_path / "keep.jsonl") == kept(None) == {}
    keep(tmp_path / "keep.jsonl", found)
    keep(tmp_path / "keep.jsonl", [Tried("vit", "import")])
    assert kept(tmp_path / "keep.jsonl") == {"bert": found, "vit": [Tried("vit", "import")]}
