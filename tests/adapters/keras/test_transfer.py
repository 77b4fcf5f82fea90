"""Keras transfers: Keras loads the output, and a network with real weights learns digits."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from adapters.inputs.images import read_images
from adapters.inputs.preprocess import Preprocess
from adapters.keras.definitions import keras_model
from adapters.keras.folders import read_model
from adapters.keras.library import keras
from adapters.keras.offer import OFFER
from adapters.keras.surgery import split
from adapters.keras.transfer import KerasTransfers
from adapters.loop.tasks.metrics import OFFERED
from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, Row
from registry.domain.recipes.recipe import Head, Method, Optimizer
from registry.errors import BadRecipeError
from registry.ports.transfers import DataInput, Finished, ModelInput
from tests.adapters.keras.networks import archive, imported, tiny, vgg16
from tests.adapters.loop.worlds import World, finish, keras_world

PROBE, TUNE = Method.FEATURE_EXTRACTION, Method.FINE_TUNING
HEADS = pytest.mark.parametrize("head", [Head(), Head("mlp", hidden=12, dropout=0.1)], ids=["linear", "mlp"])


def answers(model: Any, world: World, done: Finished) -> list[str]:
    """The prediction of `model` for each test image, with the preprocessing of the folder."""
    rows = [row for row in world.data.rows if row.split == "test"]
    items = read_images(rows, world.data, Preprocess.read(done.folder))
    batch = items.batch(np.arange(len(rows))).permute(0, 2, 3, 1)
    with torch.no_grad():
        shares = keras.ops.convert_to_numpy(model(batch, training=False))
    assert np.allclose(shares.sum(axis=1), 1, atol=1e-5)
    return [done.classes[int(n)] for n in shares.argmax(axis=1)]


@HEADS
@pytest.mark.parametrize("method", [PROBE, TUNE])
def test_the_saved_model_answers_as_recorded(method: Method, head: Head, tmp_path: Path) -> None:
    world = keras_world(tmp_path)
    done, metrics = finish(world, world.job(method=method, head=head, epochs=10, optimizer=Optimizer(lr=1e-2)))
    rows = json.loads((done.folder / "predictions.json").read_bytes())["rows"]
    predicted = answers(read_model(done.folder), world, done)
    assert predicted == [row["prediction"] for row in rows]
    assert np.mean([a == row["label"] for a, row in zip(predicted, rows, strict=True)]) == metrics["test", "accuracy"]


@HEADS
def test_the_pulled_file_exports_an_archive_that_stock_keras_loads(head: Head, tmp_path: Path) -> None:
    world = keras_world(tmp_path)
    done, _ = finish(world, world.job(method=PROBE, head=head))
    pulled = shutil.copytree(done.folder, tmp_path / "pulled")
    shutil.copy(str(keras_model.__file__), pulled / "keras_model.py")
    spec = importlib.util.spec_from_file_location("pulled_keras_model", pulled / "keras_model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    path = module.export(tmp_path / "out.keras")
    stock = keras.saving.load_model(path, safe_mode=True)
    x = np.random.default_rng(0).random((4, 24, 24, 3), dtype=np.float32)
    with torch.no_grad():
        far = (stock(x, training=False) - read_model(done.folder)(x, training=False)).abs().max()
    assert float(far) <= 1e-6
    picture = Image.fromarray(np.full((30, 20, 3), 90, dtype=np.uint8))
    found = module.classify(module.load(), picture)
    assert {name for name, _ in found} == set(done.classes)
    prepared = Preprocess.read(done.folder).apply(picture).permute(1, 2, 0).numpy()
    assert np.allclose(module.preprocess(picture), prepared, atol=1e-6)


def test_exporting_and_importing_a_child_gives_the_same_weights(tmp_path: Path) -> None:
    """A child that is exported and imported again is unchanged."""
    world = keras_world(tmp_path)
    done, _ = finish(world, world.job(method=TUNE))
    path = keras_model.export(tmp_path / "out.keras", done.folder)
    imported(path, tmp_path / "again")
    assert (tmp_path / "again/model.safetensors").read_bytes() == (done.folder / "model.safetensors").read_bytes()


def test_a_head_that_an_archive_brings_is_taken_off_and_its_trunk_kept(tmp_path: Path) -> None:
    world = keras_world(tmp_path)
    imported(archive(tiny(24, classes=7), tmp_path / "m.keras"), tmp_path / "headed")
    source = ModelInput(tmp_path / "headed", Digest.of(b"headed"), "source", "keras", "test/headed/1")
    done, _ = finish(world, world.job(method=PROBE, sources=(source,)))
    whole = read_model(done.folder)
    assert [layer.name for layer in whole.layers if layer.weights][-1] == "forebear_head"
    assert "scores" not in {layer.name for layer in whole.layers}
    assert whole.output_shape == (None, 3)


def test_a_head_of_two_layers_is_taken_off_whole(tmp_path: Path) -> None:
    world = keras_world(tmp_path)
    done, _ = finish(world, world.job(method=PROBE, head=Head("mlp", hidden=12, dropout=0.1)))
    parts = split(read_model(done.folder))
    assert parts is not None
    assert (parts.shape.kind, parts.shape.hidden, parts.shape.dropout, parts.outputs) == ("mlp", 12, 0.1, 3)
    assert parts.trunk.output_shape == (None, 16)


def test_named_classes_of_an_archive_keep_its_head(tmp_path: Path) -> None:
    world = keras_world(tmp_path)
    (tmp_path / "own").mkdir()
    archive(tiny(24, classes=3), tmp_path / "own/m.keras")
    (tmp_path / "own/labels.txt").write_text("plum\npear\napple\n")
    imported(tmp_path / "own", tmp_path / "headed")
    source = ModelInput(tmp_path / "headed", Digest.of(b"named"), "source", "keras", "test/named/1")
    done, _ = finish(world, world.job(method=TUNE, sources=(source,), optimizer=Optimizer(lr=1e-12)))
    assert done.classes == ("plum", "pear", "apple")
    assert done.facts["head_kept"] is True
    x = np.random.default_rng(0).random((4, 24, 24, 3), dtype=np.float32)
    with torch.no_grad():
        parent, child = (read_model(folder)(x, training=False) for folder in (tmp_path / "headed", done.folder))
    assert float((parent - child).abs().max()) <= 1e-6


def test_statistics_of_normalisations_stay_when_everything_else_learns(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    world = keras_world(tmp_path)
    done, _ = finish(world, world.job(method=TUNE))
    before, after = (load_file(f / "model.safetensors") for f in (world.source.folder, done.folder))
    moved = {name: not np.array_equal(before[name], after[name]) for name in before}
    assert all(changed != ("moving" in name) for name, changed in moved.items())


def test_a_model_of_nested_models_has_its_layers_in_order(tmp_path: Path) -> None:
    from adapters.keras.surgery import layers

    inputs = keras.Input((24, 24, 3))
    inner = tiny(24, name="inner")
    x = keras.layers.Rescaling(1 / 255)(inputs)
    model = keras.Model(inputs, keras.layers.Dense(4, name="top")(keras.layers.Flatten()(inner(x))), name="outer")
    assert [name for name, _ in layers(model)] == ["inner/conv1", "inner/conv2", "inner/conv3", "top"]
    converted = imported(archive(model, tmp_path / "m.keras"), tmp_path / "out")
    assert converted.tensors == len(model.weights)


def test_grey_models_take_grey_pictures(tmp_path: Path) -> None:
    world = keras_world(tmp_path)
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((24, 24, 1)), keras.layers.Conv2D(8, 5, strides=2, activation="relu")])
    imported(archive(model, tmp_path / "grey.keras"), tmp_path / "grey")
    source = ModelInput(tmp_path / "grey", Digest.of(b"grey"), "source", "keras", "test/grey/1")
    done, _ = finish(world, world.job(method=PROBE, sources=(source,)))
    assert read_model(done.folder).input_shape == (None, 24, 24, 1)


def test_the_recipes_image_size_goes_into_a_model_that_takes_any(tmp_path: Path) -> None:
    world = keras_world(tmp_path)
    with pytest.raises(BadRecipeError, match="takes images of 24 pixels only"):
        list(world.adapter.run(world.job(image_size=32)))
    imported(archive(tiny(None), tmp_path / "any.keras"), tmp_path / "any")
    source = ModelInput(tmp_path / "any", Digest.of(b"any"), "source", "keras", "test/any/1")
    done, _ = finish(world, world.job(method=PROBE, image_size=32, sources=(source,)))
    assert Preprocess.read(done.folder).size == 32
    with pytest.raises(BadRecipeError, match="'image_size' is 5"):
        list(world.adapter.run(world.job(image_size=5, sources=(source,))))


def test_a_model_of_numbers_cannot_learn_from_pictures(tmp_path: Path) -> None:
    world = keras_world(tmp_path)
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4)])
    imported(archive(model, tmp_path / "m.keras"), tmp_path / "numbers")
    source = ModelInput(tmp_path / "numbers", Digest.of(b"numbers"), "source", "keras", "test/numbers/1")
    with pytest.raises(BadRecipeError, match="does not map square images"):
        list(world.adapter.run(world.job(sources=(source,))))


def test_the_offer_is_what_the_loop_measures_and_needs_no_keras() -> None:
    import subprocess

    assert OFFER.metrics == OFFERED
    lines = "import sys, adapters.keras.offer; print('keras' in sys.modules, 'torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "False"]


# --- real weights --------------------------------------------------------------------------------------------------


def digits(folder: Path) -> DataInput:
    """Digits of scikit-learn: 200 for training, 100 for validation, 200 for the test."""
    from sklearn.datasets import load_digits

    found = load_digits()
    order = np.random.default_rng(0).permutation(len(found.target))[:500]
    np.savez(folder / "digits.npz", x=found.images[order], y=found.target[order])
    rows = []
    for number, label in enumerate(found.target[order]):
        split = "train" if number < 200 else "validation" if number < 300 else "test"
        digest = Digest.of(found.images[order[number]].tobytes())
        rows.append(Row(number, digest, split, str(label), path="digits.npz", index=number))
    return DataInput(
        folder, Digest.of(b"digits"), "sklearn/digits/1", DataFormat.NPZ, Modality.IMAGE, tuple(rows), "train"
    )


@pytest.mark.slow
def test_the_convolutions_of_vgg16_tell_digits_apart(tmp_path: Path) -> None:
    """Expected accuracy: 0.96 with features of pool4; raw pixels reach 0.91, a random ResNet-18 0.58 (± 0.03)."""
    imported(archive(vgg16("block4_pool"), tmp_path / "vgg16.keras"), tmp_path / "vgg16")
    source = ModelInput(tmp_path / "vgg16", Digest.of(b"vgg16"), "source", "keras", "oxford/vgg16/1")
    world = World(KerasTransfers(), source, digits(tmp_path), "block4_conv1", tmp_path)
    job = world.job(method=PROBE, image_size=64, epochs=40, batch_size=32, optimizer=Optimizer(lr=1e-2))
    done, metrics = finish(world, job)
    assert metrics["test", "accuracy"] >= 0.93
    assert metrics["test", "baseline_accuracy"] < 0.2
    stock = keras.saving.load_model(keras_model.export(tmp_path / "child.keras", done.folder), safe_mode=True)
    expected = [row["prediction"] for row in json.loads((done.folder / "predictions.json").read_bytes())["rows"]]
    assert np.mean([a == b for a, b in zip(answers(stock, world, done), expected, strict=True)]) == 1.0
