"""Children whose neurons stand in another order, whose width was pruned, or whose residual stream was rotated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lineage.kinship.independence import FEATURES, MOST, normal_tail, unit_layers, unit_rows
from lineage.kinship.pairing import Pair
from lineage.kinship.tensors import Floats, TensorInfo, Weights, decode

SIMILAR = 0.7
"""Median cosine of matched neurons that supports the claim. Independent models reach .4 on wide layers."""
ALIKE = 0.01
"""Median distance of matched neurons' sorted weights, relative to their length, that supports it."""
_UNITS, _FEATURES = 32, 48
"""A layer smaller than this says nothing after its neurons were matched."""
_ORDERS = 100
"""Random orders of the neurons from which the spread of the Mantel statistic is taken."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """How alike two models are after the neurons of one were put in the order of the other."""

    cosine: float
    apart: float
    layers: int

    @property
    def supports(self) -> bool:
        """True when no pair of independent models comes so near."""
        return self.layers >= 2 and (self.cosine >= SIMILAR or self.apart <= ALIKE)

    @property
    def reason(self) -> str:
        """What supports it, as part of a sentence."""
        if self.cosine >= SIMILAR:
            return f"After its neurons are put in the parent's order, their cosine is {self.cosine:.2f}"
        return "Its neurons have the parent's weights in another order"


def align(child: Weights, parent: Weights) -> Alignment | None:
    """Match the neurons of layers of equal name, layer after layer in the order of the file; None when there is none.

    The order found for one layer is applied to the inputs of the next ones that read a layer of its width. Matching is
    an assignment problem (Crouse 2016, as in SciPy).
    """
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 -- slow to import

    orders: dict[tuple[int, int], NDArray[np.intp]] = {}
    cosines, distances = [], []
    for ours, theirs in _layers(child, parent):
        c, p = _rows(child, ours), _rows(parent, theirs)
        best: tuple[float, NDArray[np.intp]] | None = None
        for arranged in _arranged(p, ours, theirs, orders):
            similarity = unit_rows(_flat(c)) @ unit_rows(_flat(arranged)).T
            rows, matched = linear_sum_assignment(similarity, maximize=True)
            mean = float(np.mean(similarity[rows, matched]))
            if best is None or mean > best[0]:
                best = mean, matched
        if best is not None and best[0] >= SIMILAR:
            orders[ours.rows, theirs.rows] = best[1]
        if min(len(c), len(p)) >= _UNITS and c[0].size >= _FEATURES:
            if best is not None:
                cosines.append(best[0])
            if c[0].size == p[0].size:
                distances.append(_sorted_distance(_flat(c), _flat(p)))
    if not cosines:
        return None
    return Alignment(float(np.median(cosines)), float(np.median(distances)) if distances else 1.0, len(cosines))


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


def _sorted_distance(c: Floats, p: Floats) -> float:
    """The median distance of a unit's sorted weights from the parent's nearest: 0 for another order of inputs."""
    c, p = np.sort(c, axis=1), np.sort(p, axis=1)
    squares = np.square(c).sum(axis=1)[:, None] + np.square(p).sum(axis=1) - 2 * (c @ p.T)
    nearest = np.sqrt(np.maximum(squares.min(axis=1), 0.0) / np.maximum(np.square(c).sum(axis=1), 1e-30))
    return float(np.median(nearest))


# --- rotations -----------------------------------------------------------------------------------------------------


def rotation(child: Weights, parent: Weights, pairs: Iterable[Pair]) -> float | None:
    """The p-value of a match that a rotation of the inputs leaves: the angles between the units of a layer.

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
    return normal_tail(float(np.mean(scores)))


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
