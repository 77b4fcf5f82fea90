"""One pass over a pair of tensors: are they equal, a cast, a quantisation or a pruning, and how far apart are they?"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineage.kinship.pairing import Pair
from lineage.kinship.quantised import bits_of
from lineage.kinship.tensors import Floats, Weights, decode, encode, informative, pieces

THREADS = 2
FIRST = 1024
"""Elements of each piece that are rounded first: where these are no cast, the others need not be."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What one pass over a pair gives. `dot`, `parent`, `child` and `apart` are sums of squares and products."""

    pair: Pair
    equal: bool
    """Bit by bit, in the same type."""
    telling: bool
    """It holds enough different values to tell its origin."""
    dot: float
    parent: float
    child: float
    apart: float
    cast: str | None = None
    """The type that the parent's numbers were rounded to, when that gives exactly the child's."""
    zeros: float = 0.0
    """Share of numbers that are zero in the child and not in the parent, when all others are equal; else 0."""
    bits: int | None = None
    """Bits of a quantisation whose numbers lie within half a step of the parent's."""

    @property
    def distance(self) -> float:
        """Relative L2 distance from the parent; 0 for two tensors of zeros."""
        if self.parent == 0:
            return 0.0 if self.apart == 0 else float("inf")
        return sqrt(self.apart / self.parent)

    @property
    def cosine(self) -> float:
        """Cosine of the two tensors as vectors."""
        length = sqrt(self.parent * self.child)
        return self.dot / length if length else 0.0

    @property
    def kept(self) -> bool:
        """True when nothing but rounding happened to it."""
        return self.equal or self.cast is not None


def compare_pairs(child: Weights, parent: Weights, pairs: Sequence[Pair]) -> list[Compared]:
    """Each pair compared, several at a time. A pair that differs is read once, one that is equal twice."""
    with ThreadPoolExecutor(THREADS) as pool:  # NumPy computes outside the interpreter's lock
        return list(pool.map(lambda pair: _compare(child, parent, pair), pairs))


def _compare(child: Weights, parent: Weights, pair: Pair) -> Compared:
    theirs, ours = parent.raw(pair.parent.name), child.raw(pair.child.name)
    same_type = pair.child.dtype == pair.parent.dtype
    telling = pair.child.learnt and informative(ours)
    if same_type and all(_same_bits(ours[piece], theirs[piece]) for piece in pieces(ours)):
        norm = sum(float(np.vdot(c, c)) for c in (decode(ours[piece], pair.child.dtype) for piece in pieces(ours)))
        return Compared(pair, equal=True, telling=telling, dot=norm, parent=norm, child=norm, apart=0.0)
    # Numbers of 16 bits may be stored in 32.
    stored_wider = ["BF16", "F16"] if pair.child.dtype == "F32" else []
    casts = stored_wider if same_type else [pair.child.dtype]
    pruned, zeros = True, 0
    sums = np.zeros(4)
    for piece in pieces(ours):
        c, p = decode(ours[piece], pair.child.dtype), decode(theirs[piece], pair.parent.dtype)
        casts = [kind for kind in casts if _is_cast(c, p, kind)]
        if pruned:
            pruned = bool(np.all((c == p) | (c == 0)))
            zeros += int(np.count_nonzero((c == 0) & (p != 0)))
        apart = c - p
        sums += (np.vdot(c, p), np.vdot(p, p), np.vdot(c, c), np.vdot(apart, apart))
    cast, zero_share = next(iter(casts), None), zeros / len(ours) if pruned else 0.0
    grid = not cast and not zero_share and pair.child.is_matrix
    return Compared(
        pair,
        equal=False,
        telling=telling,
        cast=cast,
        zeros=zero_share,
        bits=bits_of(ours, theirs, pair) if grid else None,
        **dict(zip(("dot", "parent", "child", "apart"), map(float, sums), strict=True)),
    )


def _same_bits(ours: NDArray[Any], theirs: NDArray[Any]) -> bool:
    """Equal bits are equal, NaN or not."""
    kind = f"u{ours.dtype.itemsize}"
    return np.array_equal(ours.view(kind), theirs.view(kind))


def _is_cast(child: Floats, parent: Floats, kind: str) -> bool:
    """True when `child` is `parent` rounded to `kind`: to the nearest, or towards zero as some tools write BF16."""
    if len(child) > FIRST and not _is_cast(child[:FIRST], parent[:FIRST], kind):
        return False
    rounded = encode(parent, kind)
    if rounded is None:
        return False
    if np.array_equal(decode(rounded, kind), child, equal_nan=True):
        return True
    return kind == "BF16" and np.array_equal(
        (parent.view(np.uint32) & 0xFFFF0000).view(np.float32), child, equal_nan=True
    )
