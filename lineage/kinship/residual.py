"""Is what was added to a matrix of low rank, as a merged LoRA leaves it? Which rank?

By energy and gap of the singular values: after a merge is rounded to 16 bits, the difference has full numerical rank
(Hu et al. 2022, "LoRA", for the form W + BA; the test follows Horwitz et al. 2024, "MoTHer", but for the rank).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineage.kinship.comparing import Compared
from lineage.kinship.tensors import Floats, Weights, decode

ENERGY = 0.99
"""Share of the squared singular values, less that of rounding, that a low rank must hold."""
GAP = 5.0
"""How much the last counted singular value is above the next."""
MOST = 64
"""The highest rank that is looked for."""
SIDE = 4096
"""Rows and columns of the block that is looked at: a block of a matrix of low rank has that rank too."""
_EPSILON = {"BF16": 2.0**-8, "F16": 2.0**-11, "F32": 2.0**-24, "F64": 2.0**-53}
"""Half a unit in the last place of a number near 1."""


def low_rank(child: Weights, parent: Weights, one: Compared) -> int | None:
    """The rank of child - parent when it is low, else None."""
    rows, columns = one.pair.child.rows, one.pair.child.columns
    most = min(MOST, min(rows, columns) // 4)
    if most < 1:
        return None
    c, p = (_block(weights.raw(info.name), info.dtype, rows, columns)
            for weights, info in ((child, one.pair.child), (parent, one.pair.parent)))  # fmt: skip
    values = _singular_values(c - p, most + 1)
    noise = _noise(c, one.pair.child.dtype)
    total = float(np.square(c - p, dtype=np.float64).sum())
    return _rank(values, total, noise, c.shape)


def _block(raw: NDArray[Any], dtype: str, rows: int, columns: int) -> Floats:
    block = raw.reshape(rows, columns)[:SIDE, :SIDE]
    return decode(np.ascontiguousarray(block), dtype)


def _noise(child: Floats, dtype: str) -> float:
    """Root mean square of the rounding of the child's numbers: uniform within one unit in the last place."""
    seen = "BF16" if dtype == "F32" and not np.any(child.view(np.uint32) & 0xFFFF) else dtype
    unit = 2 * _EPSILON.get(seen, 2.0**-8)
    return float(np.sqrt(np.mean(np.square(np.exp2(np.floor(np.log2(np.abs(child) + 1e-30))) * unit)) / 12))


def _singular_values(difference: Floats, count: int) -> Floats:
    """The largest singular values: all of a small matrix, else by a random projection with two power iterations.

    Halko, Martinsson and Tropp 2011, "Finding structure with randomness", algorithm 4.4.
    """
    rows, columns = difference.shape
    if min(rows, columns) <= 512:
        return np.linalg.svd(difference, compute_uv=False)[:count]
    given = np.random.default_rng(0).standard_normal((columns, count + 16), dtype=np.float32)
    basis, _ = np.linalg.qr(difference @ given)
    for _ in range(2):
        basis, _ = np.linalg.qr(difference.T @ basis)
        basis, _ = np.linalg.qr(difference @ basis)
    return np.linalg.svd(basis.T @ difference, compute_uv=False)[:count]


def _rank(values: Floats, total: float, noise: float, shape: tuple[int, int]) -> int | None:
    """The smallest rank that explains the difference but for rounding, where the values fall off behind it."""
    rounding = noise**2 * shape[0] * shape[1]
    floor = noise * (np.sqrt(shape[0]) + np.sqrt(shape[1]))  # the largest singular value of noise alone
    explained = total - rounding
    if explained <= rounding * 0.5 and values[0] <= 3 * floor:
        return None  # nothing but rounding
    above = int(np.count_nonzero(values > max(1.5 * floor, float(values[0]) * 1e-5)))
    if above == 0 or above >= len(values):
        return None
    energy = float(np.square(values[:above], dtype=np.float64).sum())
    next_one = float(values[above])
    falls_off = next_one <= 1.5 * floor or float(values[above - 1]) >= GAP * next_one
    return above if falls_off and energy >= ENERGY * explained else None
