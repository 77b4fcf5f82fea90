"""Is a child a linear merge of its claimed parents, and with which weights?"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np

from lineage.kinship.pairing import pair
from lineage.kinship.tensors import Weights, decode, pieces
from lineage.relations import Relation, WeightComparison

RESIDUAL = 5e-3
"""What may be left of the child, relative to its length: rounding to BF16 leaves 2e-3."""


def compare_merge(child: Weights, parents: Sequence[Weights]) -> WeightComparison:
    """Least squares over all weight matrices, w_child = sum of a_i w_i, by sums that are collected in one reading."""
    count = len(parents)
    gram, right, length, sample, compared = np.zeros((count, count)), np.zeros(count), 0.0, 0, 0
    pairings = [{one.child.name: one.parent for one in pair(child, parent)} for parent in parents]
    for name, info in child.tensors.items():
        if not info.is_matrix or not all(name in found for found in pairings):
            continue
        theirs = [(p.raw(found[name].name), found[name].dtype) for p, found in zip(parents, pairings, strict=True)]
        ours = child.raw(name)
        for piece in pieces(ours):
            c = decode(ours[piece], info.dtype)
            given = np.stack([decode(raw[piece], dtype) for raw, dtype in theirs])
            gram += given @ given.T
            right += given @ c
            length += float(np.vdot(c, c))
        sample, compared = sample + info.elements, compared + 1
    of = len(child.tensors)
    if not compared or not length:
        return WeightComparison(
            Relation.UNDECIDABLE, "No weight matrix has a counterpart in every parent", compared, of, sample
        )
    weights, *_ = np.linalg.lstsq(gram, right, rcond=1e-10)
    left = sqrt(max(length - float(weights @ right), 0.0) / length)
    shares = tuple(round(float(one), 4) for one in weights)
    if np.linalg.matrix_rank(gram, tol=1e-9 * float(np.trace(gram))) < count:
        reason = "The parents are equal, so their shares cannot be told apart"
        return WeightComparison(Relation.UNDECIDABLE, reason, compared, of, sample, distance=left)
    if left > RESIDUAL or min(abs(one) for one in weights) < 0.01:
        reason = f"A linear merge leaves {left:.2g} of the child unexplained"
        return WeightComparison(Relation.UNDECIDABLE, reason, compared, of, sample, distance=left, weights=shares)
    return WeightComparison(
        Relation.MERGED, f"A linear merge leaves {left:.1g} of the child", compared, of, sample, distance=left,
        weights=shares,
    )  # fmt: skip
