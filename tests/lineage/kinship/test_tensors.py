"""Numbers of other types, compared with what torch makes of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks.material.kinship_zoo import Arrays
from lineage import Relation
from lineage.kinship import compare
from lineage.kinship.tensors import decode, encode

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-(2.0**100), max_value=2.0**100)
TORCH = {"BF16": torch.bfloat16, "F16": torch.float16}


@pytest.mark.parametrize("kind", TORCH)
@settings(max_examples=60, deadline=None)
@given(values=arrays(np.float32, st.integers(1, 20), elements=FLOATS))
def test_numbers_are_rounded_as_torch_rounds_them(kind: str, values: np.ndarray) -> None:
    ours = encode(values, kind)
    assert ours is not None
    theirs = torch.from_numpy(values.copy()).to(TORCH[kind]).float().numpy()
    assert np.array_equal(decode(ours, kind), theirs)


@pytest.mark.parametrize(("kind", "type"), [("F8_E4M3", torch.float8_e4m3fn), ("F8_E5M2", torch.float8_e5m2)])
def test_every_float_of_eight_bits_is_read_as_torch_reads_it(kind: str, type: torch.dtype) -> None:
    codes = np.arange(256, dtype=np.uint8)
    theirs = torch.from_numpy(codes.copy()).view(type).float().numpy()
    assert np.array_equal(decode(codes, kind), theirs, equal_nan=True)


def test_a_cast_towards_zero_is_a_cast_too() -> None:
    draws = np.random.default_rng(0)
    parent = {f"{n}.weight": draws.standard_normal((64, 64)).astype(np.float32) for n in range(2)}
    cut = {name: (array.view(np.uint32) >> 16).astype(np.uint16) for name, array in parent.items()}
    assert compare(Arrays(cut), Arrays(parent)).relation is Relation.CAST
