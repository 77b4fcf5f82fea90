"""Rows before they have splits: what every format yields, and the checks that all of them share."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lineage import Digest
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind, Row, SplitPlan
from registry.domain.data.labels import classes_of
from registry.domain.data.splits import Content, assign_splits
from registry.errors import BadDataError, TooLargeError
from registry.limits import DEFAULT, DataLimits

FOLDER = "folder"
"""The `column` of a plan whose splits came from folders or file names such as train and test."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What to read: the columns of texts, labels and splits (None: the usual one), what labels hold, and how much."""

    text: str
    label: str
    labels: LabelKind
    split: str | None
    limits: DataLimits = DEFAULT
    group: str | None = None
    """The column of groups; None: rows have none."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One row before splits are made; `split` is the one that the dataset brought, if it did."""

    digest: Digest
    label: str | None
    split: str | None = None
    path: str | None = None
    text: str | None = None
    index: int | None = None
    group: str | None = None


_MOST_SPLITS = 100


class Drafts:
    """The rows of a dataset while they are found; one too many for the limits is refused at once."""

    def __init__(self, columns: Columns, size: int) -> None:
        """`size` is that of all files in bytes."""
        self.found: list[Draft] = []
        self._limits, self._labels, self._size = columns.limits, columns.labels, size
        self._classes: set[str] = set()
        self._splits: set[str | None] = set()
        self._unpacked = 0

    def add(self, draft: Draft) -> None:
        """Raises: TooLargeError."""
        self.found.append(draft)
        self._limits.check_rows(len(self.found))
        if draft.label is not None:
            self._classes.update(classes_of(draft.label, self._labels))
            self._limits.check_classes(len(self._classes))
        if draft.split not in self._splits:
            self._splits.add(draft.split)
            if len(self._splits) > _MOST_SPLITS:
                raise TooLargeError(
                    f"The dataset has more than {_MOST_SPLITS} splits", remedy="Check which column holds the splits"
                )
        if draft.text is not None:
            self._limits.check_cell(len(draft.text), f"row {len(self.found) - 1}")
            self._unpacked += sys.getsizeof(draft.text)  # in memory, where a character has up to four bytes
            self._limits.check_unpacked(self._unpacked, self._size)


@dataclass(frozen=True, slots=True)
class Found:
    """Rows as a format gave them: drafts, what brought their splits (None: nothing), and notes."""

    drafts: list[Draft]
    brought_by: str | None
    modality: Modality
    notes: tuple[str, ...] = ()


def finish(found: Found, plan: SplitPlan, labels: LabelKind) -> tuple[tuple[Row, ...], SplitPlan]:
    """The rows with their splits, and the plan that was carried out.

    Raises: BadDataError when there are no rows, or all have the same label.
    """
    drafts = found.drafts
    if not drafts:
        raise BadDataError(
            "The dataset has no rows", remedy="Give some rows; of classes two or more, with some rows each"
        )
    _check_variety(drafts, labels)
    if found.brought_by is None:
        splits = assign_splits([Content(draft.digest, draft.label, draft.group) for draft in drafts], plan, labels)
    else:
        splits, plan = [draft.split or "" for draft in drafts], replace(plan, column=found.brought_by)
    rows = (
        Row(key, draft.digest, split, draft.label, draft.path, draft.text, draft.index, draft.group)
        for key, (draft, split) in enumerate(zip(drafts, splits, strict=True))
    )
    return tuple(rows), plan


def _check_variety(drafts: Sequence[Draft], labels: LabelKind) -> None:
    """Raises: BadDataError when all labels are the same: nothing can be learnt from them."""
    if labels is LabelKind.NONE:
        return
    found = {draft.label for draft in drafts}
    if labels is LabelKind.TAGS:
        found = {tag for label in found for tag in classes_of(label, labels)}
    if len(found) == 1:
        message, remedy = _MONOTONOUS[labels]
        raise BadDataError(message.format(repr(found.pop())), remedy=remedy)


_MONOTONOUS = {
    LabelKind.CLASS: ("Every row has the label {}", "A dataset for classification has two classes or more"),
    LabelKind.MANY: ("Every row has the classes {}", "Some class must be in some rows and not in others"),
    LabelKind.NUMBER: ("Every row has the number {}", "Check which column holds the labels"),
    LabelKind.TAGS: ("Every word has the tag {}", "Check which column holds the tags"),
}
"""Message and remedy where all labels are the same."""


def same_but_case(rows: Iterable[Row], labels: LabelKind) -> list[str]:
    """A note for each group of classes that differ in case only."""
    folded: defaultdict[str, set[str]] = defaultdict(set)
    for label in {row.label for row in rows}:
        for name in classes_of(label, labels):
            folded[name.casefold()].add(name)
    return [
        f"The classes {' and '.join(map(repr, sorted(names)))} differ in case only"
        for _, names in sorted(folded.items())
        if len(names) > 1
    ]


def text_digest(text: str, where: str) -> Digest:
    """SHA-256 of the text's UTF-8. Raises: BadDataError for a lone surrogate, which UTF-8 cannot hold."""
    try:
        return Digest.of(text.encode())
    except UnicodeEncodeError:
        raise BadDataError(f"The text of {where} is not valid Unicode") from None
