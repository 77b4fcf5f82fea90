"""Which tensor of the child stands for which tensor of the parent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from lineage.kinship.tensors import TensorInfo, Weights, digest


@dataclass(frozen=True, slots=True)
class Pair:
    """A tensor of the child and its counterpart of the same shape."""

    child: TensorInfo
    parent: TensorInfo


def pair(child: Weights, parent: Weights) -> list[Pair]:
    """Pairs of equal shape: by equal name, then by a name that differs in its first parts only, then by equal bytes."""
    pairs = [
        Pair(info, parent.tensors[name])
        for name, info in child.tensors.items()
        if name in parent.tensors and parent.tensors[name].shape == info.shape
    ]
    pairs += _by_ending(child, parent, pairs)
    pairs += _by_bytes(child, parent, pairs)
    return pairs


def _left(child: Weights, parent: Weights, pairs: Iterable[Pair]) -> tuple[list[TensorInfo], list[TensorInfo]]:
    taken = list(pairs)
    children, parents = {p.child.name for p in taken}, {p.parent.name for p in taken}
    return (
        [info for name, info in child.tensors.items() if name not in children],
        [info for name, info in parent.tensors.items() if name not in parents],
    )


def _by_ending(child: Weights, parent: Weights, pairs: Iterable[Pair]) -> list[Pair]:
    """`encoder.layer.0.weight` and `bert.encoder.layer.0.weight`: one name ends in the other, and only one does."""
    children, parents = _left(child, parent, pairs)
    endings: dict[str, list[TensorInfo]] = defaultdict(list)
    for info in parents:
        parts = info.name.split(".")
        for start in range(len(parts)):
            endings[".".join(parts[start:])].append(info)
    by_name = {info.name: info for info in parents}
    found, used = [], set()
    for info in children:
        parts = info.name.split(".")
        longer = [one for one in endings.get(info.name, []) if one.shape == info.shape]
        shorter = [
            by_name[ending]
            for start in range(1, len(parts) - 1)
            if (ending := ".".join(parts[start:])) in by_name and by_name[ending].shape == info.shape
        ]
        candidates = longer + shorter
        if len(candidates) == 1 and candidates[0].name not in used:
            used.add(candidates[0].name)
            found.append(Pair(info, candidates[0]))
    return found


def _by_bytes(child: Weights, parent: Weights, pairs: Iterable[Pair]) -> list[Pair]:
    """Renamed tensors, by the digest of their bytes. Only types and shapes that occur on both sides are read."""
    children, parents = _left(child, parent, pairs)
    kinds = {(info.dtype, info.shape) for info in parents}
    children = [info for info in children if (info.dtype, info.shape) in kinds and info.learnt and info.elements >= 64]
    wanted = {(info.dtype, info.shape) for info in children}
    by_digest = {digest(i, parent.raw(i.name)): i for i in parents if (i.dtype, i.shape) in wanted}
    found = []
    for info in children:
        other = by_digest.pop(digest(info, child.raw(info.name)), None)
        if other is not None:
            found.append(Pair(info, other))
    return found
