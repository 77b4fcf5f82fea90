"""How a version is spoken to otherwise than its parent: what changed in silence is told, what was declared is not."""

from __future__ import annotations

import json

import pytest

from adapters.inputs.preprocess import Preprocess
from lineage import Relation
from registry.domain.catalog.interface import InterfaceDifference, Part, Side, as_declared, differences, silent


def side(**documents: object) -> Side:
    """Files by their names with `__` for the dot; the digest of each is its own bytes."""
    contents = {
        name.replace("__", "."): body if isinstance(body, bytes) else json.dumps(body).encode()
        for name, body in documents.items()
    }
    return Side({name: body.hex() for name, body in contents.items()}, contents)


def told(parent: Side, child: Side, relation: Relation = Relation.FINE_TUNED) -> list[tuple[Part, str, str, str]]:
    return [(one.part, one.what, one.parent, one.child) for one in differences(parent, child, relation)]


CATS = {"id2label": {"0": "cat", "1": "dog"}}


def test_changed_preprocessing_and_input_size_are_told_with_both_sides() -> None:
    before = side(
        preprocessor_config__json={"image_mean": [0.5], "size": {"height": 224, "width": 224}, "processor_class": "A"}
    )
    after = side(
        preprocessor_config__json={"image_mean": [0.4], "size": {"height": 192, "width": 192}, "processor_class": "B"}
    )
    assert told(before, after) == [
        (Part.PREPROCESSING, "preprocessor_config.json: image_mean", "[0.5]", "[0.4]"),
        (Part.INPUT_SIZE, "preprocessor_config.json: size", "224", "192"),
    ]


def test_the_same_labels_under_other_numbers_are_told_even_under_a_new_head() -> None:
    swapped = {"id2label": {"0": "dog", "1": "cat"}}
    found = told(side(config__json=CATS), side(config__json=swapped), Relation.FROZEN_PLUS_HEAD)
    assert found == [(Part.LABELS, "config.json: id2label", '{"0": "cat", "1": "dog"}', '{"0": "dog", "1": "cat"}')]


@pytest.mark.parametrize(
    ("relation", "silent"),
    [(Relation.FROZEN_PLUS_HEAD, False), (Relation.FINE_TUNED, False), (Relation.IDENTICAL, True)],
)
def test_other_labels_are_declared_by_a_new_head_and_silent_under_the_head_of_the_parent(
    relation: Relation, silent: bool
) -> None:
    other = side(config__json={"id2label": {"0": "good", "1": "bad"}})
    assert bool(told(side(config__json=CATS), other, relation)) is silent


def test_a_tokenizer_that_reads_other_words_is_told_and_how_it_pads_a_batch_is_not() -> None:
    before = side(tokenizer__json={"model": {"vocab": {"a": 0}}, "padding": None}, vocab__txt=b"a")
    after = side(tokenizer__json={"model": {"vocab": {"b": 0}}, "padding": {"length": 8}}, vocab__txt=b"b")
    assert [one[:2] for one in told(before, after)] == [
        (Part.TOKENIZER, "tokenizer.json: model"),
    ]
    assert [one[1] for one in told(side(vocab__txt=b"a"), side(vocab__txt=b"b"))] == ["vocab.txt"]


def test_a_tokenizer_saved_again_in_fewer_files_with_the_same_tokens_is_the_same() -> None:
    """transformers 5 writes neither vocab.txt nor special_tokens_map.json beside a tokenizer.json."""
    pad = {"content": "[PAD]", "lstrip": False}
    model = {"model": {"vocab": {"a": 0}}}
    parent = side(tokenizer__json=model, vocab__txt=b"a", special_tokens_map__json={"pad_token": pad})
    child = side(tokenizer__json=model, tokenizer_config__json={"pad_token": "[PAD]", "bos_token": None})
    assert told(parent, child) == []


def test_another_special_token_is_told() -> None:
    before, after = side(tokenizer_config__json={"pad_token": "[PAD]"}), side(tokenizer_config__json={})
    assert told(before, after) == [(Part.SPECIAL_TOKENS, "pad_token", '"[PAD]"', "absent")]


@pytest.mark.parametrize("body", [b"{", b"[1]", b"[" * 100_000, b"\xff"])
def test_a_file_that_holds_no_json_object_is_told_by_its_digest(body: bytes) -> None:
    (found,) = differences(side(tokenizer__json={}), side(tokenizer__json=body), Relation.FINE_TUNED)
    assert found == InterfaceDifference(Part.TOKENIZER, "tokenizer.json", b"{}".hex(), body.hex())


def test_a_preprocessing_that_the_child_lost_is_told() -> None:
    assert [one[0] for one in told(side(preprocessor_config__json={"image_mean": [1]}), side())] == [Part.PREPROCESSING]


@pytest.mark.parametrize(
    "document",
    [
        {
            "size": {"shortest_edge": 72},
            "crop_size": 64,
            "do_center_crop": True,
            "image_mean": [0.4] * 3,
            "resample": 3,
        },
        {"size": 24, "do_normalize": False},
        {"size": {"height": 96, "width": 96}, "do_rescale": False, "crop_size": 96},
        {"size": {"shortest_edge": 224}, "crop_pct": 0.875, "do_flip_channel_order": True},
        {"image_std": [0.2, 0.2, 0.2], "do_convert_rgb": None},
    ],
)
def test_a_transfer_that_writes_out_what_its_parent_leaves_unsaid_changes_no_preprocessing(
    document: dict[str, object],
) -> None:
    written = Preprocess.from_document(document).document()
    assert told(side(preprocessor_config__json=document), side(preprocessor_config__json=written)) == []


def test_what_the_recipe_asks_for_did_not_change_in_silence() -> None:
    before = side(preprocessor_config__json={"image_mean": [0.5], "size": 224}, vocab__txt=b"a")
    after = side(preprocessor_config__json={"image_mean": [0.4], "size": 64}, vocab__txt=b"b")
    unlike = differences(before, after, Relation.FINE_TUNED)

    def untold(**recipe: object) -> list[str]:
        return [one.what for one in silent(as_declared(unlike, recipe))]

    mean, size = "preprocessor_config.json: image_mean", "preprocessor_config.json: size"
    assert untold(method="fine_tuning", image_size=None) == [mean, size, "vocab.txt"]
    assert untold(method="fine_tuning", image_size=64) == [mean, "vocab.txt"]
    assert untold(method="embedding_initialisation") == [mean, size]
