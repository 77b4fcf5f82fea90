"""Import of Keras archives: the same weights as safetensors, bit by bit, and the same outputs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from adapters.inputs.preprocess import Preprocess
from adapters.keras.folders import read_model
from adapters.keras.library import keras
from registry.domain.catalog.models import Modality
from registry.errors import BadArtifactError
from registry.sandbox.parent import convert_in_subprocess
from tests.adapters.keras.networks import archive, imported, tiny, vgg16


def same(one: Any, other: Any, shape: tuple[int, ...]) -> bool:
    x = np.random.default_rng(1).random(shape, dtype=np.float32)
    with torch.no_grad():
        return bool(torch.equal(one(x, training=False), other(x, training=False)))


def test_every_variable_is_kept_bit_by_bit_under_its_path(saved: Path, tmp_path: Path) -> None:
    converted = imported(saved, tmp_path / "out")
    ours, theirs = load_file(tmp_path / "out/model.safetensors"), keras.saving.load_model(saved)
    assert len(ours) == len(theirs.weights) == converted.tensors == 17
    for variable in theirs.weights:
        assert np.array_equal(ours[variable.path], keras.ops.convert_to_numpy(variable))
    assert converted.parameters == sum(int(np.prod(v.shape)) for v in theirs.trainable_variables)


def test_the_rebuilt_model_answers_to_the_bit_and_says_so(saved: Path, tmp_path: Path) -> None:
    converted = imported(saved, tmp_path / "out")
    assert any("gives the same outputs" in note for note in converted.notes)
    assert same(read_model(tmp_path / "out"), keras.saving.load_model(saved), (2, 12, 12, 3))


def test_facts_say_what_kind_of_model_it_is(saved: Path, tmp_path: Path) -> None:
    facts = imported(saved, tmp_path / "out").facts
    assert (facts.format, facts.architecture, facts.modality) == ("keras", "keras", Modality.IMAGE)
    assert facts.task == "image-classification"
    headless = imported(archive(tiny(), tmp_path / "bare.keras"), tmp_path / "bare")
    assert headless.facts.task == "image-feature-extraction"


def test_no_archive_and_no_h5_is_stored(saved: Path, tmp_path: Path) -> None:
    imported(saved, tmp_path / "out")
    assert {p.name for p in (tmp_path / "out").iterdir()} == {
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
    }


def test_the_same_archive_gives_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        imported(saved, tmp_path / name)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


@pytest.mark.slow
def test_the_converting_process_gives_the_same_result(saved: Path, tmp_path: Path) -> None:
    odd = shutil.copyfile(saved, tmp_path / "what.is.this")
    converted = convert_in_subprocess(odd, tmp_path / "out", architecture=None, pickles=True, memory=0, seconds=120)
    assert converted.facts.format == "keras"
    assert converted.libraries["keras"] == keras.__version__
    imported(saved, tmp_path / "here")
    assert (tmp_path / "out/config.json").read_bytes() == (tmp_path / "here/config.json").read_bytes()


@pytest.mark.slow
def test_nobodys_keras_settings_are_read_or_written(tmp_path: Path) -> None:
    import os
    import subprocess
    import sys

    lines = "from adapters.keras.library import keras; print(keras.config.backend(), keras.config.floatx())"
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras/keras.json").write_text('{"backend": "jax", "floatx": "float16"}')
    env = os.environ | {"HOME": str(tmp_path), "KERAS_BACKEND": "jax"}
    run = subprocess.run([sys.executable, "-c", lines], env=env, capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["torch", "float32"]


# --- pictures ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "mean", "bgr"),
    [
        ("vgg16", 103.939, True),
        ("resnet50", 103.939, True),
        ("resnet50v2", 0.5, False),
        ("mobilenetv2_1.00_224", 0.5, False),
        ("inception_v3", 0.5, False),
        ("densenet121", 0.485, False),
        ("mine", 0.0, False),
    ],
)
def test_pictures_are_prepared_as_the_models_name_asks(name: str, mean: float, bgr: bool, tmp_path: Path) -> None:
    converted = imported(archive(tiny(name=name), tmp_path / "m.keras"), tmp_path / "out")
    preprocess = Preprocess.read(tmp_path / "out")
    assert (preprocess.size, preprocess.mean[0], preprocess.bgr) == (12, mean, bgr)
    assert any("images are preprocessed" in note for note in converted.notes)


def test_pictures_are_preprocessed_as_keras_applications_does() -> None:
    from adapters.keras.preprocessing import MODES

    picture = np.random.default_rng(0).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    for way, module in (("caffe", "vgg16"), ("tf", "mobilenet_v2"), ("torch", "densenet")):
        theirs = getattr(keras.applications, module).preprocess_input(picture.astype(np.float32)[None].copy())[0]
        ours = MODES[way].resized(8).apply(picture).permute(1, 2, 0).numpy()
        assert np.allclose(ours, theirs, atol=1e-4)


def test_a_model_that_rescales_by_itself_takes_bytes(tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(4, 3)], name="vgg16"
    )
    imported(archive(model, tmp_path / "m.keras"), tmp_path / "out")
    assert Preprocess.read(tmp_path / "out").rescale == 1.0
    assert Preprocess.read(tmp_path / "out").mean == (0.0, 0.0, 0.0)


def test_a_preprocessor_config_beside_the_archive_is_used(saved: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    shutil.copyfile(saved, source / "tiny.keras")
    Preprocess(size=12, mean=(0.1, 0.2, 0.3)).write(source)
    (source / "labels.txt").write_text("cat\ndog\nowl\n")
    (source / "README.md").write_text("---\nlicense: mit\n---\n# Tiny\n")
    converted = imported(source, tmp_path / "out")
    assert Preprocess.read(tmp_path / "out").mean == (0.1, 0.2, 0.3)
    assert json.loads((tmp_path / "out/config.json").read_text())["id2label"] == {"0": "cat", "1": "dog", "2": "owl"}
    assert (converted.facts.licence, converted.facts.card is not None) == ("mit", True)
    (source / "labels.txt").write_text("cat\ndog\n")
    with pytest.raises(BadArtifactError, match="names 2 classes, but the head has 3 outputs"):
        imported(source, tmp_path / "again")


def test_a_model_of_numbers_is_imported_without_pictures(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])
    converted = imported(archive(model, tmp_path / "m.keras"), tmp_path / "out")
    assert (converted.facts.modality, converted.facts.task) == (None, None)
    assert not (tmp_path / "out/preprocessor_config.json").exists()


# --- real weights --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_vgg16_with_real_weights_comes_through_to_the_bit(tmp_path: Path) -> None:
    model = vgg16()
    converted = imported(archive(model, tmp_path / "vgg16.keras"), tmp_path / "out")
    assert (converted.tensors, converted.parameters) == (26, 14_714_688)
    assert Preprocess.read(tmp_path / "out").bgr
    assert any("same outputs for a fixed input (1 x 96 x 96 x 3)" in note for note in converted.notes)
    assert same(read_model(tmp_path / "out"), model, (1, 64, 64, 3))
