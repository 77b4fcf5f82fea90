"""Refused Keras archives: code and file access are found before Keras reads them; damage is explained."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from adapters.keras.archive import read_archive
from adapters.keras.configs import LAYERS, check_config
from adapters.keras.conversion import convert
from adapters.keras.folders import read_model
from adapters.keras.importer import KerasImporter
from adapters.keras.library import keras
from registry.errors import BadArtifactError, MisfitError, UnsafeArtifactError
from tests.adapters.keras.networks import archive, imported, rewritten, tiny


def _lambda(config: dict[str, Any]) -> None:
    code = {"class_name": "__lambda__", "config": {"value": "4wEAAA==", "defaults": None, "closure": None}}
    layer = config["config"]["layers"][3]
    layer |= {"class_name": "Lambda", "config": {"name": "evil", "function": code}}


def _hidden_lambda(config: dict[str, Any]) -> None:
    config["config"]["layers"][1]["config"]["activation"] = {
        "class_name": "__lambda__",
        "config": {"value": "4wEAAA=="},
    }


def _custom(config: dict[str, Any]) -> None:
    config["config"]["layers"][3] |= {"module": None, "class_name": "Mine", "registered_name": "package>Mine"}


def _foreign(config: dict[str, Any]) -> None:
    config["config"]["layers"][3] |= {"module": "os", "class_name": "system", "registered_name": None}


def _function(config: dict[str, Any]) -> None:
    config["config"]["layers"][1]["config"]["activation"] = {
        "module": "keras.utils",
        "class_name": "function",
        "config": "get_file",
        "registered_name": "get_file",
    }


def _wrapper(config: dict[str, Any]) -> None:
    config["config"]["layers"][3] |= {"module": "keras.layers", "class_name": "TorchModuleWrapper"}


def _lookup(config: dict[str, Any]) -> None:
    config["config"]["layers"][3] |= {"module": "keras.layers", "class_name": "StringLookup"}


def _subclass(config: dict[str, Any]) -> None:
    config |= {"class_name": "MyModel", "module": "mine", "registered_name": "MyModel"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_lambda, "'evil' is a Lambda"),
        (_hidden_lambda, "'conv1' is a Lambda"),
        (_custom, "'relu1' is a custom object, 'package>Mine'"),
        (_foreign, r"'relu1' is a os\.system"),
        (_function, "'conv1' calls the function 'get_file' of keras.utils"),
        (_wrapper, "TorchModuleWrapper, which is not on the list"),
        (_lookup, "StringLookup, which is not on the list"),
        (_subclass, "a custom class, 'MyModel'"),
    ],
)
def test_code_in_a_config_is_named_with_its_layer_before_keras_reads_it(
    change: Callable[[dict[str, Any]], None], message: str, saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_loading(*_: object, **__: object) -> None:
        pytest.fail("Keras was asked to load it")

    monkeypatch.setattr(keras.saving, "load_model", no_loading)
    bad = rewritten(saved, tmp_path / "bad.keras", change)
    with pytest.raises(UnsafeArtifactError, match=message):
        imported(bad, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_lambda_that_keras_saved_itself_is_refused(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((4, 4, 3)), keras.layers.Lambda(lambda x: x * 2), keras.layers.Conv2D(2, 2)])
    with pytest.raises(UnsafeArtifactError, match="is a Lambda"):
        imported(archive(model, tmp_path / "m.keras"), tmp_path / "out")


def test_what_a_stored_config_names_is_checked_again(saved: Path, tmp_path: Path) -> None:
    imported(saved, tmp_path / "out")
    document = json.loads((tmp_path / "out/config.json").read_text())
    _lambda(document["keras"])
    (tmp_path / "out/config.json").write_text(json.dumps(document))
    with pytest.raises(UnsafeArtifactError, match="is a Lambda"):
        read_model(tmp_path / "out")


def test_every_layer_on_the_list_is_one_of_keras() -> None:
    assert [name for name in sorted(LAYERS) if not hasattr(keras.layers, name)] == []


@pytest.mark.parametrize("name", ["MobileNetV2", "EfficientNetB0", "ConvNeXtTiny", "MobileNetV3Small", "DenseNet121"])
@pytest.mark.slow
def test_the_networks_of_keras_applications_pass_the_list(name: str) -> None:
    model = getattr(keras.applications, name)(weights=None, include_top=False, input_shape=(96, 96, 3))
    check_config(json.loads(json.dumps(keras.saving.serialize_keras_object(model))))


def _zip(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def _members(saved: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(saved) as file:
        return {name: file.read(name) for name in file.namelist()}


def _weights(path: Path, fill: Callable[[Any], None]) -> bytes:
    with h5py.File(path, "w") as file:
        fill(file)
    return path.read_bytes()


def _external(file: Any) -> None:
    file.create_dataset("x", (4,), "u1", external=[("/etc/hostname", 0, 4)])


def _link(file: Any) -> None:
    file["x"] = h5py.ExternalLink("/etc/other.h5", "/x")


def _virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/etc/other.h5", "x", (4,))
    file.create_virtual_dataset("x", layout)


def _words(file: Any) -> None:
    file.create_dataset("x", data=["a", "b"], dtype=h5py.string_dtype())


def _huge(file: Any) -> None:
    file.create_dataset("x", (1 << 40,), "f4", chunks=(1 << 10,), compression="gzip")


def _circle(file: Any) -> None:
    file.create_group("a")
    file["a/b"] = file["a"]


@pytest.mark.parametrize(
    ("fill", "error", "message"),
    [
        (_external, UnsafeArtifactError, "lies outside the file"),
        (_link, UnsafeArtifactError, "is a link to another place"),
        (_virtual, UnsafeArtifactError, "lies outside the file"),
        (_words, UnsafeArtifactError, "holds object, not numbers"),
        (_huge, BadArtifactError, "claim 4,398,046,511,104 bytes"),
        (_circle, BadArtifactError, "reached twice"),
    ],
)
def test_weights_that_name_other_files_or_more_memory_than_they_have_are_refused(
    fill: Callable[[Any], None], error: type[Exception], message: str, saved: Path, tmp_path: Path
) -> None:
    members = _members(saved) | {"model.weights.h5": _weights(tmp_path / "w.h5", fill)}
    with pytest.raises(error, match=message):
        read_archive(_zip(tmp_path / "bad.keras", members))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"../../evil.py": b"x"}, UnsafeArtifactError, r"unexpected member '\.\./\.\./evil\.py'"),
        ({"assets/vocabulary.txt": b"x"}, UnsafeArtifactError, "assets"),
        ({"config.json": b"{"}, BadArtifactError, "not valid JSON"),
        ({"config.json": b'{"a": 1, "a": 2}'}, BadArtifactError, "occurs twice"),
        ({"config.json": b"[]"}, BadArtifactError, "not a JSON object"),
        ({"config.json": b"{}"}, BadArtifactError, "not that of a Keras model"),
        ({"model.weights.h5": b"no hdf5"}, BadArtifactError, "damaged"),
    ],
)
def test_a_damaged_archive_is_refused_with_the_reason(
    changes: dict[str, bytes], error: type[Exception], message: str, saved: Path, tmp_path: Path
) -> None:
    bad = _zip(tmp_path / "bad.keras", _members(saved) | changes)
    with pytest.raises(error, match=message):
        imported(bad, tmp_path / "out")
    assert not (tmp_path.parent / "evil.py").exists()


def test_an_archive_that_unpacks_to_thousands_of_times_its_size_is_refused(saved: Path, tmp_path: Path) -> None:
    members = _members(saved) | {"model.weights.h5": bytes(50_000_000)}
    bomb = _zip(tmp_path / "bomb.keras", members, zipfile.ZIP_DEFLATED)
    with pytest.raises(BadArtifactError, match="unpacks from"):
        read_archive(bomb)


def test_weights_of_another_model_are_refused(saved: Path, tmp_path: Path) -> None:
    other = _members(archive(tiny(classes=4), tmp_path / "other.keras"))
    bad = _zip(tmp_path / "bad.keras", _members(saved) | {"model.weights.h5": other["model.weights.h5"]})
    with pytest.raises(BadArtifactError, match=r"cannot load bad\.keras in safe mode"):
        imported(bad, tmp_path / "out")


def test_a_rebuilt_model_that_answers_otherwise_is_refused(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = keras.saving.load_model

    def another(*args: Any, **kwargs: Any) -> Any:
        """Keras, but the loaded model computes something else than its config describes."""
        model = real(*args, **kwargs)
        model.get_layer("bn1").epsilon = 0.7
        return model

    monkeypatch.setattr(keras.saving, "load_model", another)
    with pytest.raises(BadArtifactError, match="gives other outputs for a fixed input"):
        convert(read_archive(saved), None, tmp_path)


def test_a_tensor_that_went_missing_is_named(saved: Path, tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    imported(saved, tmp_path / "out")
    tensors = load_file(tmp_path / "out/model.safetensors")
    del tensors["conv2/kernel"]
    save_file(tensors, tmp_path / "out/model.safetensors")
    with pytest.raises(MisfitError, match="conv2/kernel"):
        read_model(tmp_path / "out")


def test_a_model_without_the_shape_of_its_inputs_is_refused(tmp_path: Path) -> None:
    model = keras.Sequential([keras.layers.Flatten()])
    model(np.zeros((1, 2, 2), dtype=np.float32))
    with pytest.raises(BadArtifactError, match="has no weights"):
        imported(archive(model, tmp_path / "m.keras"), tmp_path / "out")


def test_other_archives_are_left_to_other_importers(tmp_path: Path) -> None:
    torch.save({"w": torch.zeros(1)}, tmp_path / "w.pt")
    _zip(tmp_path / "x.zip", {"config.json": b"{}"})
    assert KerasImporter().detect(tmp_path / "w.pt") is None
    assert KerasImporter().detect(tmp_path / "x.zip") is None
    assert KerasImporter().detect(tmp_path) is None
