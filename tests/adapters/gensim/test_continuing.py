"""Word vectors learn from another corpus: to the same bits, cut or not, as far as the recipe lets them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from adapters.gensim.definitions.static_embeddings import load
from adapters.gensim.training.word2vec import cut
from adapters.gensim.vectors import save_vectors
from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, LabelKind, Row
from registry.domain.recipes.recipe import Method, Optimizer, Schedule
from registry.errors import BadDataError, BadRecipeError
from registry.ports.transfers import Advanced, DataInput, Finished, Measured, ModelInput, Saved, Started, TransferJob
from tests.adapters.loop.worlds import World, tree, vector_world

TOPICS = (["cat", "dog", "paw", "fur", "tail"], ["rain", "snow", "wind", "cloud", "storm"])
KNOWN = ["cat", "dog", "rain", "snow", "quince"]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A source that knows some words of a corpus of two topics, which has no labels."""
    draw = np.random.default_rng(2)
    rows: list[Row] = []
    for split, count in (("train", 300), ("validation", 40), ("test", 40)):
        for _ in range(count):
            topic = TOPICS[len(rows) % 2]
            text = " ".join(str(word) for word in draw.choice(topic, size=12))
            rows.append(Row(len(rows), Digest.of(f"{len(rows)} {text}".encode()), split, None, text=text))
    data = DataInput(
        tmp_path,
        Digest.of(b"corpus"),
        "test/corpus/1",
        DataFormat.CSV,
        Modality.TEXT,
        tuple(rows),
        "train",
        LabelKind.NONE,
    )
    folder = tmp_path / "known"
    folder.mkdir()
    save_vectors(folder, KNOWN, draw.normal(size=(5, 8)).astype(np.float32) * 0.3, lower_case=True)
    source = ModelInput(folder, Digest.of(b"known"), "source", "static_embeddings", "test/known/1")
    return replace(vector_world(tmp_path), source=source, data=data)


def job(world: World, work: str = "work", *, lr: float = 0.05, epochs: int = 3, **changes: Any) -> TransferJob:
    """Continued pretraining with word2vec's own settings but for a corpus this small."""
    params = {"min_count": 2, "sample": 0.0, **changes.pop("params", {})}
    settings: dict[str, Any] = {
        "optimizer": Optimizer("sgd", lr, weight_decay=0.0, momentum=0.0, clip=0.0),
        "schedule": Schedule("linear", 0.0),
        "metrics": ("loss",),
    }
    made = world.job(work, method=Method.CONTINUED_PRETRAINING, epochs=epochs, params=params, **{**settings, **changes})
    data = {"unlabelled": world.data, **{r: replace(world.data, split=r) for r in ("validation", "test")}}
    return replace(made, data=data)


def finish(world: World, job: TransferJob) -> Finished:
    done = list(world.adapter.run(job))[-1]
    assert isinstance(done, Finished)
    return done


def test_the_vocabulary_is_the_corpuss_and_shared_words_begin_with_the_parents_vectors(world: World) -> None:
    done = finish(world, job(world, lr=1e-9))
    made, parent = load(done.folder), load(world.source.folder)
    assert done.architecture == "static_embeddings"
    assert set(made.words) == {word for topic in TOPICS for word in topic}
    for word in ("cat", "dog", "rain", "snow"):
        assert made.vector(word) == pytest.approx(parent.vector(word), abs=1e-6)
    assert done.facts["vocabulary"] == {"words": 10, "shared": 4, "new": 6, "kept": 0}
    assert made.lower_case


def test_other_words_of_the_parent_can_be_kept(world: World) -> None:
    done = finish(world, job(world, params={"vocabulary": "all"}))
    made, parent = load(done.folder), load(world.source.folder)
    assert made.words[-1] == "quince"
    assert made.vector("quince").tobytes() == parent.vector("quince").tobytes()
    assert done.facts["vocabulary"] == {"words": 11, "shared": 4, "new": 6, "kept": 1}


def test_locked_vectors_stay_to_the_bit_while_new_ones_learn(world: World) -> None:
    done = finish(world, job(world, params={"vectors_lockf": 0.0}))
    made, parent = load(done.folder), load(world.source.folder)
    for word in ("cat", "dog", "rain", "snow"):
        assert made.vector(word).tobytes() == parent.vector(word).tobytes()
    assert done.facts["vector_shift"] == pytest.approx(0, abs=1e-9)
    assert np.linalg.norm(made.vector("paw")) > 0.2, "a new word begins within 1/16 of nothing, and learns"
    free = finish(world, job(world, "free"))
    assert free.facts["vector_shift"] > 1e-3  # type: ignore[operator]


@pytest.mark.parametrize("algorithm", ["skip-gram", "cbow"])
def test_words_of_one_topic_become_similar(algorithm: str, world: World) -> None:
    made = load(finish(world, job(world, epochs=30, params={"algorithm": algorithm})).folder)
    for topic in TOPICS:
        for word in topic:
            assert {near for near, _ in made.nearest(word, top=4)} == {*topic} - {word}


