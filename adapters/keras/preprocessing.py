"""How pictures are prepared for a Keras model: an archive does not say, so the model's own layers and name are asked.

The ways of keras.applications (its `imagenet_utils.preprocess_input`): `tf` maps bytes to -1 … 1, `caffe` takes BGR
bytes less their means, `torch` takes 0 … 1 less ImageNet's mean over its deviation. A model that has a Rescaling or
Normalization layer of its own takes bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from adapters.inputs.preprocess import Preprocess
from adapters.keras.configs import layers_of

WAYS: dict[str, Preprocess] = {
    "tf": Preprocess(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    "caffe": Preprocess(mean=(103.939, 116.779, 123.68), std=(1.0, 1.0, 1.0), rescale=1.0, bgr=True),
    "torch": Preprocess(),
    "bytes": Preprocess(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), rescale=1.0),
    "unit": Preprocess(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
}
_NAMES = (  # the first that a model's name begins with; what has its own rescaling is found by that
    (r"resnet(50|101|152)v2|mobilenet_|mobilenetv2|inception|xception|nasnet", "tf"),
    (r"vgg|resnet(50|101|152)", "caffe"),
    (r"densenet", "torch"),
)


def guess(config: dict[str, Any], side: int | None) -> tuple[Preprocess, str]:
    """How pictures become the input of the model that `config` describes, `side` pixels wide, and a note on why."""
    way, why = _way(config)
    size = side or 224
    return WAYS[way].resized(size), f"pictures are prepared as {_MEANS[way]}, {size} pixels: {why}"


_MEANS = {
    "tf": "numbers from -1 to 1",
    "caffe": "BGR bytes less Caffe's means",
    "torch": "ImageNet's mean and deviation ask",
    "bytes": "bytes, 0 to 255",
    "unit": "numbers from 0 to 1",
}


def _way(config: dict[str, Any]) -> tuple[str, str]:
    if {"Rescaling", "Normalization"} & set(layers_of(config)):
        return "bytes", "the model rescales them itself"
    for name in _model_names(config):
        for pattern, way in _NAMES:
            if re.match(pattern, name):
                return way, f"so keras.applications prepares them for {name}"
    return "unit", "the archive does not say, so put a preprocessor_config.json beside it if that is wrong"


def _model_names(found: object) -> Iterator[str]:
    """Names of the model and of the models in it."""
    if isinstance(found, dict):
        inner = found.get("config")
        if found.get("class_name") in {"Functional", "Sequential", "Model"} and isinstance(inner, dict):
            yield str(inner.get("name", "")).lower()
        for value in found.values():
            yield from _model_names(value)
    elif isinstance(found, list):
        for value in found:
            yield from _model_names(value)
