"""Layers models of TensorFlow.js: a topology, a manifest of weights, and shards of bytes, perhaps inside scripts.

The format (TensorFlow.js converter, "layers-model"): `model.json` holds `modelTopology`, as Keras writes it, and
`weightsManifest`, groups of `paths` and `weights`; the shards of a group, one after another, hold its weights in order.
A weight with `quantization` is kept as whole numbers n and means n * scale + min. Packages for browsers carry the same
as scripts, `NAME.min.js`, that export the JSON as a literal and each shard as base64; no script is run here.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from adapters.weights.foreign.arrays import Array, array_of
from adapters.weights.foreign.javascript import read_literal
from adapters.weights.source_files import read_json, read_text
from registry.errors import BadArtifactError

_MOST_AXES = 32
_EXPORT = re.compile(r"\.exports=(?=[{\[\"])")
_TYPES = {"float32": "<f4", "int32": "<i4", "uint8": "<u1", "uint16": "<u2", "float16": "<f2", "bool": "<u1"}


@dataclass(frozen=True, slots=True)
class LayersModel:
    """The layers as Keras describes them, the arrays by name, and how many of those were kept as whole numbers."""

    layers: tuple[Mapping[str, Any], ...]
    arrays: Mapping[str, Array]
    quantized: int


def model_file(source: Path) -> Path | None:
    """The file that holds the topology: `model.json` or `model.min.js`, which `source` is or has; else None."""
    candidates = [source] if source.is_file() else [source / "model.json", source / "model.min.js"]
    for path in candidates:
        if path.is_file() and path.name in {"model.json", "model.min.js"}:
            with path.open("rb") as file:
                start = file.read(16384)
            if b"modelTopology" in start or b"weightsManifest" in start:
                return path
    return None


def read_layers_model(path: Path) -> LayersModel:
    """The model whose topology lies in `path`, its shards beside it. Raises: BadArtifactError."""
    document = read_json(path) if path.suffix == ".json" else _exported(path)
    try:
        config = document["modelTopology"]["model_config"]["config"]
        layers = config if isinstance(config, list) else config["layers"]
        groups = [(list(group["paths"]), list(group["weights"])) for group in document["weightsManifest"]]
    except (KeyError, TypeError) as error:
        raise BadArtifactError(f"{path.name!r} is not a layers model of TensorFlow.js: {error!r}") from None
    _refuse_twice([str(name) for paths, _ in groups for name in paths], "shard")
    _refuse_twice(
        [str(weight.get("name")) for _, weights in groups for weight in weights if isinstance(weight, dict)], "weight"
    )
    arrays: dict[str, Array] = {}
    for paths, weights in groups:
        raw = b"".join(_shard(path.parent, str(name), script=path.suffix == ".js") for name in paths)
        arrays.update(_weights(weights, memoryview(raw)))
    quantized = sum("quantization" in weight for _, weights in groups for weight in weights)
    return LayersModel(tuple(layers), arrays, quantized)


def _refuse_twice(names: list[str], what: str) -> None:
    """A megabyte that is named a thousand times would be read as a gigabyte. Raises: BadArtifactError."""
    for name, times in Counter(names).most_common(1):
        if times > 1:
            raise BadArtifactError(f"The {what} {name[:80]!r} is named more than once in the manifest of weights")


def _exported(path: Path) -> Any:
    text = read_text(path)
    found = _EXPORT.search(text)
    if found is None:
        raise BadArtifactError(f"{path.name!r} is a script that exports nothing")
    return read_literal(text, found.end())


def _shard(folder: Path, name: str, *, script: bool) -> bytes:
    """The bytes of a shard; its script is called after it. Raises: BadArtifactError."""
    if not re.fullmatch(r"[\w.-]{1,200}", name):
        raise BadArtifactError(f"The shard {name[:80]!r} is not beside the model")
    path = folder / (f"{name.removesuffix('.bin')}.min.js" if script else name)
    if not path.is_file():
        raise BadArtifactError(f"The shard {path.name!r} is missing", remedy="Import the whole folder")
    if not script:
        return path.read_bytes()
    text = read_text(path)
    found = _EXPORT.search(text)
    end = text.find('"', found.end() + 1) if found else -1
    if found is None or end < 0:
        raise BadArtifactError(f"{path.name!r} is a script that exports no bytes")
    try:
        return base64.b64decode(text[found.end() + 1 : end], validate=True)
    except binascii.Error as error:
        raise BadArtifactError(f"{path.name!r} has no valid base64: {error}") from None


def _weights(weights: list[Mapping[str, Any]], raw: memoryview) -> Iterator[tuple[str, Array]]:
    position = 0
    for weight in weights:
        try:
            name, shape = str(weight["name"]), _shape(weight["shape"])
            quantization = weight.get("quantization")
            dtype = np.dtype(_TYPES[(quantization or weight)["dtype"]])
            end = position + prod(shape) * dtype.itemsize
            array = array_of(name, raw[position:end], dtype, shape)
            if quantization and "scale" in quantization:
                wide = array.astype(np.float64) * float(quantization["scale"]) + float(quantization["min"])
                array = wide.astype(np.float32)
            elif quantization:
                array = array.astype(np.float32)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadArtifactError(f"The manifest of weights cannot be read: {error!r}") from None
        yield name, array
        position = end
    if position != len(raw):
        raise BadArtifactError(f"The shards hold {len(raw):,} bytes, and the manifest names {position:,}")


def _shape(sides: list[Any]) -> tuple[int, ...]:
    """Raises: ValueError, TypeError for what is not the shape of an array."""
    shape = tuple(int(side) for side in sides[: _MOST_AXES + 1])
    if len(shape) > _MOST_AXES or any(side < 0 for side in shape):
        raise ValueError(f"a shape of {len(sides)} axes, the first {list(shape[:4])}")
    return shape
