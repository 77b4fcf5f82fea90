"""Tensors as stored bytes, and the numbers in them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

CHUNK = 1 << 16
"""Elements that are compared at a time: what a core keeps near while it goes over them several times."""
FIXED = ("position_ids", "inv_freq", "rotary", "rope", "sinusoid", "relative_position_index", "num_batches_tracked",
         "attn_mask", "token_type_ids", "pos_table")  # fmt: skip
"""Parts of names of tensors that are computed, not learnt: they are equal in models that have nothing in common."""
RUNNING = ("running_mean", "running_var", "moving_mean", "moving_variance")
"""Running statistics of normalisations: they move while everything else is frozen."""
DISTINCT = 256
"""A tensor tells something about its origin when it holds this many different values."""
FEW = 2048
"""Elements of a sample that are looked at first: of most tensors they are enough."""


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """What is known of a tensor without its bytes. `dtype` is named as in safetensors: `F32`, `BF16`, `I8`…"""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def elements(self) -> int:
        """Numbers in the tensor."""
        return prod(self.shape)

    @property
    def rows(self) -> int:
        """Extent of the first axis: the outputs of a layer."""
        return self.shape[0] if self.shape else 1

    @property
    def columns(self) -> int:
        """Elements of one row, over all other axes."""
        return self.elements // max(self.rows, 1)

    @property
    def learnt(self) -> bool:
        """False for tables and counters that are computed, and for running statistics."""
        return not any(part in self.name.lower() for part in (*FIXED, *RUNNING))

    @property
    def is_matrix(self) -> bool:
        """True for the weights of a layer, convolutions too; False for biases and scales."""
        return self.learnt and len(self.shape) >= 2 and self.elements >= DISTINCT and self.dtype in _FLOATS


class Weights(Protocol):
    """The tensors of one model. Quantised weights are given as the numbers that they stand for."""

    @property
    def tensors(self) -> Mapping[str, TensorInfo]: ...

    def raw(self, name: str) -> NDArray[Any]:
        """The stored elements of a tensor, flat, as the file has them (`BF16` as `uint16`); mapped where possible."""
        ...


_FLOATS = frozenset({"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"})
STORED: Mapping[str, str] = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2", "F8_E4M3": "u1", "F8_E5M2": "u1",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "U16": "<u2", "U32": "<u4", "U64": "<u8",
    "BOOL": "u1",
}  # fmt: skip
"""How the elements of each type are stored, as NumPy writes types."""


def decode(raw: NDArray[Any], dtype: str) -> Floats:
    """Stored elements as float32."""
    if dtype == "BF16":
        return (raw.astype(np.uint32) << 16).view(np.float32)
    if dtype in {"F8_E4M3", "F8_E5M2"}:
        return np.take(_eight_bits(dtype), raw)
    plain: Floats = raw.astype(np.float32, copy=False)
    return plain


def encode(values: Floats, dtype: str) -> NDArray[Any] | None:
    """`values` rounded to the nearest number of `dtype` (ties to even), as stored; None for a type not known here."""
    if dtype == "F32":
        return values
    if dtype == "F64":
        return values.astype(np.float64)
    if dtype == "F16":
        with np.errstate(over="ignore"):
            return values.astype(np.float16)
    if dtype == "BF16":
        bits = values.view(np.uint32)
        rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
        return rounded.astype(np.uint16)
    return None


@cache
def _eight_bits(dtype: str) -> Floats:
    """All 256 numbers of an 8-bit float (OCP 8-bit Floating Point Specification, 2023)."""
    exponent_bits, mantissa_bits = (4, 3) if dtype == "F8_E4M3" else (5, 2)
    codes = np.arange(256)
    sign = np.where(codes & 128, -1.0, 1.0)
    exponent = (codes >> mantissa_bits) & ((1 << exponent_bits) - 1)
    mantissa = (codes & ((1 << mantissa_bits) - 1)) / (1 << mantissa_bits)
    bias = (1 << (exponent_bits - 1)) - 1
    values = sign * np.where(exponent == 0, mantissa * 2.0 ** (1 - bias), (1 + mantissa) * 2.0 ** (exponent - bias))
    if dtype == "F8_E4M3":
        values[(codes & 127) == 127] = np.nan
    else:
        top = exponent == 31
        values[top] = np.where(mantissa[top] == 0, sign[top] * np.inf, np.nan)
    return values.astype(np.float32)


def pieces(raw: NDArray[Any]) -> Iterator[slice]:
    """Slices that go through a flat tensor."""
    return (slice(start, start + CHUNK) for start in range(0, len(raw), CHUNK))


def informative(raw: NDArray[Any]) -> bool:
    """True when the tensor holds enough different values that equal bytes cannot be chance. Reads a sample."""
    sample = raw if len(raw) <= 65536 else raw[:: len(raw) // 65536]
    return any(len(np.unique(part)) >= DISTINCT for part in (sample[:FEW], sample))


def digest(info: TensorInfo, raw: NDArray[Any]) -> str:
    """SHA-256 over type, shape and bytes, whatever the tensor's name."""
    hashed = hashlib.sha256(f"{info.dtype} {info.shape}\n".encode())
    for piece in pieces(raw):
        hashed.update(np.ascontiguousarray(raw[piece]).view(np.uint8).data)
    return hashed.hexdigest()
