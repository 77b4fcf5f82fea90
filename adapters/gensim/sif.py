"""Averages in which common words count less: smooth inverse frequency (SIF).

Arora, Liang and Ma, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings" (ICLR 2017): a word of probability p
counts a / (a + p), and the direction that all averages share, their first right singular vector, is taken out.
Probabilities and direction come from the training texts, so the model keeps both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

A = 1e-3
"""The paper's choice; it finds little difference from 3e-5 to 3e-3."""
Array = NDArray[np.float32]


def sif_weights(texts: Sequence[Sequence[str]], rows: Mapping[str, int]) -> Array:
    """What each word counts (V): a / (a + p), and 1 for a word that the texts do not have."""
    counts = Counter(token for text in texts for token in text)
    weights = np.ones(len(rows), dtype=np.float32)
    for token, count in counts.items():
        if token in rows:
            weights[rows[token]] = A / (A + count / counts.total())
    return weights


def common_direction(averages: NDArray[Any]) -> Array:
    """The first right singular vector (D) of averages (N x D), which are not centred; its largest entry is above 0."""
    wide = averages.astype(np.float64)
    direction = np.linalg.eigh(wide.T @ wide)[1][:, -1]  # of X'X, where D is small and N may be large
    return np.asarray(direction * np.sign(direction[np.abs(direction).argmax()]), dtype=np.float32)
