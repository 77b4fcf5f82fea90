"""Rows on their way in: what every format yields, and the checks that all of them share."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from lineage import Digest
from registry.domain.data import Row, SplitPlan
from registry.domain.splits import Content, assign_splits
from registry.errors import BadDataError

FOLDER = "folder"
"""The `column` of a plan whose splits came from folders or file names such as train and test."""

_SPLIT_NAMES = {
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "dev": "validation",
    "testing": "test",
}
_KNOWN = {"train", "validation", "test", *_SPLIT_NAMES}
_SPLIT = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
_MAX_LABEL = 256


@dataclass(frozen=True, slots=True)
class Draft:
    """One row before splits are made; `split` is the one that the dataset brought, if it did."""

    digest: Digest
    label: str
    split: str | None = None
    path: str | None = None
    text: str | None = None
    index: int | None = None


def finish(drafts: Sequence[Draft], plan: SplitPlan, *, brought_by: str | None) -> tuple[tuple[Row, ...], SplitPlan]:
    """The rows with their splits, and the plan that was carried out. `brought_by` says what brought the splits.

    Raises: BadDataError when there are no rows or one class only.
    """
    if not drafts:
        raise BadDataError("the dataset has no rows", remedy="Give at least two classes with some rows each")
    classes = {draft.label for draft in drafts}
    if len(classes) == 1:
        raise BadDataError(
            f"every row has the label {classes.pop()!r}", remedy="A dataset for classification has two classes or more"
        )
    if brought_by is None:
        splits = assign_splits([Content(draft.digest, draft.label) for draft in drafts], plan)
    else:
        splits, plan = [draft.split or "" for draft in drafts], replace(plan, column=brought_by)
    rows = (
        Row(key, draft.digest, split, draft.label, draft.path, draft.text, draft.index)
        for key, (draft, split) in enumerate(zip(drafts, splits, strict=True))
    )
    return tuple(rows), plan


def text_digest(text: str, where: str) -> Digest:
    """SHA-256 of the text's UTF-8. Raises: BadDataError for a lone surrogate, which has none."""
    try:
        return Digest.of(text.encode())
    except UnicodeEncodeError:
        raise BadDataError(f"the text of {where} is not valid Unicode") from None


def clean_text(value: object, where: str) -> str:
    """`value` if it is a text with something in it. Raises: BadDataError."""
    if not isinstance(value, str) or not value.strip():
        raise BadDataError(f"{where} has no text", remedy="Fill it in or remove the row")
    return value


def clean_label(value: object, where: str) -> str:
    """A label as text; whole numbers and booleans are written plainly. Raises: BadDataError."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool):
        value = "true" if value else "false"
    if value is None or (isinstance(value, str) and not value.strip()) or _is_nan(value):
        raise BadDataError(f"{where} has no label", remedy="Fill it in or remove the row")
    if not isinstance(value, str | int):
        raise BadDataError(
            f"the label of {where} is {str(value)[:40]!r}, which names no class",
            remedy="Labels are texts or whole numbers",
        )
    label = str(value).strip()
    if len(label) > _MAX_LABEL or any(ord(char) < 32 or "\ud800" <= char <= "\udfff" for char in label):
        raise BadDataError(
            f"the label of {where} is longer than {_MAX_LABEL} characters or has control characters",
            remedy="Check which column holds the labels",
        )
    return label


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def clean_split(value: object, where: str) -> str:
    """The name of a split that the dataset brought: `val`, `valid` and `dev` are `validation`. Raises: BadDataError."""
    name = str(value).strip().lower() if value is not None else ""
    if len(name) > 64 or not _SPLIT.fullmatch(name):
        raise BadDataError(
            f"{where} has no split" if not name else f"{name[:80]!r} of {where} is no name of a split",
            remedy="Splits are lower-case words such as train, validation and test",
        )
    return _SPLIT_NAMES.get(name, name)


def are_splits(names: Iterable[str]) -> bool:
    """True when every one of `names` is a usual name of a split."""
    found = {name.lower() for name in names}
    return bool(found) and found <= _KNOWN
