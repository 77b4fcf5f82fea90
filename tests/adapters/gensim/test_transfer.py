"""Classifiers that begin with word vectors: what is copied, what is drawn, what is averaged and what a child keeps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from adapters.gensim.definitions.static_embeddings import StaticEmbeddings, load
from adapters.gensim.importer import FolderImporter
from adapters.gensim.sif import common_direction, sif_weights
from adapters.gensim.vectors import save_vectors
from lineage import Digest
from registry.domain.data.datasets import LabelKind, Row
from registry.domain.recipes.recipe import Head, Method, Optimizer
from registry.errors import BadArtifactError, BadDataError
from registry.ports.transfers import DataInput, Finished, Measured, ModelInput, Started
from tests.adapters.gensim.test_importer import save_tokenizer
from tests.adapters.loop.worlds import FILLER, WORDS, World, finish, vector_world

INIT, PROBE = Method.EMBEDDING_INITIALISATION, Method.FEATURE_EXTRACTION
FRUIT = {word for group in WORDS.values() for word in group} | set(FILLER)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return vector_world(tmp_path)


def sourced(world: World, words: list[str], vectors: np.ndarray) -> World:
    """The same texts with another source."""
    folder = world.folder / "other-source"
    folder.mkdir()
    save_vectors(folder, words, vectors, lower_case=True)
    return replace(world, source=ModelInput(folder, Digest.of(b"other"), "source", "static_embeddings", "test/other/1"))


def without(world: World, *words: str) -> World:
    """The same source, some words of which it does not have."""
    whole = load(world.source.folder)
    kept = [word for word in whole.words if word not in words]
    return sourced(world, kept, np.array(whole.matrix[[whole.rows[word] for word in kept]]))


def texts(world: World, split: str) -> list[str]:
    return [str(row.text) for row in sorted(world.data.rows, key=lambda row: row.key) if row.split == split]


def child(done: Finished) -> StaticEmbeddings:
    return load(done.folder)


# --- embedding initialisation --------------------------------------------------------------------------------------


def test_a_frozen_child_has_the_parents_vectors_bit_for_bit(world: World) -> None:
    done, _ = finish(world, world.job(method=INIT, params={"embeddings": "frozen"}))
    parent, made = load(world.source.folder), child(done)
    assert done.architecture == "static_classifier"
    assert set(made.words) == FRUIT, "the words of the training texts, and no other"
    assert all(
        made.matrix[row].tobytes() == parent.matrix[parent.rows[word]].tobytes() for word, row in made.rows.items()
    )
    assert done.facts["vocabulary"] == {"words": len(FRUIT), "copied": len(FRUIT)}


def test_trained_vectors_learn_along(world: World) -> None:
    frozen, _ = finish(world, world.job("frozen", method=INIT, params={"embeddings": "frozen"}))
    trained, _ = finish(world, world.job("trained", method=INIT, params={"embeddings": "trained"}))
    assert child(frozen).words == child(trained).words
    assert not np.array_equal(child(frozen).matrix, child(trained).matrix)


def test_words_that_the_parent_lacks_are_drawn_by_the_seed(world: World) -> None:
    poorer = without(world, "red", "garden")
    params = {"embeddings": "frozen"}
    one, _ = finish(poorer, poorer.job("one", method=INIT, params=params))
    two, _ = finish(poorer, poorer.job("two", method=INIT, params=params))
    other, _ = finish(
        poorer,
        replace(
            poorer.job("three", method=INIT, params=params, seed=8),
            determinism=replace(poorer.job().determinism, seed=8),
        ),
    )
    assert child(one).vector("red").tobytes() == child(two).vector("red").tobytes()
    assert child(one).vector("red").tobytes() != child(other).vector("red").tobytes()
    assert child(one).vector("blue").tobytes() == child(other).vector("blue").tobytes()
    assert done_vocabulary(one) == {"words": len(FRUIT), "copied": len(FRUIT) - 2}
    assert 0.3 < child(one).vector("red").std() / load(poorer.source.folder).matrix.std() < 3


def done_vocabulary(done: Finished) -> object:
    return done.facts["vocabulary"]


def test_the_whole_vocabulary_of_the_parent_can_be_kept(world: World) -> None:
    done, _ = finish(world, world.job(method=INIT, params={"vocabulary": "all"}))
    assert set(child(done).words) == FRUIT | {"quince", "medlar"}
    assert child(done).words[-2:] == ["quince", "medlar"]


def test_rare_words_get_no_row_where_the_recipe_says_so(world: World) -> None:
    train = " ".join(texts(world, "train")).split()
    done, _ = finish(world, world.job(method=INIT, params={"min_count": 30}))
    assert set(child(done).words) == {word for word in FRUIT if train.count(word) >= 30} != FRUIT


def test_from_scratch_nothing_is_copied(world: World) -> None:
    done, _ = finish(world, world.job(method=Method.PRETRAINING, optimizer=Optimizer(lr=1e-6)))
    parent = load(world.source.folder)
    assert set(child(done).words) == FRUIT
    assert not any(np.allclose(child(done).vector(word), parent.vector(word), atol=1e-3) for word in FRUIT)
    assert done_vocabulary(done) == {"words": len(FRUIT), "copied": 0}


def test_words_after_max_length_do_not_change_the_result(world: World) -> None:
    """The texts are cut after three words, in training and in the child."""
    done, _ = finish(world, world.job(method=INIT, max_length=3))
    first = {word for text in texts(world, "train") for word in text.split()[:3]}
    assert set(child(done).words) == first
    made = child(done)
    assert np.array_equal(made.embed(["the red fruit sour sour"]), made.embed(["the red fruit"]))
    longer = {split: sum(len(text.split()) > 3 for text in texts(world, split)) for split in ("train", "test")}
    (note,) = (note for note in done.facts["notes"] if "cut" in note)  # type: ignore[attr-defined]
    assert note.startswith(f"texts were cut after 3 words, as max_length says: {longer['train']} of 48 in train")
    assert note.endswith(f"{longer['test']} of 18 in test")


def test_a_text_is_cut_into_words_by_the_vocabulary_of_the_child(world: World) -> None:
    """`red-garden` is one word of the source that no training text has: the child reads its parts, and so did we."""
    parent = load(world.source.folder)
    vectors = np.array([*parent.matrix, -5 * parent.matrix[0]], dtype=np.float32)
    richer = sourced(world, [*parent.words, "red-garden"], vectors)
    rows = [replace(row, text=f"red-garden {row.text}") if row.split == "test" else row for row in richer.data.rows]
    changed = replace(richer, data=replace(richer.data, rows=rows))
    done, _ = finish(changed, changed.job(method=INIT))
    told = json.loads((done.folder / "predictions.json").read_bytes())["rows"]
    assert [name for name, _ in child(done).classify(texts(changed, "test"))] == [row["prediction"] for row in told]
    assert "red-garden" not in child(done).words
    assert "static_embeddings" in str(done.facts["reproduced"])


def test_texts_in_another_language_are_refused(world: World) -> None:
    other = sourced(world, ["rot", "grün"], np.ones((2, 16), dtype=np.float32))
    with pytest.raises(BadDataError, match="No word of the training texts has a vector"):
        finish(other, other.job(method=INIT))


# --- averages with a head ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pooling", ["mean", "sif"])
@pytest.mark.parametrize("head", [Head(), Head("mlp", hidden=8), Head("ridge")], ids=["linear", "mlp", "ridge"])
def test_a_child_answers_with_numpy_alone_as_it_did_in_training(world: World, pooling: str, head: Head) -> None:
    done, metrics = finish(world, world.job(method=PROBE, head=head, params={"pooling": pooling}))
    told = json.loads((done.folder / "predictions.json").read_bytes())["rows"]
    answers = child(done).classify(texts(world, "test"))
    assert [name for name, _ in answers] == [row["prediction"] for row in told]
    assert all(1 / 3 <= probability <= 1 for _, probability in answers)
    assert ("pool.weights" in child(done).tensors) == (pooling == "sif")
    right = np.mean([row["label"] == name for row, (name, _) in zip(told, answers, strict=True)])
    assert right == metrics["test", "accuracy"]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_probes_vectors_are_the_parents_in_their_own_type(world: World, dtype: Any) -> None:
    whole = load(world.source.folder)
    other = sourced(world, whole.words, np.array(whole.matrix, dtype=dtype))
    done, _ = finish(other, other.job(method=PROBE))
    assert child(done).matrix.dtype == dtype
    assert child(done).matrix.tobytes() == load(other.source.folder).matrix.tobytes()
    assert child(done).words == whole.words, "also those that no text has: new texts may"


def test_sif_is_what_its_paper_says(world: World) -> None:
    done, _ = finish(world, world.job(method=PROBE, params={"pooling": "sif"}))
    made, parent = child(done), load(world.source.folder)
    train = [text.split() for text in texts(world, "train")]
    counts = {word: sum(text.count(word) for text in train) for word in FRUIT}
    weights = {word: 1e-3 / (1e-3 + count / sum(counts.values())) for word, count in counts.items()}
    assert made.tensors["pool.weights"][parent.rows["red"]] == pytest.approx(weights["red"])
    assert made.tensors["pool.weights"][parent.rows["quince"]] == 1, "a word that training lacks is rare"
    averages = np.stack([np.mean([weights[w] * parent.vector(w) for w in text], axis=0) for text in train])
    direction = np.linalg.svd(averages)[2][0]
    assert abs(direction @ made.tensors["pool.component"]) == pytest.approx(1, abs=1e-4)
    assert made.embed(texts(world, "train")) @ direction == pytest.approx(np.zeros(48), abs=1e-4)


def test_only_training_texts_decide_what_sif_weighs(world: World) -> None:
    one, _ = finish(world, world.job("one", method=PROBE))
    strange = tuple(replace(row, text="sour " * 40) if row.split == "test" else row for row in world.data.rows)
    data = {
        role: replace(world.data, rows=strange, digest=Digest.of(role.encode()), split=role)
        for role in ("train", "validation", "test")
    }
    two, _ = finish(world, replace(world.job("two", method=PROBE), data=data))
    assert (one.folder / "model.safetensors").read_bytes() == (two.folder / "model.safetensors").read_bytes()


def test_the_common_direction_has_a_fixed_sign() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 4)) + np.array([0, -3, 0, 0])
    assert common_direction(rows)[1] > 0.9
    assert common_direction(-rows).tolist() == common_direction(rows).tolist()
    assert sif_weights([["a", "a", "b", "c"]], {"a": 0, "x": 1}).tolist() == pytest.approx([1e-3 / (1e-3 + 0.5), 1])


def test_subwords_are_averaged_by_their_own_tokenizer(world: World) -> None:
    words = ["[UNK]", *sorted(FRUIT)]
    vectors = np.random.default_rng(1).normal(size=(len(words), 16)).astype(np.float16)
    other = sourced(world, words, vectors)
    save_tokenizer(other.source.folder / "tokenizer.json", words)
    done, _ = finish(other, other.job(method=PROBE))
    assert child(done).tokens("red apple") == ["red", "[UNK]"]
    assert [a for a, _ in child(done).classify(texts(world, "test"))] == [
        row["prediction"] for row in json.loads((done.folder / "predictions.json").read_bytes())["rows"]
    ]


def test_a_text_without_a_known_word_is_answered_all_the_same(world: World) -> None:
    odd = tuple(replace(row, text="öäü") if row.key % 5 == 0 else row for row in world.data.rows)
    strange = replace(world, data=replace(world.data, rows=odd))
    for method in (PROBE, INIT, Method.FINE_TUNING):
        done, _ = finish(strange, strange.job(method.value, method=method))
        assert child(done).embed(["öäü öäü"]).shape == (1, 16)
        assert len(child(done).classify([""])) == 1


def test_several_classes_and_numbers_are_measured_by_metrics_of_their_own(world: World) -> None:
    many = world.relabelled({"apple": "apple|red", "pear": "pear", "plum": ""})
    number = world.relabelled({"apple": "101", "pear": "102.5", "plum": "107"})
    found = {}
    for kind, data in ((LabelKind.MANY, many), (LabelKind.NUMBER, number)):
        roles = {role: replace(data, labels=kind, split=role) for role in ("train", "test")}
        metric = "macro_f1" if kind is LabelKind.MANY else "rmse"
        job = world.job(kind.value, method=PROBE, metrics=(metric,), epochs=30, optimizer=Optimizer(lr=3e-2))
        done, _ = finish(world, replace(job, data=roles))
        told = json.loads((done.folder / "predictions.json").read_bytes())["rows"]
        found[kind] = child(done).classify(texts(world, "test")), [row["prediction"] for row in told]
    answers, told = found[LabelKind.MANY]
    assert [[name for name, _ in answer] for answer in answers] == told
    answers, told = found[LabelKind.NUMBER]
    assert answers == pytest.approx(told, rel=1e-5)


# --- what the vectors lack -----------------------------------------------------------------------------------------


def test_words_without_a_vector_are_counted_in_every_role(world: World) -> None:
    poorer = without(world, "red", "garden")
    for method in (PROBE, INIT, Method.FINE_TUNING):
        done, metrics = finish(poorer, poorer.job(method.value, method=method, max_length=6))
        told = done.facts["out_of_vocabulary"]
        for role in ("train", "validation", "test"):
            words = [word for text in texts(world, role) for word in text.split()[:6]]
            tokens = sum(word in {"red", "garden"} for word in words) / len(words)
            types = len({"red", "garden"} & set(words)) / len(set(words))
            assert told[role] == pytest.approx({"types": types, "tokens": tokens})  # type: ignore[index]
            if role != "train":
                assert (metrics[role, "oov_types"], metrics[role, "oov_tokens"]) == pytest.approx((types, tokens))


# --- children as sources -------------------------------------------------------------------------------------------


def test_a_classifier_is_measured_again_and_learns_on(world: World) -> None:
    parent, before = finish(world, world.job("parent", method=INIT, epochs=10, optimizer=Optimizer(lr=3e-2)))
    grown = world.child(parent)
    _, again = finish(grown, grown.job("again", method=INIT, epochs=0, max_length=1))
    assert again["test", "accuracy"] == before["test", "accuracy"], "it is cut where it was in training"
    on, _ = finish(grown, grown.job("on", method=Method.FINE_TUNING))
    assert on.facts["head_kept"] is True
    assert child(on).words == child(parent).words


def test_a_pulled_classifier_can_be_imported_again(world: World, tmp_path: Path) -> None:
    done, _ = finish(world, world.job(method=PROBE))
    (tmp_path / "again").mkdir()
    found = FolderImporter().detect(done.folder)
    assert found is not None
    assert (found.architecture, found.task) == ("static_classifier", "text-classification")
    FolderImporter().convert(done.folder, tmp_path / "again", architecture=None)
    for name in ("model.safetensors", "vocabulary.txt", "config.json"):
        assert (tmp_path / "again" / name).read_bytes() == (done.folder / name).read_bytes()


def test_a_source_that_is_damaged_is_refused(world: World) -> None:
    (world.source.folder / "vocabulary.txt").write_text("one\n")
    with pytest.raises(BadArtifactError, match="1 words and 20 vectors"):
        finish(world, world.job(method=PROBE))


def test_vectors_count_as_frozen_parameters_of_a_probe(world: World) -> None:
    events = list(world.adapter.run(world.job(method=PROBE)))
    assert isinstance(events[0], Started)
    assert events[0].parameters - events[0].trainable == load(world.source.folder).matrix.size
    assert events[0].libraries["gensim"]
    assert [e.name for e in events if isinstance(e, Measured) and e.final and e.role == "test"].count("oov_tokens") == 1


def test_rows_that_are_no_texts_are_named(world: World) -> None:
    rows = tuple(replace(row, text=None, path="a.npz", index=row.key) for row in world.data.rows)
    broken = replace(world, data=replace(world.data, rows=rows))
    with pytest.raises(BadDataError, match=r"Row 0 of .* is not a text"):
        finish(broken, broken.job(method=PROBE))


def test_rows_of_a_text_folder_are_read_from_their_files(world: World) -> None:
    def filed(row: Row) -> Row:
        (world.folder / f"{row.key}.txt").write_text(str(row.text), encoding="utf-8")
        return replace(row, text=None, path=f"{row.key}.txt")

    there: DataInput = replace(world.data, rows=tuple(filed(row) for row in world.data.rows))
    one, _ = finish(world, world.job("one", method=PROBE))
    two, _ = finish(
        world,
        replace(
            world.job("two", method=PROBE), data={r: replace(there, split=r) for r in ("train", "validation", "test")}
        ),
    )
    assert (one.folder / "model.safetensors").read_bytes() == (two.folder / "model.safetensors").read_bytes()