def test_the_loss_on_texts_that_it_does_not_learn_from_falls(world: World) -> None:
    events = list(world.adapter.run(job(world, epochs=6)))
    curve = [e.value for e in events if isinstance(e, Measured) and e.role == "validation" and not e.final]
    assert len(curve) == 6
    assert curve[-1] < curve[0] < 6 * np.log(2) + 1, "six pairs of which nothing is known cost log 2 each"
    final = {(e.role, e.name): e.value for e in events if isinstance(e, Measured) and e.final}
    assert final["validation", "loss"] == curve[-1]
    assert {"loss", "oov_types", "oov_tokens"} == {name for role, name in final if role == "test"}
    assert final["test", "oov_types"] == pytest.approx(6 / 10)


def test_events_come_in_order_and_say_how_far_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.gensim.training.word2vec.PIECE", 1000)
    events = list(world.adapter.run(job(world)))
    started, done = events[0], events[-1]
    assert isinstance(started, Started)
    assert isinstance(done, Finished)
    assert started.steps == 4 * 3
    assert [e.step for e in events if isinstance(e, Advanced)] == list(range(1, 13))
    assert [e.epoch for e in events if isinstance(e, Advanced)][:5] == [0.25, 0.5, 0.75, 1.0, 1.25]
    assert [e.step for e in events if isinstance(e, Saved)] == [4, 8, 12]
    assert started.trainable == started.parameters == 10 * 8
    assert done.flops > 0
    assert done.facts["words_trained"] == 3 * 300 * 12


def test_the_same_job_gives_the_same_bytes_and_another_seed_others(world: World) -> None:
    one, two = (finish(world, job(world, work)) for work in ("one", "two"))
    assert tree(one.folder) == tree(two.folder)
    other = replace(job(world, "three", seed=8), determinism=replace(job(world).determinism, seed=8))
    assert tree(finish(world, other).folder)["model.safetensors"] != tree(one.folder)["model.safetensors"]


def test_a_run_that_was_cut_goes_on_to_the_same_bytes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.gensim.training.word2vec.PIECE", 1000)
    settings: dict[str, Any] = {"epochs": 4, "params": {"sample": 1e-2}}
    whole = finish(world, job(world, "whole", **settings))
    running = world.adapter.run(job(world, "cut", **settings))
    seen = 0
    for event in running:
        seen += isinstance(event, Saved)
        if seen == 2 and isinstance(event, Advanced):
            break
    running.close()  # type: ignore[attr-defined]
    events = list(world.adapter.run(replace(job(world, "cut", **settings), resume=True)))
    assert isinstance(events[0], Started)
    assert events[0].resumed_from == 8
    assert isinstance(events[-1], Finished)
    assert tree(events[-1].folder) == tree(whole.folder)
    assert events[-1].facts["words_trained"] == whole.facts["words_trained"]


def test_a_finished_run_resumed_writes_the_same_again(world: World) -> None:
    once = tree(finish(world, job(world)).folder)
    assert tree(finish(world, replace(job(world), resume=True)).folder) == once


def test_the_child_is_a_source_like_its_parent(world: World) -> None:
    once = finish(world, job(world, "one"))
    grown = replace(world, source=replace(world.source, folder=once.folder, digest=Digest.of(b"child")))
    twice = finish(grown, job(grown, "two", lr=1e-9))
    assert load(twice.folder).vector("paw") == pytest.approx(load(once.folder).vector("paw"), abs=1e-6)


def test_long_texts_are_cut_and_nothing_is_lost() -> None:
    assert cut([["a", "b", "c"], [], ["d"]], 2) == [["a", "b"], ["c"], ["d"]]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"optimizer": Optimizer("adamw", 0.025)}, "optimizer.name is adamw"),
        ({"optimizer": Optimizer("sgd", 0.025, clip=1.0, weight_decay=0.0, momentum=0.0)}, "optimizer.clip is 1"),
        ({"optimizer": Optimizer("sgd", 2.5, clip=0.0, weight_decay=0.0, momentum=0.0)}, "optimizer.lr is 2.5"),
        ({"params": {"temperature": 0.5}}, "params.temperature is given"),
        ({"schedule": Schedule("cosine")}, "schedule is cosine"),
        ({"params": {"vectors_lockf": 2.0}}, "vectors_lockf: expected a number from 0 to 1, not 2"),
        ({"params": {"algorithm": "glove"}}, "skip-gram or cbow"),
        ({"params": {"pooling": "first"}}, "params.pooling is given"),
        ({"params": {"windows": 5}}, "there is no parameter params.windows, did you mean .window."),
    ],
)
def test_settings_that_word2vec_does_not_have_are_refused(changes: dict[str, Any], said: str, world: World) -> None:
    with pytest.raises(BadRecipeError, match=said):
        finish(world, job(world, **changes))


def test_a_corpus_too_small_for_any_word_is_refused(world: World) -> None:
    with pytest.raises(BadDataError, match="No word occurs 5000 times in the corpus"):
        finish(world, job(world, params={"min_count": 5000}))
