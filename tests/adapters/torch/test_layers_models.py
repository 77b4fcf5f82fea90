"""A TensorFlow.js layers model with random weights is imported as Inception v3, with the same outputs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from adapters.torch.conversion.importers import TfjsImporter
from adapters.torch.definitions.inception import InceptionV3, Side, Unit
from registry.errors import InvalidError, MisfitError

SHORT = "inception_v3_mixed4"


@dataclass
class Keras:
    """Describes a module as Keras does, layer by layer, with 8-bit integer weights."""

    layers: list[dict[str, Any]] = field(default_factory=list)
    weights: list[dict[str, Any]] = field(default_factory=list)
    raw: bytearray = field(default_factory=bytearray)
    units: int = 0

    def layer(self, kind: str, name: str, *sources: str, **config: Any) -> str:
        nodes = [[[source, 0, 0, {}] for source in sources]] if sources else []
        self.layers.append({"name": name, "class_name": kind, "config": config, "inbound_nodes": nodes})
        return name

    def weight(self, name: str, tensor: Tensor) -> None:
        array = tensor.detach().permute(2, 3, 1, 0).numpy() if tensor.dim() == 4 else tensor.detach().numpy()
        least, scale = float(array.min()), float((array.max() - array.min()) / 255) or 1.0
        self.raw += np.round((array - least) / scale).astype(np.uint8).tobytes()
        quantization = {"dtype": "uint8", "min": least, "scale": scale}
        self.weights.append(
            {"name": name, "shape": list(array.shape), "dtype": "float32", "quantization": quantization}
        )

    def walk(self, module: nn.Module, x: str, name: str = "") -> str:
        """Describe `module` after the layer `x`; returns its last layer."""
        place = f"layer_{len(self.layers)}"
        if isinstance(module, Unit):
            return self._unit(module, x)
        if isinstance(module, Side):
            ends = [self.walk(branch, x) for branch in module.children()]
            return self.layer("Concatenate", name or place, *ends, axis=3)
        if isinstance(module, nn.MaxPool2d):
            return self.layer("MaxPooling2D", place, x, pool_size=[3, 3], strides=[2, 2], padding="valid")
        if isinstance(module, nn.AvgPool2d):
            return self.layer("AveragePooling2D", place, x, pool_size=[3, 3], strides=[1, 1], padding="same")
        for index, part in enumerate(module.children()):
            x = self.walk(part, x, f"mixed{index}" if isinstance(part, Side) else "")
        return x

    def _unit(self, unit: Unit, x: str) -> str:
        self.units += 1
        conv, norm, strides = f"conv2d_{self.units}", f"batch_normalization_{self.units}", list(unit.conv.stride)
        padding = "same" if sum(map(int, unit.conv.padding)) else "valid"
        settings = {"use_bias": False, "activation": "linear"}
        self.layer("Conv2D", conv, x, strides=strides, padding=padding, **settings)
        self.layer("BatchNormalization", norm, conv, epsilon=1e-3)
        self.weight(f"{conv}/kernel", unit.conv.weight)
        assert unit.norm.running_mean is not None
        assert unit.norm.running_var is not None
        self.weight(f"{norm}/beta", unit.norm.bias)
        self.weight(f"{norm}/moving_mean", unit.norm.running_mean)
        self.weight(f"{norm}/moving_variance", unit.norm.running_var)
        return self.layer("Activation", f"activation_{self.units}", norm, activation="relu")

    def write(self, folder: Path) -> Path:
        folder.mkdir()
        topology = {"model_config": {"class_name": "Model", "config": {"layers": self.layers}}}
        manifest = [{"paths": ["group1-shard1of1"], "weights": self.weights}]
        (folder / "model.json").write_text(json.dumps({"modelTopology": topology, "weightsManifest": manifest}))
        (folder / "group1-shard1of1").write_bytes(self.raw)
        return folder


@pytest.fixture(scope="module")
def described() -> Keras:
    """Inception v3 up to mixed4, with random weights and statistics, for images of 96 pixels."""
    torch.manual_seed(4)
    module = InceptionV3(nn.Identity(), SHORT)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.normal_(part.bias, 0, 0.1)
            part.running_mean, part.running_var = (
                torch.randn(part.num_features) * 0.1,
                torch.rand(part.num_features) + 0.5,
            )
    keras = Keras()
    end = keras.walk(module.stem, keras.layer("InputLayer", "in", batch_input_shape=[None, 96, 96, 3]))
    assert keras.walk(module.mixed, end) == "mixed4"
    return keras


def test_a_described_inception_is_converted_and_proved(described: Keras, tmp_path: Path) -> None:
    source = described.write(tmp_path / "source")
    assert TfjsImporter().detect(source) is not None
    (tmp_path / "out").mkdir()
    converted = TfjsImporter().convert(source, tmp_path / "out", architecture=None)
    assert converted.facts.architecture == SHORT, "the only one whose arrays are all there"
    assert converted.notes[0] == "converted 160 quantised arrays to floating point"
    assert "96 x 96 pixels" in converted.notes[-1]
    assert "features differ by at most" in converted.notes[-1]
    ours = load_file(tmp_path / "out/model.safetensors")
    assert ours["stem.0.norm.weight"].unique().tolist() == [1.0], "Keras's Inception has no scales"
    first = described.weights[0]["quantization"]
    assert ours["stem.0.conv.weight"].min() == np.float32(first["min"])


def test_tensors_that_fit_do_not_make_the_same_network(described: Keras, tmp_path: Path) -> None:
    """All tensors fit, but the outputs differ, because one convolution has another padding."""
    other = Keras([*described.layers], described.weights, described.raw)
    third = next(i for i, layer in enumerate(other.layers) if layer["name"] == "conv2d_3")
    changed = other.layers[third]["config"] | {"padding": "valid"}
    other.layers[third] = other.layers[third] | {"config": changed}
    (tmp_path / "out").mkdir()
    with pytest.raises(MisfitError, match="its features differ by up to"):
        TfjsImporter().convert(other.write(tmp_path / "source"), tmp_path / "out", architecture=None)


def test_another_network_is_refused_by_name(tmp_path: Path) -> None:
    keras = Keras()
    keras.layer("InputLayer", "in", batch_input_shape=[None, 8, 8, 3])
    keras.weight("dense_1/kernel", torch.rand(3, 2))
    source = keras.write(tmp_path / "source")
    with pytest.raises(InvalidError, match="--architecture: inception_v3, inception_v3_mixed4"):
        TfjsImporter().convert(source, tmp_path, architecture=None)
    with pytest.raises(MisfitError, match=r"do not fit inception_v3: .* missing"):
        TfjsImporter().convert(source, tmp_path, architecture="inception_v3")
