"""Were two models initialised independently? A test on whether neurons of equal index resemble one another.

Training treats the hidden units of a layer alike, so in a model initialised on its own any order of them is as likely
as any other. Let C be the cosines between the units of child and parent. If the two are independent, the sum of the
diagonal of C is distributed as the sum of C[i, s(i)] over random orders s, whose mean and variance are known exactly
and whose distribution tends to the normal (Hoeffding 1951, "A combinatorial central limit theorem"). Layers that may
share their units (a residual stream) have the same width, and are added up before they are tested; widths are
independent of one another and are combined as Stouffer does.

So every pair has a null of its own, for its architecture and its widths. Beside the normal limit stand random orders
of this pair's neurons: where one comes as near as the given order does, their share is the p-value, which is exact.

The idea of testing by the exchange of neurons is that of Zhu et al. 2025, "Independence tests for language models".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import erfc, sqrt

import numpy as np
from numpy.typing import NDArray

from lineage.kinship.pairing import Pair
from lineage.kinship.tensors import Floats, TensorInfo, Weights, decode

FEWEST, MOST = 12, 2048
"""Units of a width that is tested; of more, the first are."""
FEATURES = 4096
"""Weights of a unit that are looked at."""
LAYERS = 8
"""Layers of one width that are looked at."""
ORDERS = 999
"""Random orders of the neurons that the given one is held against."""
_HEADS = ("attn", "attention", "query", "key", "value", "q_proj", "k_proj", "v_proj", "qkv", "in_proj", "wqkv")
"""Parts of names of matrices whose rows belong to attention heads: they can be exchanged within a head only."""
_PLACES = ("position", "pos_embed", "wpe", "cls_token", "time_", "relative")
"""Parts of names of matrices whose rows stand for places."""


@dataclass(frozen=True, slots=True)
class Independence:
    """`p` is one-sided; `z` the combined statistic; `units` how many neurons were compared.

    `nearer` counts the random orders in which the neurons resemble one another at least as much.
    """

    z: float
    units: int
    nearer: int

    @property
    def p(self) -> float:
        """The share of the orders that come as near; where none does, the normal tail, which is below that."""
        exact = (1 + self.nearer) / (1 + ORDERS)
        return exact if self.nearer else min(exact, normal_tail(self.z))

    @property
    def null(self) -> str:
        """What the statistic was held against, as part of a sentence."""
        by = "their share" if self.nearer else "none came as near, so the p-value is that of their normal limit"
        return f"{ORDERS} random orders of the {self.units:,} neurons of this pair: {by}"


def independence(child: Weights, parent: Weights, pairs: Iterable[Pair]) -> Independence | None:
    """None when the models have no layer whose units could be exchanged."""
    sums: dict[int, NDArray[np.float64]] = {}
    seen: Counter[int] = Counter()
    for layer in unit_layers(pairs):
        seen[layer.width] += 1
        if seen[layer.width] <= LAYERS:
            sums[layer.width] = sums.get(layer.width, 0.0) + _cosines(layer, child, parent)
    tables = [table for one in sums.values() if (table := _standardised(one)) is not None]
    if not tables:
        return None
    z = sum(float(np.trace(one)) for one in tables) / sqrt(len(tables))
    nearer = int(np.count_nonzero(_in_random_order(tables) >= z))
    return Independence(z, sum(map(len, sums.values())), nearer)


def normal_tail(z: float) -> float:
    """The probability that a standard normal number is larger than `z`."""
    return 0.5 * erfc(z / sqrt(2))


@dataclass(frozen=True, slots=True)
class UnitLayer:
    """A matrix whose rows (or columns, when `across`) are hidden units that can be exchanged."""

    pair: Pair
    across: bool

    @property
    def width(self) -> int:
        """How many units there are."""
        return self.pair.child.columns if self.across else self.pair.child.rows


def unit_layers(pairs: Iterable[Pair]) -> Iterator[UnitLayer]:
    """The matrices whose rows feed another layer, so that nothing but training tells one row from another.

    Heads (their rows are classes), tables of positions, attention and grouped convolutions are left out; a table of
    embeddings is taken by its columns.
    """
    matrices = [pair for pair in pairs if pair.child.is_matrix]
    read = {pair.child.shape[1] for pair in matrices}
    made = {pair.child.rows for pair in matrices}
    grouped = {
        pair.child.rows
        for pair in matrices
        if len(pair.child.shape) > 2 and pair.child.shape[1] not in made and 3 < pair.child.shape[1] < pair.child.rows
        and _rows_before(pair.child, made)
    }  # fmt: skip
    for pair in matrices:
        info, name = pair.child, pair.child.name.lower()
        if any(part in name for part in (*_HEADS, *_PLACES)) or info.rows in grouped:
            continue
        if "embed" in name or "wte" in name:
            if info.columns >= FEWEST and len(info.shape) == 2:
                yield UnitLayer(pair, across=True)
        elif info.rows in read and info.rows >= FEWEST:
            yield UnitLayer(pair, across=False)


def _rows_before(info: TensorInfo, made: set[int]) -> bool:
    """True when a convolution reads a part of the channels that another layer makes: it is a grouped one."""
    return any(width % info.shape[1] == 0 and width > info.shape[1] for width in made)


def units(layer: UnitLayer, weights: Weights, info: TensorInfo) -> Floats:
    """One row a unit, of length 1, centred: a shared mean makes all of them alike."""
    flat = weights.raw(info.name).reshape(info.rows, info.columns)
    found = decode(
        np.ascontiguousarray(flat[:FEATURES, :MOST].T if layer.across else flat[:MOST, :FEATURES]), info.dtype
    )
    return unit_rows(found - found.mean(axis=0))


def unit_rows(rows: Floats) -> Floats:
    """Each row at length 1; a row of zeros stays."""
    length = np.sqrt(np.square(rows).sum(axis=1, keepdims=True))
    scaled: Floats = np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
    return scaled


def _cosines(layer: UnitLayer, child: Weights, parent: Weights) -> NDArray[np.float64]:
    ours = units(layer, child, layer.pair.child)
    theirs = units(layer, parent, layer.pair.parent)
    return (ours @ theirs.T).astype(np.float64)


def _standardised(cosines: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Cosines such that the sum over a random order has mean 0 and variance 1; None where they are all alike."""
    centred: NDArray[np.float64] = cosines - cosines.mean(axis=0) - cosines.mean(axis=1, keepdims=True) + cosines.mean()
    variance = float(np.square(centred).sum()) / (len(cosines) - 1)
    return centred / sqrt(variance) if variance > 1e-20 else None


def _in_random_order(tables: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The combined statistic of `ORDERS` random orders of the units of every width."""
    draws, total = np.random.default_rng(0), np.zeros(ORDERS)
    for table in tables:
        orders = draws.permuted(np.broadcast_to(np.arange(len(table)), (ORDERS, len(table))), axis=1)
        total += table[np.arange(len(table)), orders].sum(axis=1)
    combined: NDArray[np.float64] = total / sqrt(len(tables))
    return combined
