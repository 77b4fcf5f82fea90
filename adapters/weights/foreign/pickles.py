"""Pickles of numpy arrays, read with nothing but this module: numpy's own unpickling is never called.

A pickle is a program that names functions and calls them. Here the few names that numpy's arrays need lead to stand-ins
that only record their arguments (numpy's `ndarray.__reduce__`: a shape, a type, an order, the bytes); any other name is
refused before anything is called. The arrays are then made from the recorded arguments.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from adapters.weights.foreign.arrays import Array, array_of
from registry.errors import BadArtifactError, UnsafeArtifactError

_PREFIXES = ("numpy.core.", "numpy._core.")
_MOST = 100_000
"""Arrays in one pickle, at most."""


class _Type:
    """Stands for a numpy dtype: one of the plain numeric ones, in either byte order."""

    __slots__ = ("dtype",)

    def __init__(self, spec: object, *_: object) -> None:
        if not isinstance(spec, str) or spec not in {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "b1"}:
            raise BadArtifactError(f"an array of type {str(spec)[:40]!r} is not one of plain numbers")
        self.dtype = np.dtype(spec)

    def __setstate__(self, state: object) -> None:
        order = state[1] if isinstance(state, tuple) and len(state) > 1 else None
        if order not in {"<", ">", "|", "="}:
            raise BadArtifactError("the type of an array cannot be read")
        self.dtype = self.dtype.newbyteorder(order)


class _Stored:
    """Stands for an array, until its state is known."""

    __slots__ = ("array",)

    def __init__(self) -> None:
        self.array: Array | None = None

    def __setstate__(self, state: object) -> None:
        if not isinstance(state, tuple) or len(state) != 5:
            raise BadArtifactError("the state of an array cannot be read")
        _, shape, kind, by_columns, raw = state
        self.array = _array(shape, kind, raw, by_columns=bool(by_columns))


class _Reader(pickle.Unpickler):
    """Allows only the names that numpy writes for arrays; bound methods stand in for numpy's functions."""

    def find_class(self, module: str, name: str) -> Any:
        for prefix in _PREFIXES:
            module = f"numpy.core.{module.removeprefix(prefix)}" if module.startswith(prefix) else module
        allowed = {
            ("numpy.core.multiarray", "_reconstruct"): self._reconstruct,
            ("numpy.core.numeric", "_frombuffer"): self._frombuffer,
            ("numpy", "ndarray"): "ndarray",
            ("numpy", "dtype"): self._type,
            ("_codecs", "encode"): self._encode,
        }
        if (module, name) not in allowed:
            raise UnsafeArtifactError(
                f"it asks for {module}.{name}"[:200],
                remedy="Save the weights as safetensors, or with torch.save",
                facts={"asked_for": f"{module}.{name}"},
            )
        return allowed[module, name]

    def _reconstruct(self, *_: object) -> _Stored:
        return _Stored()

    def _frombuffer(self, raw: object, kind: object, shape: object, order: object) -> _Stored:
        """How protocol 5 stores arrays."""
        stored = _Stored()
        stored.array = _array(shape, kind, raw, by_columns=order == "F")
        return stored

    def _type(self, *arguments: object) -> _Type:
        return _Type(*arguments)

    def _encode(self, text: object, encoding: object) -> bytes:
        """How protocols 0 to 2 store bytes."""
        if not isinstance(text, str) or encoding != "latin1":
            raise BadArtifactError("the bytes of an array are not written as numpy writes them")
        return text.encode("latin1")


def read_arrays(path: Path) -> dict[str, Array]:
    """Every array of a pickled mapping, lists opened: `{"conv1": [kernel, bias]}` gives `conv1/0` and `conv1/1`.

    Raises: UnsafeArtifactError naming what the pickle asks for beside arrays, BadArtifactError when it is damaged or
    holds anything else.
    """
    try:
        found = _Reader(io.BytesIO(path.read_bytes())).load()
    except UnsafeArtifactError as error:
        raise UnsafeArtifactError(
            f"{path.name!r} is a plain pickle, which would run code when loaded: {error.message}",
            remedy=error.remedy,
            facts=error.facts,
        ) from None
    except BadArtifactError as error:
        raise BadArtifactError(f"{path.name!r} cannot be read: {error.message}") from None
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged pickle fails in as many ways as there are opcodes
        raise BadArtifactError(f"{path.name!r} is not a valid pickle: {type(error).__name__}: {error}"[:300]) from None
    arrays = dict(_flat(found, ""))
    if not arrays:
        raise BadArtifactError(f"{path.name!r} holds no arrays by name")
    if len(arrays) > _MOST:
        raise BadArtifactError(f"{path.name!r} holds more than {_MOST:,} arrays")
    return arrays


def _flat(value: object, name: str, depth: int = 0) -> Iterator[tuple[str, Array]]:
    if depth > 8:
        raise BadArtifactError("The arrays are nested more than eight containers deep")
    if isinstance(value, _Stored):
        if value.array is None:
            raise BadArtifactError(f"The array {name!r} has no content")
        yield name, value.array
    elif isinstance(value, dict) and all(isinstance(key, str) for key in value):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}/{key}" if name else key, depth + 1)
    elif isinstance(value, (list, tuple)) and name:
        for number, inner in enumerate(value):
            yield from _flat(inner, f"{name}/{number}", depth + 1)
    else:
        raise BadArtifactError(f"{name or 'it'} holds more than arrays by name: {type(value).__name__}")


def _array(shape: object, kind: object, raw: object, *, by_columns: bool) -> Array:
    if not isinstance(kind, _Type) or not isinstance(raw, (bytes, bytearray, pickle.PickleBuffer)):
        raise BadArtifactError("the content of an array cannot be read")
    if not isinstance(shape, tuple) or not all(type(side) is int and 0 <= side < 2**31 for side in shape):
        raise BadArtifactError("the shape of an array cannot be read")
    data = memoryview(raw)
    if by_columns:
        return array_of("an array", data, kind.dtype, (prod(shape),)).reshape(shape, order="F")
    return array_of("an array", data, kind.dtype, shape)
