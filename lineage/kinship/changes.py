"""Which tensors of two models differ, and by how much."""

from __future__ import annotations

from math import isfinite

from lineage.kinship.comparing import Compared, compare_pairs
from lineage.kinship.pairing import pair
from lineage.kinship.tensors import TensorInfo, Weights
from lineage.relations import TensorChange, TensorShape, WeightChanges


def changes(first: Weights, second: Weights) -> WeightChanges:
    """Each tensor of the two compared with its counterpart: by name, by the end of its name, or by equal bytes."""
    pairs = pair(second, first)
    compared = compare_pairs(second, first, pairs)
    here, there = {one.child.name for one in pairs}, {one.parent.name for one in pairs}
    return WeightChanges(
        equal=sum(one.equal for one in compared),
        changed=tuple(_change(one) for one in compared if not one.equal),
        left_out=tuple(_shape(info) for name, info in first.tensors.items() if name not in there),
        added=tuple(_shape(info) for name, info in second.tensors.items() if name not in here),
    )


def _change(one: Compared) -> TensorChange:
    ours, theirs = one.pair.child, one.pair.parent
    was = theirs.name if theirs.name != ours.name else None
    return TensorChange(ours.name, ours.shape, one.distance if isfinite(one.distance) else None, one.kept, was)


def _shape(info: TensorInfo) -> TensorShape:
    return TensorShape(info.name, info.shape)
