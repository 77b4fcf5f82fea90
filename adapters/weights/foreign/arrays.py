"""Arrays by name, which every reader here returns, and their conversion to pieces of a safetensors file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.weights.safetensors_files import CHUNK, Chunks, Piece
from registry.errors import BadArtifactError

Array = NDArray[Any]
Arrays = Mapping[str, Array]

_DTYPES = {
    "f2": "F16",
    "f4": "F32",
    "f8": "F64",
    "i1": "I8",
    "i2": "I16",
    "i4": "I32",
    "i8": "I64",
    "u1": "U8",
    "b1": "BOOL",
}


def pieces_of(arrays: Arrays) -> list[Piece]:
    """The arrays as pieces of a safetensors file. Raises: BadArtifactError for one that safetensors cannot hold."""
    return [_piece(name, array) for name, array in arrays.items()]


def array_of(name: str, raw: bytes | memoryview, dtype: np.dtype[Any], shape: tuple[int, ...]) -> Array:
    """`raw` as an array in row-major order. Raises: BadArtifactError where its length does not fit the shape."""
    if len(raw) != prod(shape) * dtype.itemsize:
        raise BadArtifactError(f"{name} has {len(raw):,} bytes, which is not {list(shape)} of {dtype.name}")
    return np.frombuffer(raw, dtype).reshape(shape)


def _piece(name: str, array: Array) -> Piece:
    dtype = _DTYPES.get(array.dtype.str[1:])
    if dtype is None:
        raise BadArtifactError(f"The array {name!r} ({array.dtype}) cannot be held by safetensors")

    def chunks() -> Iterator[memoryview]:
        whole: Any = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1).view(np.uint8)
        for start in range(0, len(whole), CHUNK):
            yield memoryview(whole[start : start + CHUNK])

    given: Chunks = chunks
    return Piece(name, dtype, tuple(array.shape), given)
