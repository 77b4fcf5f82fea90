"""Leave-one-out nearest neighbours: each row is answered by the rows that are most like it, itself excepted.

Of 23 published scores the safest over 42,000 transfers (Sorkhei and others 2025, arXiv 2503.18528).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from adapters.selection.moments import Features, Matrix, blocks

K = 5
_BLOCK = 512


def nearest(
    features: Features, *, k: int = K, cosine: bool = True, groups: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], Matrix]:
    """For each row its `k` nearest others, nearest first, and their likeness (N x k): cosine, or -|a - b|².

    O(N² D), in blocks: the N x N matrix is never held. Fewer than k + 1 rows give fewer neighbours.
    With `groups` (N) none of a row's own group is among them, as long as there are `k` others.
    """
    x = np.concatenate([part for _, part in blocks(features)])
    k = min(k, len(x) - 1)
    norms = np.einsum("nd,nd->n", x, x)
    if cosine:
        x = x / np.sqrt(np.where(norms > 0, norms, 1.0))[:, None]
    places, alike = np.empty((len(x), k), dtype=np.int64), np.empty((len(x), k))
    for start, likeness in _likeness(x, norms, cosine=cosine):
        here = np.arange(len(likeness))
        if groups is not None:
            likeness[groups[start : start + len(likeness), None] == groups[None, :]] = -np.inf
        likeness[here, start + here] = -np.inf
        top = np.sort(np.argpartition(-likeness, k - 1, axis=1)[:, :k], axis=1)  # ties: the first rows
        order = np.argsort(-np.take_along_axis(likeness, top, axis=1), axis=1, kind="stable")
        chosen = np.take_along_axis(top, order, axis=1)
        places[start : start + len(likeness)] = chosen
        alike[start : start + len(likeness)] = np.take_along_axis(likeness, chosen, axis=1)
    return places, alike


def _likeness(x: Matrix, norms: Matrix, *, cosine: bool) -> Iterator[tuple[int, Matrix]]:
    for start in range(0, len(x), _BLOCK):
        part = x[start : start + _BLOCK]
        found = part @ x.T
        yield start, found if cosine else 2 * found - norms[None, :] - norms[start : start + _BLOCK, None]


def majority(classes: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """The class of most of each row's neighbours (N); of several, that of the nearest of their rows."""
    votes = classes[places]
    count = (votes[:, :, None] == votes[:, None, :]).sum(axis=2)
    found: NDArray[np.int64] = votes[np.arange(len(votes)), count.argmax(axis=1)]
    return found


def mean(targets: Matrix, places: NDArray[np.int64]) -> Matrix:
    """The mean of the neighbours' targets (N x C)."""
    found: Matrix = targets[places].mean(axis=1)
    return found
