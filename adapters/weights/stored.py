"""The weights of a stored model as tensors to compare: every safetensors file of its folder, mapped into memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.weights.safetensors_files import TensorEntry, read_header
from lineage.kinship import TensorInfo
from lineage.kinship.tensors import STORED
from registry.errors import BadArtifactError

QUANTIZATION = "quantization.json"
"""The file beside weights of 8 or 4 bits that names their shapes and groups."""


class _Place(NamedTuple):
    file: Path
    entry: TensorEntry


@dataclass(frozen=True)
class FolderWeights:
    """Implements `Weights` over the safetensors files in `folder` and below it; `folder` may be one such file."""

    folder: Path

    @cached_property
    def _places(self) -> dict[str, _Place]:
        """By name; a tensor of a file below the folder is named after the folder that it lies in."""
        found = {}
        alone = self.folder.is_file()
        for file in [self.folder] if alone else sorted(self.folder.rglob("*.safetensors")):
            inside = Path() if alone else file.parent.relative_to(self.folder)
            for entry in read_header(file).entries:
                found[(inside / entry.name).as_posix()] = _Place(file, entry)
        return found

    @cached_property
    def _packed(self) -> dict[str, Any]:
        """By the name of the plain tensor, its shape; with `bits` and `group` of all. Empty for plain weights.

        Raises: BadArtifactError for a file that is not as `adapters/loop/techniques/quantizing.py` writes it.
        """
        file = self.folder / QUANTIZATION
        if not file.is_file():
            return {"tensors": {}}
        try:
            packed = json.loads(file.read_text(encoding="utf-8"))
        except (ValueError, RecursionError):
            packed = None
        if not _is_packing(packed):
            raise BadArtifactError(f"The file {QUANTIZATION} does not say how weights are packed")
        found: dict[str, Any] = packed
        return found

    @cached_property
    def tensors(self) -> Mapping[str, TensorInfo]:
        """Every tensor of a type that can be read as numbers; packed ones as the float32 that they stand for.

        Raises: BadArtifactError.
        """
        packed = {
            name: TensorInfo(name, "F32", tuple(entry["shape"])) for name, entry in self._packed["tensors"].items()
        }
        parts = {part for name in packed for part in self._parts(name)}
        if missing := sorted(parts - self._places.keys()):
            raise BadArtifactError(
                f"The file {QUANTIZATION} names {missing[0][:120]!r}, which is in no file of weights"
            )
        plain = {
            name: TensorInfo(name, place.entry.dtype, place.entry.shape)
            for name, place in self._places.items()
            if name not in parts and place.entry.dtype in STORED
        }
        return plain | packed

    def raw(self, name: str) -> NDArray[Any]:
        """Flat, mapped read-only; a packed tensor is unpacked into memory. Raises: BadArtifactError."""
        if name not in self._packed["tensors"]:
            return self._mapped(name)
        try:
            return self._unpacked(name)
        except (ValueError, TypeError) as error:
            raise BadArtifactError(f"The packed tensor {name[:120]!r} is not of the shape that is named") from error

    def _mapped(self, name: str) -> NDArray[Any]:
        file, entry = self._places[name]
        if entry.start == entry.end:
            return np.empty(0, STORED[entry.dtype])
        mapped: NDArray[Any] = np.memmap(
            file, STORED[entry.dtype], mode="r", offset=entry.start, shape=(prod(entry.shape),)
        )
        return mapped

    def _parts(self, name: str) -> tuple[str, str]:
        return f"{name}.int{self._packed['bits']}", f"{name}.scale"

    def _unpacked(self, name: str) -> NDArray[Any]:
        """Number times scale, as `adapters/torch/definitions/few_bits.py` restores it."""
        codes, scale = map(self._mapped, self._parts(name))
        shape = self._packed["tensors"][name]["shape"]
        length = prod(shape[1:])
        if self._packed["bits"] == 8:
            plain: NDArray[Any] = codes.reshape(shape[0], -1).astype(np.float32) * scale.reshape(shape[0], -1)
            return plain.reshape(-1)
        both = np.stack([codes & 15, codes >> 4], axis=1).reshape(-1).astype(np.int8)
        numbers = np.where(both > 7, both - 16, both)
        width = min(self._packed["group"], length)
        padded = length + (-length % width)
        values = numbers[: shape[0] * padded].reshape(-1, width).astype(np.float32) * scale.reshape(-1, 1)
        return np.ascontiguousarray(values.reshape(shape[0], padded)[:, :length]).reshape(-1)


def _is_packing(document: object) -> bool:
    """Whether a document names bits, the group of 4 bits, and the shape of each tensor."""
    if not isinstance(document, dict) or not isinstance(document.get("tensors"), dict):
        return False
    group = document.get("group")
    told = document.get("bits") == 8 or (document.get("bits") == 4 and type(group) is int and group > 0)
    return told and all(isinstance(one, dict) and _is_shape(one.get("shape")) for one in document["tensors"].values())


def _is_shape(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(type(size) is int and size > 0 for size in value)


class SafetensorsWeights:
    """Implements `WeightReader`."""

    name = "safetensors"

    def open(self, folder: Path) -> FolderWeights:
        """Headers are read at the first question. Raises: BadArtifactError for a file that is not valid."""
        found = FolderWeights(folder)
        _ = found.tensors
        return found
