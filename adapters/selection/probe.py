"""A linear probe that is solved, not trained: ridge regression with an intercept, and exact leave-one-out answers.

The answer to row i of a model that never saw row i is y - e / (1 - h), with the residual e and the leverage h of that
row in the model of all rows (Allen 1974, PRESS; Hastie, Tibshirani and Friedman, "The Elements of Statistical
Learning", 7.10). All penalties share the eigenvectors of F'F. The intercept is not penalised: with R = I - S for the
smoother S of a penalty, the residuals are those of R - R1 1'R / 1'R1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from adapters.selection.evidence import Basis
from adapters.selection.moments import Features, Matrix, Moments, blocks

GRID: Matrix = np.logspace(-6, 2, 9)
"""Penalties that are tried, in units of the rows times the mean variance of a feature."""


def alone(
    features: Features, targets: Matrix, moments: Moments, basis: Basis, groups: NDArray[np.int64] | None = None
) -> Matrix:
    """For each row (N x C) the answer of the ridge that never saw it, at the penalty with the least squared error.

    With `groups` (N) the answer is that of the ridge that never saw any row of its group: y - (1 - H)⁻¹ e, with the
    block of the hat matrix over the group.

    Costs O(N D k) once, for the k directions in use, and O(N k C) for each penalty.
    """
    vectors = basis.vectors[:, basis.used]
    turned = np.empty((moments.rows, vectors.shape[1]))
    for start, part in blocks(features):
        turned[start : start + len(part)] = part @ vectors
    squared, sums, crossed = turned**2, vectors.T @ moments.features, vectors.T @ moments.cross
    spread = float(np.trace(moments.gram)) / moments.rows - float(moments.mean @ moments.mean)
    unit = max(spread / len(moments.mean), np.finfo(np.float64).tiny) * moments.rows
    blocks_of = None if groups is None else _places(groups)
    best: tuple[float, Matrix] | None = None
    for penalty in GRID * unit:
        inverse = 1.0 / (basis.values[basis.used] + penalty)
        ones = 1.0 - turned @ (inverse * sums)  # R1
        left = targets - turned @ (inverse[:, None] * crossed)  # RY
        whole = max(float(ones.sum()), np.finfo(np.float64).tiny)  # 1'R1
        residual = left - np.outer(ones, left.sum(axis=0)) / whole
        if blocks_of is None:
            free = 1.0 - squared @ inverse - ones**2 / whole  # 1 - h
            found = targets - residual / np.maximum(free, 1e-12)[:, None]
        else:
            found = targets - _left_out(turned, inverse, ones, whole, residual, blocks_of)
        error = float(((targets - found) ** 2).sum())
        if best is None or error <= best[0]:
            best = (error, found)
    assert best is not None  # noqa: S101 -- for the type checker: the grid is not empty
    return best[1]


def _places(groups: NDArray[np.int64]) -> Sequence[NDArray[np.int64]]:
    """The rows of each group."""
    order = np.argsort(groups, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)


def _left_out(
    turned: Matrix,
    inverse: Matrix,
    ones: Matrix,
    whole: float,
    residual: Matrix,
    groups: Sequence[NDArray[np.int64]],
) -> Matrix:
    """What each row (N x C) is missed by when its whole group is left out."""
    missed = np.empty_like(residual)
    for rows in groups:
        part, own = turned[rows], ones[rows]
        free = np.eye(len(rows)) - (part * inverse) @ part.T - np.outer(own, own) / whole
        free[np.diag_indices_from(free)] += 1e-12
        missed[rows] = np.linalg.solve(free, residual[rows])
    return missed
