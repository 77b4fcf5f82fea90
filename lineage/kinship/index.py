"""What is kept of a model's weights so that models which share tensors, or have the same layers, are found."""

from __future__ import annotations

from collections import Counter

from lineage.digest import Digest
from lineage.kinship.tensors import DISTINCT, TensorInfo, Weights, digest, informative
from lineage.relations import WeightIndex

LARGEST = 64
"""Tensors of one model that are kept: those with the most bytes."""


def index(weights: Weights) -> WeightIndex:
    """Digests of the largest tensors whose equality cannot be chance, and one of the shapes of the layers.

    Each of these tensors is read once. Models that differ in their head alone have the same shapes.
    """
    largest = sorted(
        (info for info in weights.tensors.values() if info.learnt and info.elements >= DISTINCT),
        key=lambda info: (-info.elements, info.name),
    )
    kept: dict[Digest, int] = {}
    for info in largest[:LARGEST]:
        raw = weights.raw(info.name)
        if informative(raw):
            kept[Digest(digest(info, raw))] = raw.nbytes
    return WeightIndex(_layers(weights), kept)


def _layers(weights: Weights) -> Digest | None:
    """The shapes of all matrices that feed another one, or of all matrices where none does; None without a matrix."""
    matrices = [info for info in weights.tensors.values() if info.is_matrix]
    read = {info.shape[1] for info in matrices}
    body = [info for info in matrices if _feeds(info, read)] or matrices
    if not body:
        return None
    return Digest.of(repr(sorted(Counter(info.shape for info in body).items())).encode())


def _feeds(info: TensorInfo, read: set[int]) -> bool:
    return info.rows in read or "embed" in info.name.lower()
