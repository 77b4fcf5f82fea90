"""Weights that were rounded to a grid of 8 or 4 bits: which bits, and do they lie within half a step of the parent?"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineage.kinship.pairing import Pair
from lineage.kinship.tensors import Floats, decode

ROWS = 64
"""Rows that are looked at."""
GROUPS = (0, 128, 64, 32)
"""Numbers that share a scale: a whole row (0), or so many of it."""
_WITHIN = 0.999
"""Share of the numbers that must lie within half a step of the parent's."""


def bits_of(ours: NDArray[Any], theirs: NDArray[Any], pair: Pair) -> int | None:
    """8 or 4 when the child's numbers are those of the parent rounded to so many bits; None when they are not."""
    rows, columns = pair.child.rows, pair.child.columns
    taken = min(rows, ROWS)
    c = decode(ours[: taken * columns], pair.child.dtype).reshape(taken, columns)
    p = decode(theirs[: taken * columns], pair.parent.dtype).reshape(taken, columns)
    for bits in (4, 8):
        if any(_on_grid(c, p, bits, group) for group in GROUPS):
            return bits
        if rows <= ROWS and _on_grid(c.reshape(1, -1), p.reshape(1, -1), bits, 0):  # one scale for the whole tensor
            return bits
    return None


def _on_grid(c: Floats, p: Floats, bits: int, group: int) -> bool:
    if group:
        if c.shape[1] < group or c.shape[1] % group:
            return False
        c, p = c.reshape(-1, group), p.reshape(-1, group)
    if c.shape[1] < 4:
        return False  # so few numbers lie on many a grid
    return _symmetric(c, p, bits) or _affine(c, p, bits)


def _symmetric(c: Floats, p: Floats, bits: int) -> bool:
    """The largest number of a group is the last step of the grid, which has its middle at 0."""
    largest = np.abs(c).max(axis=1, keepdims=True)
    for steps in ((1 << (bits - 1)) - 1, 1 << (bits - 1)):
        if _fits(c, p, np.where(largest > 0, largest / steps, 1.0), np.zeros_like(largest)):
            return True
    return False


def _affine(c: Floats, p: Floats, bits: int) -> bool:
    """The grid goes from the smallest number of a group to the largest."""
    low, high = c.min(axis=1, keepdims=True), c.max(axis=1, keepdims=True)
    return _fits(c, p, np.where(high > low, (high - low) / ((1 << bits) - 1), 1.0), low)


def _fits(c: Floats, p: Floats, step: Floats, zero: Floats) -> bool:
    places = (c - zero) / step
    if np.abs(places - np.round(places)).max() > 0.02:
        return False
    return bool(np.mean(np.abs(c - p) <= step * 0.51) >= _WITHIN)
