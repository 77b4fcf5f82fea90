"""Children whose neurons stand in another order, whose width was pruned, or whose residual stream was rotated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from lineage.kinship.independence import FEATURES, MOST, normal_tail, unit_layers, unit_rows
from lineage.kinship.pairing import Pair
from lineage.kinship.tensors import Floats, TensorInfo, Weights, decode

_PROMISING = 0.7
"""Mean cosine of matched neurons from which their order is tried on the layers that read them."""
_WORTH_TESTING = 0.5
"""Median cosine of matched neurons below which it cannot lie half of the way to 1."""
_UNITS, _FEATURES = 32, 48
"""A layer smaller than this says nothing after its neurons were matched."""
_NEAR = 0.25
"""Neurons have the sorted weights of the parent's when they lie within this share of what its own are apart."""
_ORDERS = 99
"""Random orders that a statistic is held against."""
_LAYERS, _SOME_UNITS, _SOME_FEATURES = 8, 64, 1024
"""Layers of a pair in which inputs are put in random orders, and what is looked at of each."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How alike two models are after the neurons of one were put in the order of the other, and by which null."""

    statistic: float
    p: float
    reason: str
    null: str


def align(child: Weights, parent: Weights) -> Alignment | None:
    """Match the neurons of layers of equal name, layer after layer in the order of the file; None without a match.

    The order found for one layer is applied to the inputs of the next ones that read a layer of its width. Matching is
    an assignment problem (Crouse 2016, as in SciPy). How alike independent neurons are once they are matched depends on
    the width and on the number of inputs, so both thresholds come from the pair itself: from the same matching with
    the inputs in random orders, and from how far the parent's own neurons are from one another.
    """
    orders: dict[tuple[int, int], NDArray[np.intp]] = {}
    layers: list[_Layer] = []
    for ours, theirs in _layers(child, parent):
        c, p = _rows(child, ours), _rows(parent, theirs)
        best: tuple[float, NDArray[np.intp]] | None = None
        for arranged in _arranged(p, ours, theirs, orders):
            found = _matched(c, arranged)
            if best is None or found[0] > best[0]:
                best = found
        if best is not None and best[0] >= _PROMISING:
            orders[ours.rows, theirs.rows] = best[1]
        if min(len(c), len(p)) >= _UNITS and c[0].size >= _FEATURES:
            layers.append(_Layer(ours, theirs, best[0] if best is not None else None))
    return _by_values(child, parent, layers) or _by_cosine(child, parent, layers)


@dataclass(frozen=True, slots=True)
class _Layer:
    """A pair of matrices large enough to say something, and the mean cosine of their matched neurons."""

    child: TensorInfo
    parent: TensorInfo
    cosine: float | None


def _matched(c: Floats, p: Floats) -> tuple[float, NDArray[np.intp]]:
    """The mean cosine of units matched one to one, and the parent's unit for each of the child's."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 -- slow to import

    similarity = unit_rows(_flat(c)) @ unit_rows(_flat(p)).T
    rows, matched = linear_sum_assignment(similarity, maximize=True)
    return float(np.mean(similarity[rows, matched])), matched


def _by_cosine(child: Weights, parent: Weights, layers: Sequence[_Layer]) -> Alignment | None:
    """Matched neurons that lie at least half of the way from what random orders of the inputs give to equality."""
    said = [(one.cosine, one) for one in layers if one.cosine is not None]
    if len(said) < 2 or (cosine := median(value for value, _ in said)) < _WORTH_TESTING:
        return None
    taken = [said[i][1] for i in np.linspace(0, len(said) - 1, min(len(said), _LAYERS)).astype(int)]
    draws, drawn = np.random.default_rng(0), np.zeros((_ORDERS, len(taken)))
    for at, one in enumerate(taken):
        c, p = (_rows(weights, info) for weights, info in ((child, one.child), (parent, one.parent)))
        kept = min(c.shape[1], max(_SOME_FEATURES // c.shape[2], 1))
        c = c[:_SOME_UNITS, :kept]
        for draw in range(_ORDERS):
            drawn[draw, at] = _matched(c, p[:, draws.permutation(p.shape[1])[:kept]])[0]
    values = np.median(drawn, axis=1)
    expected = float(values.mean())
    if cosine < (1 + expected) / 2 or cosine <= values.max():
        return None
    return Alignment(
        cosine,
        1 / (1 + _ORDERS),
        f"After its neurons are put in the parent's order, their cosine is {cosine:.2f}",
        f"{_ORDERS} random orders of the inputs of this pair give {expected:.2f}, {float(values.max()):.2f} at most",
    )


def _by_values(child: Weights, parent: Weights, layers: Sequence[_Layer]) -> Alignment | None:
    """Neurons whose sorted weights are those of a neuron of the parent: the inputs stand in another order."""
    apart, within = [], []
    for one in layers:
        c, p = _flat(_rows(child, one.child)), _flat(_rows(parent, one.parent))
        if c.shape[1] == p.shape[1]:
            apart.append(float(np.median(_sorted_distances(c, p))))
            within.append(_sorted_distances(p, p, itself=False))
    if len(apart) < 2:
        return None
    distance, own = median(apart), np.concatenate(within)
    expected = median(float(np.median(one)) for one in within)
    if distance > _NEAR * expected:
        return None
    return Alignment(
        distance,
        (1 + int(np.count_nonzero(own <= distance))) / (1 + len(own)),
        "Its neurons have the parent's weights in another order",
        f"the sorted weights of the parent's own {len(own):,} neurons are {expected:.2g} apart from the nearest",
    )


def _layers(child: Weights, parent: Weights) -> Iterator[tuple[TensorInfo, TensorInfo]]:
    """Matrices of equal name, the child's not larger. Embeddings are left out: the order of their rows is given."""
    for name, ours in child.tensors.items():
        theirs = parent.tensors.get(name)
        if theirs is None or not ours.is_matrix or not theirs.is_matrix or "embed" in name.lower():
            continue
        same_form = len(ours.shape) == len(theirs.shape) and ours.shape[2:] == theirs.shape[2:]
        if same_form and all(a <= b for a, b in zip(ours.shape, theirs.shape, strict=True)):
            yield ours, theirs


