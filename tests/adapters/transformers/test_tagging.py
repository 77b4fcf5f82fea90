"""A tag for each word: where its answer is read, how it is learnt, and that stock transformers gives the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from transformers import AutoModelForTokenClassification, AutoTokenizer

from adapters.transformers.texts.tokens import Tokens
from adapters.transformers.texts.words import at_words, read_words
from registry.domain.data.datasets import LabelKind
from registry.domain.recipes.recipe import Method, Optimizer
from registry.errors import BadRecipeError
from registry.ports.transfers import Finished, TransferJob
from tests.adapters.loop.worlds import WORDS, World, finish, text_world
from tests.adapters.transformers.test_adapted import SMALL, child_of

KIND = {word: f"B-{name}" for name, words in WORDS.items() for word in words}


def tagged(world: World, work: str = "work", **changes: Any) -> TransferJob:
    """Texts with a tag for each word: what fruit it speaks of."""
    rows = tuple(
        replace(row, label=" ".join(KIND.get(word, "O") for word in str(row.text).split())) for row in world.data.rows
    )
    data = replace(world.data, rows=rows, labels=LabelKind.TAGS)
    roles = {role: replace(data, split=role) for role in ("train", "validation", "test")}
    usual: dict[str, Any] = {"data": roles, "metrics": ("accuracy", "entity_f1", "macro_f1"), "epochs": 6}
    return world.job(work, **usual | {"optimizer": Optimizer(lr=2e-2)} | changes)


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert"])
def test_words_are_tagged_and_stock_transformers_tags_them_alike(kind: str, tmp_path: Path) -> None:
    world = text_world(tmp_path, kind)
    done, metrics = finish(world, tagged(world))
    assert metrics["test", "accuracy"] > metrics["test", "baseline_accuracy"]
    assert metrics["test", "entity_f1"] > 0.1
    assert done.architecture.endswith("ForTokenClassification")
    model = AutoModelForTokenClassification.from_pretrained(done.folder, local_files_only=True).eval()
    tokenizer = AutoTokenizer.from_pretrained(done.folder, local_files_only=True)
    told = json.loads((done.folder / "predictions.json").read_bytes())["rows"]
    texts = {row.key: str(row.text).split() for row in world.data.rows}
    for row in told:
        read = tokenizer([texts[row["key"]]], is_split_into_words=True, return_tensors="pt")
        with torch.inference_mode():
            logits = model(**read).logits[0]
        first = [read.word_ids(0).index(n) for n in range(len(texts[row["key"]]))]
        assert [model.config.id2label[int(logits[place].argmax())] for place in first] == row["prediction"]


def test_a_tagger_is_trained_further_and_takes_an_adapter(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    done, _ = finish(world, tagged(world))
    child = world.child(done)
    again, _ = finish(child, tagged(child, "again", epochs=1))
    assert again.facts["head_kept"]
    fresh, _ = finish(child, child.job("classes", epochs=1))
    assert not fresh.facts["head_kept"]
    adapted, metrics = finish(
        world, tagged(world, "adapter", method=Method.ADAPTER, params=SMALL, optimizer=Optimizer(lr=4e-2))
    )
    assert adapted.architecture == "peft:BertForTokenClassification"
    _, measured = finish(child_of(world, adapted), tagged(child_of(world, adapted), "measured", epochs=0))
    assert measured["test", "accuracy"] == metrics["test", "accuracy"]


def test_words_that_were_cut_off_have_no_answer(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    done, metrics = finish(world, tagged(world, max_length=5))
    told = json.loads((done.folder / "predictions.json").read_bytes())["rows"]
    assert max(len(row["prediction"]) for row in told) == 3
    assert metrics["test", "accuracy"] < 0.7


def test_each_word_answers_by_its_first_token_whichever_side_is_padded(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    rows = [replace(world.data.rows[0], text="red plum-stone"), replace(world.data.rows[1], text="a")]
    items = read_words(Tokens(world.source.folder, 32), rows, world.data)
    batch = items.batch(torch.tensor([0, 1]).numpy())
    assert batch["places"].tolist() == [[1, 2], [1, -1]]
    left = replace(items, texts=replace(items.texts, left=True)).batch(torch.tensor([0, 1]).numpy())
    shift = int(items.lengths[0] - items.lengths[1])
    assert left["places"].tolist() == [[1, 2], [1 + shift, -1]]
    logits = torch.arange(2 * 7 * 2.0).view(2, 7, 2)
    picked = at_words(logits, batch["places"])
    assert picked.tolist() == [[[2.0, 3.0], [4.0, 5.0]], [[16.0, 17.0], [0.0, 0.0]]]


def test_a_tagger_cannot_be_probed(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    with pytest.raises(BadRecipeError, match="cannot be probed"):
        list(world.adapter.run(tagged(world, method=Method.FEATURE_EXTRACTION)))


def test_a_candidate_gives_the_features_of_each_word_and_zeros_for_one_that_was_cut_off(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    wanted: dict[str, Any] = {"method": Method.FEATURE_EXTRACTION, "params": {"export": "npz", "layer": "mean"}}
    job = replace(tagged(world, "words", **wanted), words=True)
    x = features(world, job)
    counts = [len(str(row.text).split()) for row in sorted(job.data["train"].chosen, key=lambda row: row.key)]
    assert len(x) == sum(counts)
    assert x.any(axis=1).all()
    assert np.array_equal(features(world, replace(job, work=tmp_path / "again")), x), "from the cache"
    assert len(np.unique(x[: counts[0]], axis=0)) == counts[0], "each word has its own"
    short = features(world, replace(tagged(world, "short", max_length=5, **wanted), words=True))
    assert len(short) == len(x)
    assert short.any(axis=1).sum() == sum(min(count, 3) for count in counts)
    with pytest.raises(BadRecipeError, match="features describe whole texts"):
        list(world.adapter.run(tagged(world, "unasked", **wanted)))


def features(world: World, job: TransferJob) -> NDArray[np.float32]:
    done = next(event for event in world.adapter.run(job) if isinstance(event, Finished))
    found: NDArray[np.float32] = np.load(done.folder / "features.npz")["x"]
    return found
