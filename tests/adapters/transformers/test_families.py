"""Encoders and decoders of other families than BERT's are probed and fine-tuned like it, and load as stock models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from adapters.transformers.definitions import transformers_text_head
from adapters.transformers.folders import read_config
from adapters.transformers.texts.tokens import Tokens
from adapters.transformers.transfer import TransformersTransfers
from lineage import Digest
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.recipe import Head, Method, Optimizer
from registry.errors import BadArtifactError, BadDataError, BadRecipeError
from registry.ports.transfers import Finished, ModelInput
from tests.adapters.loop.worlds import World, finish, save_words_tokenizer, text_data

PROBE, TUNE = Method.FEATURE_EXTRACTION, Method.FINE_TUNING
POSITIONS = 18
WIDE = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
FAMILIES: dict[str, dict[str, Any]] = {
    "albert": WIDE | {"embedding_size": 8, "max_position_embeddings": POSITIONS, "initializer_range": 0.2},
    "bart": {
        "d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2, "init_std": 0.2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 32, "decoder_ffn_dim": 32,
        "max_position_embeddings": POSITIONS, "eos_token_id": 3, "decoder_start_token_id": 3, "forced_eos_token_id": 3,
    },
    "deberta-v2": WIDE | {"max_position_embeddings": POSITIONS, "relative_attention": True, "initializer_range": 0.2,
                          "pos_att_type": ["p2c", "c2p"], "position_biased_input": True},
    "electra": WIDE | {"max_position_embeddings": POSITIONS, "initializer_range": 0.2},
    "gpt2": {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": POSITIONS, "initializer_range": 0.2},
    "mpnet": WIDE | {"max_position_embeddings": POSITIONS + 2, "initializer_range": 0.2},
    "opt": {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "ffn_dim": 32, "init_std": 0.2,
            "word_embed_proj_dim": 16, "max_position_embeddings": POSITIONS},
    "xlnet": {"d_model": 16, "n_layer": 2, "n_head": 2, "d_inner": 32, "initializer_range": 0.2},
}  # fmt: skip
DECODERS = {"gpt2", "opt"}


def family_world(folder: Path, family: str, tokens: dict[str, str | None] | None = None, **changes: Any) -> World:
    """A tiny random model of `family` and sentences; decoders' tokenizers have no padding token, as GPT-2's."""
    from transformers import AutoConfig, AutoModel

    from adapters.transformers.models import quiet

    plain = {"pad_token": None, "eos_token": "[SEP]"} if family in DECODERS else {}
    known = save_words_tokenizer(folder / "source", **(plain if tokens is None else tokens))
    special = {"pad_token_id": None if family == "gpt2" else 1 if family in {"opt", "mpnet"} else 0}
    settings = {"vocab_size": known, "bos_token_id": 2, "eos_token_id": 3} | special | FAMILIES[family] | changes
    torch.manual_seed(5)
    with quiet():
        model = AutoModel.from_config(AutoConfig.for_model(family, **settings))
        model.save_pretrained(folder / "source")
    source = ModelInput(
        folder / "source", Digest.of(family.encode()), "source", f"transformers:{type(model).__name__}", "test/parent/1"
    )
    return World(TransformersTransfers(), source, text_data(folder), "last", folder)


def stock_accuracy(done: Finished, world: World, size: int) -> float:
    """Of the test rows, as stock transformers answers them in batches of `size`."""
    model = AutoModelForSequenceClassification.from_pretrained(done.folder, local_files_only=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(done.folder, local_files_only=True)
    rows = [row for row in world.data.rows if row.split == "test"]
    right = 0
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        read = tokenizer([str(row.text) for row in part], truncation=True, padding=True, return_tensors="pt")
        read.pop("token_type_ids", None)
        with torch.inference_mode():
            found = model(**read).logits.argmax(dim=1)
        right += sum(model.config.id2label[int(n)] == row.label for n, row in zip(found, part, strict=True))
    return right / len(rows)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_fine_tuned_model_of_any_family_answers_the_same_as_a_stock_model(family: str, tmp_path: Path) -> None:
    world = family_world(tmp_path, family)
    done, metrics = finish(world, world.job(method=TUNE, epochs=4, optimizer=Optimizer(lr=1e-2), max_length=64))
    assert stock_accuracy(done, world, 5) == stock_accuracy(done, world, 1) == metrics["test", "accuracy"]


@pytest.mark.parametrize("family", sorted(FAMILIES.keys() - DECODERS))
def test_a_probe_of_any_encoder_keeps_its_weights_and_loads_as_a_stock_model(family: str, tmp_path: Path) -> None:
    world = family_world(tmp_path, family)
    done, metrics = finish(world, world.job(method=PROBE, epochs=6, optimizer=Optimizer(lr=1e-2), max_length=64))
    assert stock_accuracy(done, world, 5) == metrics["test", "accuracy"]
    assert_parents_weights(world, done)


@pytest.mark.parametrize(
    ("family", "params"), [*((one, {"layer": "mean"}) for one in FAMILIES), *((one, {}) for one in sorted(DECODERS))]
)
def test_a_ridge_on_any_family_keeps_its_weights(family: str, params: dict[str, Any], tmp_path: Path) -> None:
    world = family_world(tmp_path, family)
    done, metrics = finish(world, world.job(method=PROBE, head=Head("ridge"), params=params, max_length=64))
    assert done.architecture == "transformers_text_head"
    assert_parents_weights(world, done)
    model = transformers_text_head.load(done.folder)
    rows = [row for row in world.data.rows if row.split == "test"]
    answers = transformers_text_head.classify(model, [str(row.text) for row in rows], done.folder)
    assert np.mean([a == row.label for a, row in zip(answers, rows, strict=True)]) == metrics["test", "accuracy"]


def assert_parents_weights(world: World, done: Finished) -> None:
    child = load_file(done.folder / "model.safetensors")
    parent = load_file(world.source.folder / "model.safetensors")
    halved = (
        read_config(world.source.folder).get("is_encoder_decoder") and done.architecture == "transformers_text_head"
    )
    parts = ("pooler", "decoder", "shared") if halved else ("pooler",)
    kept = {n.removeprefix("encoder."): t for n, t in parent.items() if not any(part in n for part in parts)}
    same = [any(name in key and torch.equal(t, found) for key, found in child.items()) for name, t in kept.items()]
    assert len(same) > 10
    assert all(same)


@pytest.mark.parametrize("family", ["albert", "bart", "deberta-v2", "gpt2", "mpnet", "opt"])
@pytest.mark.parametrize("params", [{}, {"layer": "mean"}], ids=["last", "mean"])
def test_texts_are_cut_where_the_positions_of_any_family_end(
    family: str, params: dict[str, Any], tmp_path: Path
) -> None:
    world = family_world(tmp_path, family)
    rows = tuple(replace(row, text=f"{row.text} " + "the garden " * 40) for row in world.data.rows)
    long = replace(world, data=replace(world.data, rows=rows))
    done, _ = finish(long, long.job(method=PROBE, epochs=1, max_length=512, params=params))
    assert AutoTokenizer.from_pretrained(done.folder, local_files_only=True).model_max_length == POSITIONS


def test_the_mean_of_all_layers_of_albert_counts_each_run_of_its_shared_block(tmp_path: Path) -> None:
    world = family_world(tmp_path, "albert")
    done, _ = finish(world, world.job(method=PROBE, head=Head("ridge"), params={"layer": "mean"}))
    assert read_config(done.folder)["head"]["layers"] == [1, 2]


@pytest.mark.parametrize("method", [PROBE, TUNE])
def test_a_tokenizer_with_more_tokens_than_the_model_has_embeddings_is_refused(method: Method, tmp_path: Path) -> None:
    world = family_world(tmp_path, "electra", vocab_size=12)
    with pytest.raises(BadArtifactError, match=r"the number \d+, and the model has embeddings for the numbers 0 to 11"):
        list(world.adapter.run(world.job(method=method)))


def test_a_padding_token_without_an_embedding_is_refused(tmp_path: Path) -> None:
    world = family_world(tmp_path, "electra", {"pad_token": "[NEW]"})
    with pytest.raises(BadArtifactError, match=r"The tokenizer gives '\[NEW\]' the number"):
        list(world.adapter.run(world.job()))


def test_bart_needs_one_end_of_sentence_token_in_each_text(tmp_path: Path) -> None:
    world = family_world(tmp_path, "bart", eos_token_id=1)
    with pytest.raises(BadDataError, match=r"Row 0 of test/fruit/1 has 0 end-of-sentence tokens \(number 1\)"):
        list(world.adapter.run(world.job()))


def test_a_decoder_cannot_learn_numbers_under_its_stock_head(tmp_path: Path) -> None:
    world = family_world(tmp_path, "gpt2")
    rows = tuple(replace(row, label=str(row.key % 5)) for row in world.data.rows)
    numbers = replace(world, data=replace(world.data, rows=rows, labels=LabelKind.NUMBER))
    with pytest.raises(BadRecipeError, match="has no bias, so it cannot learn numbers"):
        list(numbers.adapter.run(numbers.job(metrics=("mae",))))
    finish(numbers, numbers.job(method=PROBE, metrics=("mae",)))


def test_xlnet_is_padded_on_the_left_because_it_reads_the_last_token(tmp_path: Path) -> None:
    world = family_world(tmp_path, "xlnet")
    done, _ = finish(world, world.job(epochs=1))
    assert AutoTokenizer.from_pretrained(done.folder, local_files_only=True).padding_side == "left"
    assert Tokens(world.source.folder, 16).load().padding_side == "right"
