"""Proofs over the Merkle tree of the audit log (RFC 6962 section 2.1): made here, checked by `verifier`."""

from __future__ import annotations

from collections.abc import Callable

from registry.domain.verifier import node_hash

Nodes = Callable[[int, int], bytes]
"""The hash of the whole subtree over 2^level leaves that is the index-th of its level; level 0 is the leaves."""


def peak_places(size: int) -> list[tuple[int, int]]:
    """Level and index of each whole subtree of a tree of `size` leaves, the largest first."""
    return [(level, (size >> level) - 1) for level in reversed(range(size.bit_length())) if size >> level & 1]


def subtree(nodes: Nodes, first: int, end: int) -> bytes:
    """The hash over the leaves `first` to `end - 1`, a range that the tree of RFC 6962 has."""
    count = end - first
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return nodes(level, first >> level)
    middle = first + _split(count)
    return node_hash(subtree(nodes, first, middle), subtree(nodes, middle, end))


def inclusion_path(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """RFC 6962 section 2.1.1: the hashes that lead from leaf `index` (from 0) to the root of `size` leaves."""
    if not 0 <= index < size:
        raise ValueError(f"A tree of {size} leaves has no leaf {index}")
    first, end, path = 0, size, []
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            path.append(subtree(nodes, middle, end))
            end = middle
        else:
            path.append(subtree(nodes, first, middle))
            first = middle
    return path[::-1]


def consistency_path(nodes: Nodes, old: int, new: int) -> list[bytes]:
    """RFC 6962 section 2.1.2: the hashes that prove that the tree of `new` leaves begins with that of `old`."""
    if not 0 < old <= new:
        raise ValueError(f"A tree of {new} leaves does not begin with one of {old}")
    first, end, whole, path = 0, new, True, []
    while old != end - first:
        middle = _split(end - first)
        if old <= middle:
            path.append(subtree(nodes, first + middle, end))
            end = first + middle
        else:
            path.append(subtree(nodes, first, first + middle))
            first, old, whole = first + middle, old - middle, False
    return ([] if whole else [subtree(nodes, first, end)]) + path[::-1]


def _split(count: int) -> int:
    """The largest power of two that is smaller than `count`."""
    return 1 << (count - 1).bit_length() - 1
