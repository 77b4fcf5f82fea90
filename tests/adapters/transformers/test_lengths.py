"""How far a model reads texts: by the recipe, its tokenizer, its positions or the data; and what a step says of it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registry.domain.recipes.recipe import WHOLE_TEXT, Head, Method
from tests.adapters.loop.worlds import World, finish, text_world
from tests.adapters.transformers.test_tagging import tagged

LONG = 5
"""Training rows with a text of more tokens than any limit of these tests."""


def world_of(folder: Path, limit: int | None = None) -> World:
    """A model with 32 positions, and texts of 5 to 15 tokens; five of training and one of test have 62."""
    world = text_world(folder)
    if limit is not None:
        file = world.source.folder / "tokenizer_config.json"
        file.write_text(json.dumps(json.loads(file.read_bytes()) | {"model_max_length": limit}))
    kinds = {split: [row.key for row in world.data.rows if row.split == split] for split in ("train", "test")}
    long = {*kinds["train"][:LONG], *kinds["test"][:1]}
    rows = tuple(replace(row, text="red " * 60) if row.key in long else row for row in world.data.rows)
    return replace(world, data=replace(world.data, rows=rows))


def cut(size: int, why: str) -> str:
    return f"texts were cut after {size} tokens, {why}: 5 of 48 in train, 1 of 18 in test"


@pytest.mark.parametrize(
    ("limit", "wanted", "size", "why"),
    [
        (None, WHOLE_TEXT, 32, "where the model's positions end"),
        (20, WHOLE_TEXT, 20, "the limit of the tokenizer"),
        (512, WHOLE_TEXT, 32, "where the model's positions end"),
        (20, 24, 24, "as max_length says"),
        (None, 24, 24, "as max_length says"),
        (None, 64, 32, "where the model's positions end"),
    ],
)
def test_the_lowest_limit_cuts_and_a_note_counts_the_texts_that_it_cut(
    limit: int | None, wanted: int, size: int, why: str, tmp_path: Path
) -> None:
    world = world_of(tmp_path, limit)
    done, _ = finish(world, world.job(epochs=1, max_length=wanted))
    assert cut(size, why) in done.facts["notes"]  # type: ignore[operator]
    assert done.facts["text_length"] == f"{size} tokens at most, {why}"


def test_texts_that_fit_are_read_whole_and_the_step_says_how_long_they_are(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    done, _ = finish(world, world.job(epochs=1, max_length=WHOLE_TEXT))
    assert str(done.facts["text_length"]).startswith("whole texts, ")
    assert not any("cut" in note for note in done.facts["notes"])  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "changes",
    [
        {"method": Method.FEATURE_EXTRACTION, "head": Head("ridge"), "params": {"layer": "mean"}},
        {"method": Method.ADAPTER, "params": {"rank": 2, "alpha": 4}, "epochs": 1},
        {"method": Method.PRETRAINING, "epochs": 1},
    ],
    ids=lambda changes: changes["method"].value,
)
def test_every_kind_of_head_and_training_counts_them(changes: dict[str, Any], tmp_path: Path) -> None:
    world = world_of(tmp_path)
    done, _ = finish(world, world.job(max_length=24, **changes))
    assert cut(24, "as max_length says") in done.facts["notes"]  # type: ignore[operator]


def test_features_from_the_cache_carry_the_count_of_the_texts_they_were_made_of(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    probe: dict[str, Any] = {
        "method": Method.FEATURE_EXTRACTION,
        "head": Head("ridge"),
        "params": {"layer": "mean"},
        "max_length": 24,
    }
    first, _ = finish(world, world.job("first", **probe))
    again, _ = finish(world, world.job("again", **probe))
    assert again.facts["features_computed"] == 0
    assert again.facts["texts"] == first.facts["texts"]
    assert cut(24, "as max_length says") in again.facts["notes"]  # type: ignore[operator]


def test_measuring_a_child_cuts_where_its_training_did_and_says_so(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    done, trained = finish(world, world.job(epochs=1, max_length=24))
    child = world.child(done)
    measured, found = finish(child, child.job("measured", epochs=0, max_length=WHOLE_TEXT))
    assert found["test", "accuracy"] == trained["test", "accuracy"]
    assert measured.facts["notes"] == [
        "texts were cut after 24 tokens, the limit of the tokenizer: 1 of 18 in test",
    ]


def test_a_teacher_says_where_it_cut_texts_too(tmp_path: Path) -> None:
    world = world_of(tmp_path)
    taught, _ = finish(world, world.job("teacher", epochs=1, max_length=24))
    teacher = replace(world.child(taught).source, role="teacher", label="the teacher")
    job = world.job("student", method=Method.DISTILLATION, epochs=1, max_length=WHOLE_TEXT)
    done, _ = finish(world, replace(job, sources=(*job.sources, teacher)))
    assert cut(32, "where the model's positions end") in done.facts["notes"]  # type: ignore[operator]
    assert (
        "the teacher: texts were cut after 24 tokens, the limit of the tokenizer: 5 of 48 in train"
        in done.facts["notes"]  # type: ignore[operator]
    )


def test_words_that_a_tagger_did_not_read_are_texts_that_were_cut(tmp_path: Path) -> None:
    world = text_world(tmp_path)
    done, _ = finish(world, tagged(world, epochs=1, max_length=5))
    assert any("cut after 5 tokens, as max_length says" in note for note in done.facts["notes"])  # type: ignore[attr-defined]
