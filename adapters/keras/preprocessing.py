"""Guesses the image preprocessing of a Keras model from its layers and its name: an archive does not contain it.

The modes of keras.applications (`imagenet_utils.preprocess_input`): `tf` scales bytes to -1 … 1, `caffe` subtracts
means from BGR bytes, `torch` scales to 0 … 1 and standardises with the mean and deviation of ImageNet. A model with a
Rescaling or Normalization layer takes bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from adapters.inputs.preprocess import Preprocess
from adapters.keras.configs import layers_of

MODES: dict[str, Preprocess] = {
    "tf": Preprocess(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    "caffe": Preprocess(mean=(103.939, 116.779, 123.68), std=(1.0, 1.0, 1.0), rescale=1.0, bgr=True),
    "torch": Preprocess(),
    "bytes": Preprocess(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), rescale=1.0),
    "unit": Preprocess(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)),
}
_NAMES = (  # the first pattern that the model's name starts with; models with a Rescaling layer do not get here
    (r"resnet(50|101|152)v2|mobilenet_|mobilenetv2|inception|xception|nasnet", "tf"),
    (r"vgg|resnet(50|101|152)", "caffe"),
    (r"densenet", "torch"),
)


def guess(config: dict[str, Any], side: int | None) -> tuple[Preprocess, str]:
    """The preprocessing for the model of `config`, for images of `side` pixels, and a note with the reason."""
    mode, why = _mode(config)
    size = side or 224
    return MODES[mode].resized(size), f"images are preprocessed to {_DESCRIPTIONS[mode]}, {size} pixels: {why}"


_DESCRIPTIONS = {
    "tf": "numbers from -1 to 1",
    "caffe": "BGR bytes minus the means of Caffe",
    "torch": "numbers standardised by the mean and deviation of ImageNet",
    "bytes": "bytes, 0 to 255",
    "unit": "numbers from 0 to 1",
}


def _mode(config: dict[str, Any]) -> tuple[str, str]:
    if {"Rescaling", "Normalization"} & set(layers_of(config)):
        return "bytes", "the model has a layer that rescales them"
    for name in _model_names(config):
        for pattern, mode in _NAMES:
            if re.match(pattern, name):
                return mode, f"as keras.applications does for {name}"
    return "unit", "a default; if it is wrong, put a preprocessor_config.json into the folder of the archive"


def _model_names(found: object) -> Iterator[str]:
    """The names of the model and of nested models."""
    if isinstance(found, dict):
        inner = found.get("config")
        if found.get("class_name") in {"Functional", "Sequential", "Model"} and isinstance(inner, dict):
            yield str(inner.get("name", "")).lower()
        for value in found.values():
            yield from _model_names(value)
    elif isinstance(found, list):
        for value in found:
            yield from _model_names(value)
