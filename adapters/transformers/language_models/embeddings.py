"""Measures the quality of sentence embeddings without training on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 5
"""Nearest neighbours that vote, as is usual for measures of transferability."""
AT_ONCE = 1024
"""Rows compared with all others at a time."""


def _unit(embedded: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = embedded.astype(np.float64)
    found: NDArray[np.float64] = wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-12)
    return found


def knn_accuracy(embedded: NDArray[np.float32], labels: Sequence[str]) -> float:
    """Share of rows (N x D) with the label of most of their nearest neighbours by cosine; the nearest breaks ties."""
    unit, numbers = _unit(embedded), np.unique(list(labels), return_inverse=True)[1]
    hits, most = 0, min(NEIGHBOURS, len(unit) - 1)
    if most < 1:
        return 0.0
    for start in range(0, len(unit), AT_ONCE):
        alike = unit[start : start + AT_ONCE] @ unit.T
        alike[np.arange(len(alike)), np.arange(start, start + len(alike))] = -np.inf
        near = np.argsort(-alike, axis=1, kind="stable")[:, :most]
        for line, own in enumerate(numbers[near]):
            votes = np.bincount(own)
            winner = next(n for n in own if votes[n] == votes.max())
            hits += int(winner == numbers[start + line])
    return hits / len(unit)


def alignment(embedded: NDArray[np.float32], labels: Sequence[str]) -> float:
    """Mean squared distance on the unit sphere of pairs with one label (Wang and Isola 2020); lower is better."""
    unit, numbers = _unit(embedded), np.unique(list(labels), return_inverse=True)[1]
    total, pairs = 0.0, 0
    for number in np.unique(numbers):
        own = unit[numbers == number]
        count = len(own) * (len(own) - 1) // 2
        # the squared distances of all pairs sum to n * sum |x|^2 - |sum x|^2
        total += float(len(own) * (own**2).sum() - (own.sum(axis=0) ** 2).sum())
        pairs += count
    return total / pairs if pairs else 0.0


def uniformity(embedded: NDArray[np.float32]) -> float:
    """Log mean exp(-2 |x - y|^2) over pairs on the unit sphere (Wang and Isola 2020); lower is more evenly spread."""
    unit, total = _unit(embedded), 0.0
    if len(unit) < 2:
        return 0.0
    for start in range(0, len(unit), AT_ONCE):
        squared = np.maximum(0.0, 2.0 - 2.0 * (unit[start : start + AT_ONCE] @ unit.T))
        total += float(np.exp(-2.0 * squared).sum())
    return float(np.log((total - len(unit)) / (len(unit) * (len(unit) - 1))))
