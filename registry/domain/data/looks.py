"""What a dataset looks like at a glance: rows of each class, copies of rows, and a few examples."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lineage import Digest
from registry.domain.data.datasets import LabelKind, Row
from registry.domain.data.labels import classes_of
from registry.domain.names import VersionRef

EXAMPLES = 12
"""Rows that are shown."""
MOST_CLASSES = 40
"""Classes that are shown by themselves; the others are counted."""
SHOWN = 240
"""Characters of a text that are shown."""


@dataclass(frozen=True, slots=True)
class Example:
    """One row. `text` is its beginning; where it has none, `path` is the file it is in and `index` its place there."""

    label: str | None
    split: str
    text: str | None = None
    path: str | None = None
    index: int | None = None
    thumbnail: str = ""
    """A small PNG in base64, where pictures were asked for."""


@dataclass(frozen=True, slots=True)
class Look:
    """A dataset version at a glance.

    `classes` are the largest ones, the first of them the largest, `more_classes` how many there are beside them.
    `duplicates` are rows whose content an earlier row has too, `contradictions` those of them whose label differs
    from that of the earlier row.
    """

    dataset: VersionRef
    labels: LabelKind
    rows: int
    splits: Mapping[str, int]
    classes: Mapping[str, int]
    more_classes: int
    smallest: int
    """Rows of the smallest class; 0 where labels are no classes."""
    duplicates: int
    contradictions: int
    examples: tuple[Example, ...]
    not_shown: str = ""
    """Why there are no small pictures although they were asked for, as a sentence without its end."""

    @property
    def balance(self) -> float | None:
        """How many times the smallest class goes into the largest; None where there are no classes."""
        return max(self.classes.values()) / self.smallest if self.classes and self.smallest else None


def look(ref: VersionRef, labels: LabelKind, rows: Sequence[Row], *, examples: int = EXAMPLES) -> Look:
    """Count `rows` and choose some of each class, always the same ones."""
    counted: Counter[str] = Counter()
    if labels in {LabelKind.CLASS, LabelKind.MANY}:
        counted.update(name for row in rows for name in classes_of(row.label or "", labels))
    first: dict[Digest, str | None] = {}
    duplicates = contradictions = 0
    for row in rows:
        if row.digest in first:
            duplicates += 1
            contradictions += first[row.digest] != row.label
        first.setdefault(row.digest, row.label)
    largest = sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    return Look(
        dataset=ref,
        labels=labels,
        rows=len(rows),
        splits=dict(sorted(Counter(row.split for row in rows).items())),
        classes=dict(largest[:MOST_CLASSES]),
        more_classes=max(len(largest) - MOST_CLASSES, 0),
        smallest=min(counted.values(), default=0),
        duplicates=duplicates,
        contradictions=contradictions,
        examples=tuple(_example(row) for row in _some(rows, labels, examples)),
    )


def _some(rows: Sequence[Row], labels: LabelKind, count: int) -> Sequence[Row]:
    """Rows of all classes in turn, in the order of their digests: as good as at random, and the same each time."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.digest.hex, row.key)):
        groups[row.label or "" if labels is LabelKind.CLASS else ""].append(row)
    placed = [(place, label, row) for label, group in groups.items() for place, row in enumerate(group[:count])]
    return [row for _, _, row in sorted(placed, key=lambda one: one[:2])[:count]]


def _example(row: Row) -> Example:
    text = row.text if row.text is None or len(row.text) <= SHOWN else f"{row.text[:SHOWN]}…"
    return Example(row.label, row.split, text, row.path, row.index)
