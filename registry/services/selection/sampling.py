"""The rows that models are scored on, and their targets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from lineage import Digest
from registry.domain.data.datasets import LabelKind, Row
from registry.domain.data.labels import classes_of
from registry.domain.manifests import canonical_json
from registry.ports.transfers import DataInput

MOST_WORDS = 5_000
"""Words that models are scored on, where each word has a tag: nearest neighbours compare every two of them."""


def sampled(data: DataInput, cap: int, seed: int) -> DataInput:
    """`data` with at most `cap` rows in its split, drawn evenly over the classes; of tagged words at most `MOST_WORDS`.

    Where rows are left out it has a digest of its own, so that features of a part are never taken for those of all.
    Where none are, what is cached for it is what every recipe on this split reads.
    """
    rows = sorted(data.chosen, key=lambda row: row.key)
    words = sum(_words(row) for row in rows) if data.labels is LabelKind.TAGS else 0
    if len(rows) <= cap and words <= MOST_WORDS:
        return replace(data, rows=tuple(rows))
    chosen = _drawn(rows, data.labels, cap, seed)
    digest = Digest.of(canonical_json({"data": str(data.digest), "rows": [row.key for row in chosen]}))
    return replace(data, rows=tuple(chosen), digest=digest)


def _drawn(rows: Sequence[Row], labels: LabelKind, cap: int, seed: int) -> list[Row]:
    """Each class in proportion to its rows."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.label or "" if labels is LabelKind.CLASS else ""].append(row)
    generator, placed = np.random.default_rng([seed, cap]), []
    for label in sorted(groups):
        group = groups[label]
        for place, number in enumerate(generator.permutation(len(group)).tolist()):
            placed.append(((place + 0.5) / len(group), group[number]))
    placed.sort(key=lambda one: (one[0], one[1].key))
    chosen = [row for _, row in placed[:cap]]
    if labels is LabelKind.TAGS:
        within = np.cumsum([_words(row) for row in chosen]) <= MOST_WORDS
        chosen = [row for row, fits in zip(chosen, within.tolist(), strict=True) if fits]
    return sorted(chosen, key=lambda row: row.key)


def _words(row: Row) -> int:
    return len((row.label or "").split())


def targets_of(rows: Sequence[Row], kind: LabelKind) -> NDArray[np.float64]:
    """Class numbers (N), numbers (N), or zeros and ones (N x C), for rows in order of key; a number a tagged word."""
    if kind is LabelKind.TAGS:
        tags = [tag for row in rows for tag in (row.label or "").split()]
        return np.unique(tags, return_inverse=True)[1].astype(np.float64)
    labels = [row.label or "" for row in rows]
    if kind is LabelKind.NUMBER:
        return np.array([float(label) for label in labels])
    if kind is LabelKind.CLASS:
        return np.unique(labels, return_inverse=True)[1].astype(np.float64)
    lists = [set(classes_of(label, kind)) for label in labels]
    names = sorted(set().union(*lists))
    return np.array([[float(name in one) for name in names] for one in lists]).reshape(len(rows), len(names))


def sentences_of(rows: Sequence[Row], kind: LabelKind) -> NDArray[np.int64] | None:
    """Of each tagged word the number of its row; None for labels that are of whole rows."""
    if kind is not LabelKind.TAGS:
        return None
    return np.repeat(np.arange(len(rows)), [_words(row) for row in rows])


def fewest(rows: Sequence[Row]) -> int:
    """Rows of the smallest class."""
    return min(Counter(row.label for row in rows).values())
