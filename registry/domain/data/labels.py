"""Labels as text, read in one place for splits, summaries and adapters."""

from __future__ import annotations

from collections.abc import Sequence

from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DatasetVersionSummary, LabelKind
from registry.errors import BadDataError, InvalidError

SEPARATOR = "|"
"""Joins the classes of a row that has several; no class of such data may contain it."""


def classes_of(label: str | None, kind: LabelKind) -> tuple[str, ...]:
    """The classes that a row's label names: one, many, or one for each word. Numbers and nothing name none."""
    if label is None or kind in {LabelKind.NUMBER, LabelKind.NONE}:
        return ()
    if kind is LabelKind.TAGS:
        return tuple(label.split())
    if kind is LabelKind.MANY:
        return tuple(label.split(SEPARATOR)) if label else ()
    return (label,)


def check_test_rows(labels: LabelKind, truth: Sequence[str]) -> None:
    """Raises: InvalidError where there are no test rows, or all have one label: a comparison then shows nothing."""
    if not truth:
        raise InvalidError("There are no test rows, so nothing can be compared", remedy="Choose a split that has rows")
    found = {tag for label in truth for tag in label.split()} if labels is LabelKind.TAGS else set(truth)
    if len(found) == 1:
        raise InvalidError(
            f"All {len(truth)} test rows have the label {found.pop()[:80]!r}, so a comparison shows nothing",
            remedy="Choose test rows with two labels or more",
        )


def number_of(label: str | None) -> float:
    """The number in a row's label. Raises: BadDataError; the labels of registered rows are checked already."""
    try:
        return float(label or "")
    except ValueError:
        raise BadDataError(
            f"The label {label!r} is not a number", remedy="Use a dataset whose labels are numbers"
        ) from None


def usual_task(modality: Modality, labels: LabelKind) -> str:
    """The task that data is for unless another is given; the Hub's name where it has one."""
    if labels is LabelKind.NONE:
        return "unlabelled"
    if labels is LabelKind.TAGS:
        return "token-classification"
    return f"{modality}-{'regression' if labels is LabelKind.NUMBER else 'classification'}"


def label_summary(version: DatasetVersionSummary) -> str:
    """What the labels of a version are, in a few words: `10 classes`, `numbers from -3.9 to 3.9`."""
    count = len(version.classes)
    classes = f"{count} class" if count == 1 else f"{count} classes"
    if version.labels is LabelKind.NUMBER:
        found = [split.numbers for split in version.splits if split.numbers is not None]
        least, most = min(one.least for one in found), max(one.most for one in found)
        return f"numbers from {least:.4g} to {most:.4g}"
    return {
        LabelKind.MANY: f"any of {classes}",
        LabelKind.TAGS: f"a tag a word, of {classes}",
        LabelKind.NONE: "no labels",
    }.get(version.labels, classes)