def _rows(weights: Weights, info: TensorInfo) -> Floats:
    """Units x inputs x kernel."""
    flat = weights.raw(info.name).reshape(info.rows, info.columns)
    wanted = np.ascontiguousarray(flat[:MOST, : FEATURES - FEATURES % max(info.columns // info.shape[1], 1)])
    return decode(wanted, info.dtype).reshape(len(wanted), -1, max(info.columns // info.shape[1], 1))


def _arranged(
    p: Floats, ours: TensorInfo, theirs: TensorInfo, orders: dict[tuple[int, int], NDArray[np.intp]]
) -> Iterator[Floats]:
    """The parent's units with their inputs as they are, and in the order in which an earlier layer was matched."""
    if ours.shape[1] == theirs.shape[1]:
        yield p
    order = orders.get((ours.shape[1], theirs.shape[1]))
    if order is not None and len(order) <= p.shape[1] and order.max() < p.shape[1] and len(order) == ours.shape[1]:
        yield p[:, order]


def _flat(units: Floats) -> Floats:
    return units.reshape(len(units), -1)


def _sorted_distances(c: Floats, p: Floats, *, itself: bool = True) -> Floats:
    """The distance of each unit's sorted weights from the nearest in `p`, relative to their length.

    0 for another order of inputs. Without `itself`, `c` is `p` and a unit is not compared with itself.
    """
    c, p = np.sort(c, axis=1), np.sort(p, axis=1)
    squares = np.square(c).sum(axis=1)[:, None] + np.square(p).sum(axis=1) - 2 * (c @ p.T)
    if not itself:
        np.fill_diagonal(squares, np.inf)
    nearest: Floats = np.sqrt(np.maximum(squares.min(axis=1), 0.0) / np.maximum(np.square(c).sum(axis=1), 1e-30))
    return nearest


# --- rotations -----------------------------------------------------------------------------------------------------


def rotation(child: Weights, parent: Weights, pairs: Iterable[Pair]) -> Alignment | None:
    """What a rotation of the inputs leaves: the angles between the units of a layer. None without a layer.

    Mantel's test (1967) on the inner products of a layer's units, its spread taken from random orders of the units.
    """
    draws = np.random.default_rng(0)
    scores = []
    for layer in unit_layers(pairs):
        if layer.across:
            continue
        c, p = _flat(_rows(child, layer.pair.child)), _flat(_rows(parent, layer.pair.parent))
        if len(c) >= _UNITS:
            scores.append(_mantel(_angles(c[:256]), _angles(p[:256]), draws))
    if not scores:
        return None
    # Layers that share their units are not independent of one another: the mean is tested as if all were one.
    z = float(np.mean(scores))
    chance = normal_tail(z)
    return Alignment(
        z,
        chance,
        f"The angles between neurons are the parent's (p = {chance:.1g} if unrelated)",
        f"mean and spread of {_ORDERS} random orders of the neurons of this pair, and their normal limit",
    )


def _angles(rows: Floats) -> Floats:
    unit = unit_rows(rows - rows.mean(axis=0))
    products = unit @ unit.T
    np.fill_diagonal(products, 0.0)
    return products


def _mantel(ours: Floats, theirs: Floats, draws: np.random.Generator) -> float:
    values = []
    for _ in range(_ORDERS):
        order = draws.permutation(len(ours))
        values.append(float(np.vdot(ours, theirs[np.ix_(order, order)])))
    spread = float(np.std(values))
    return (float(np.vdot(ours, theirs)) - float(np.mean(values))) / spread if spread else 0.0
