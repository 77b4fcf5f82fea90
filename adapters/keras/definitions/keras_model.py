"""A Keras 3 model kept as safetensors, in one file: needs keras, safetensors and, for pictures, Pillow.

    from keras_model import classify, export, load

    model = load()                                   # the folder of this file, or load("some/folder")
    print(classify(model, Image.open("cat.jpg")))
    export("model.keras")                            # the archive that keras.saving.load_model reads

`config.json` holds Keras's own config of the model under `keras`; `model.safetensors` holds its variables under their
paths. Any backend of Keras will do; where `KERAS_BACKEND` is not set, torch is taken.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras
import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

if TYPE_CHECKING:
    from PIL.Image import Image

HERE = Path(__file__).resolve().parent


def build(config: Mapping[str, Any]) -> keras.Model:
    """The model that `config` (the whole config.json) describes, with fresh weights."""
    model = keras.saving.deserialize_keras_object(dict(config["keras"]), safe_mode=True)
    if not model.built:
        raise ValueError("the model does not say the shape of its inputs")
    return model


def variables(model: keras.Model) -> dict[str, Any]:
    """The model's variables by the names that they are stored under: their paths, numbered where two are the same."""
    found: dict[str, Any] = {}
    for variable in model.weights:
        name, number = variable.path, 1
        while name in found:
            number += 1
            name = f"{variable.path}#{number}"
        found[name] = variable
    return found


def fill(model: keras.Model, tensors: Mapping[str, Any]) -> None:
    """Put `tensors` into the variables of their names. Raises: ValueError naming those that do not fit."""
    wanted = {name: tuple(variable.shape) for name, variable in variables(model).items()}
    given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    wrong = sorted(name for name in wanted.keys() | given.keys() if wanted.get(name) != given.get(name))
    if wrong:
        raise ValueError(f"these tensors do not fit the model: {', '.join(wrong[:10])}")
    for name, variable in variables(model).items():
        variable.assign(tensors[name])


def load(folder: str | Path = HERE) -> keras.Model:
    """The model of `folder`; a ValueError names the tensors that do not fit."""
    config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
    model = build(config)
    fill(model, load_file(Path(folder) / "model.safetensors"))
    return model


def export(path: str | Path, folder: str | Path = HERE) -> Path:
    """Write the model of `folder` as the archive `path`, whose name ends in .keras."""
    load(folder).save(path)
    return Path(path)


def preprocess(image: Image, folder: str | Path = HERE) -> NDArray[np.float32]:
    """A picture as the model wants it: [height, width, channels], float32."""
    from PIL import ImageOps  # noqa: PLC0415 -- only pictures need it

    settings: dict[str, Any] = json.loads((Path(folder) / "preprocessor_config.json").read_text(encoding="utf-8"))
    channels = int(json.loads((Path(folder) / "config.json").read_text(encoding="utf-8")).get("channels", 3))
    if image.mode[0] in "IF":
        raise ValueError("Scale the greys to 8 bits first: convert() would clip them")
    image, filtering = ImageOps.exif_transpose(image).convert("RGB"), settings["resample"]
    if settings["do_center_crop"]:  # the shorter edge to a length, then the middle
        edge, crop = settings["size"]["shortest_edge"], settings["crop_size"]
        short, long = sorted(image.size)
        other = int(edge * long / short)
        image = image.resize((edge, other) if image.width <= image.height else (other, edge), resample=filtering)
        left, top = (image.width - crop["width"]) // 2, (image.height - crop["height"]) // 2
        image = image.crop((left, top, left + crop["width"], top + crop["height"]))
    else:
        image = image.resize((settings["size"]["width"], settings["size"]["height"]), resample=filtering)
    x = np.asarray(image, dtype=np.float32) * np.float32(settings["rescale_factor"])
    x = x[..., ::-1] if settings["do_flip_channel_order"] else x
    mean, std = (np.asarray(settings[key], dtype=np.float32) for key in ("image_mean", "image_std"))
    y: NDArray[np.float32] = (x - mean) / std
    return np.ascontiguousarray(y if channels == 3 else y.mean(axis=-1, keepdims=True))


def classify(model: keras.Model, image: Image, folder: str | Path = HERE, top: int = 5) -> list[tuple[str, float]]:
    """The `top` classes of one picture with what the model says of each, best first."""
    names = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8")).get("id2label", {})
    found = keras.ops.convert_to_numpy(model(preprocess(image, folder)[None], training=False))[0]
    best = np.argsort(-found)[:top]
    return [(str(names.get(str(i), i)), float(found[i])) for i in best]
