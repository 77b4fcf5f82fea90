"""Texts and labels on their way in: each kind of label checked row by row, and written as the text that a row keeps."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise

from adapters.dvc.rows.places import begin
from registry.domain.data.datasets import LabelKind
from registry.domain.data.labels import SEPARATOR
from registry.errors import BadDataError, TooLargeError

NO_LABELS = "write --labels none where rows have no labels"
"""What to do where data have no labels."""
TAGGED = "a table with a column of texts and one of tags"
"""Data that have tags."""
_MAX_LABEL = 256
_MOST_CLASSES = 10_000
"""Of one row."""
_FILL_IN = "Fill it in or remove the row"


def read_text(value: object, where: str, labels: LabelKind) -> str:
    """`value` if it is a text with something in it; where words have tags, a list of words too.

    Raises: BadDataError.
    """
    if labels is LabelKind.TAGS and isinstance(value, list | tuple):
        value = " ".join(_words(value, where, what="word"))
    if isinstance(value, bytes | dict | list | tuple):
        what = "bytes" if isinstance(value, bytes) else "nested values"
        raise BadDataError(f"The text of {where} is {what}", remedy="Write each text as one string")
    if not isinstance(value, str) or not value.strip():
        raise BadDataError(f"{begin(where)} has no text", remedy=_FILL_IN)
    return value


def read_label(value: object, where: str, labels: LabelKind, *, text: str | None = None) -> str | None:
    """The label of one row as text; `text` is the row's own, for tags. Raises: BadDataError."""
    if labels is LabelKind.NONE:
        return None
    if labels is LabelKind.TAGS:
        return _tags(value, where, text or "")
    return _READERS[labels](value, where)


def clean_class(value: object, where: str) -> str:
    """The name of a class in Unicode's NFC; whole numbers and booleans are written plainly. Raises: BadDataError."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool):
        value = "true" if value else "false"
    if _is_missing(value) or (isinstance(value, str) and not value.strip()):
        raise BadDataError(f"{begin(where)} has no label", remedy=_FILL_IN)
    if not isinstance(value, str | int):
        raise BadDataError(
            f"The label of {where} is {str(value)[:40]!r}, which names no class",
            remedy="Classes are texts or whole numbers; --labels number reads numbers, --labels many lists of classes",
        )
    label = str(value).strip()
    if len(label) <= 4 * _MAX_LABEL:  # CPython takes quadratic time to normalise many combining characters
        label = unicodedata.normalize("NFC", label)
    if len(label) > _MAX_LABEL or any(ord(char) < 32 or "\ud800" <= char <= "\udfff" for char in label):
        raise BadDataError(
            f"The label of {where} is longer than {_MAX_LABEL} characters or has control characters",
            remedy="Check which column holds the labels",
        )
    return label


def clean_number(value: object, where: str) -> str:
    """A finite decimal number, written as the shortest text that gives the same double. Raises: BadDataError."""
    if _is_missing(value) or (isinstance(value, str) and not value.strip()):
        raise BadDataError(f"{begin(where)} has no label", remedy=_FILL_IN)
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal) or "_" in str(value):
            raise ValueError
        number = float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise BadDataError(
            f"The label of {where} is {str(value)[:40]!r}, which is not a finite number",
            remedy="Write decimal numbers such as 3.5, with a point and no unit",
        )
    return repr(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)


def clean_many(value: object, where: str) -> str:
    """The classes of a row, in order of name: a list of them, or a text that joins them with `|`. Raises: BadDataError.

    An empty list, or an empty text, is none of them.
    """
    if _is_missing(value):
        raise BadDataError(
            f"{begin(where)} has no label", remedy="Leave the text empty, or write [], for none of the classes"
        )
    if isinstance(value, str):
        value = value.split(SEPARATOR) if value.strip() else []
    if isinstance(value, list | tuple) and len(value) > _MOST_CLASSES:
        raise TooLargeError(f"{begin(where)} names more than {_MOST_CLASSES:,} classes", remedy="Check the labels")
    names = [_one_of_many(item, where) for item in (value if isinstance(value, list | tuple) else [value])]
    ordered = sorted(names)
    for one, two in pairwise(ordered):
        if one == two:
            raise BadDataError(f"{begin(where)} names the class {one!r} twice", remedy="Name each class of a row once")
    return SEPARATOR.join(ordered)


def _one_of_many(value: object, where: str) -> str:
    if _is_missing(value) or (isinstance(value, str) and not value.strip()):
        raise BadDataError(
            f"{begin(where)} names an empty class",
            remedy=f"Join the classes with {SEPARATOR}, and none before or after them",
        )
    name = clean_class(value, where)
    if SEPARATOR in name:
        raise BadDataError(
            f"{begin(where)} names the class {name!r}, which holds {SEPARATOR}", remedy="Rename the class"
        )
    return name


def _tags(value: object, where: str, text: str) -> str:
    """One tag for each word of `text`, as whitespace parts them."""
    if _is_missing(value):
        raise BadDataError(f"{begin(where)} has no tags", remedy=_FILL_IN)
    tags = _words(value, where, what="tag") if isinstance(value, list | tuple) else str(value).split()
    words = len(text.split())
    if len(tags) != words:
        raise BadDataError(
            f"{begin(where)} has {len(tags)} tags for {words} words",
            remedy="Give one tag for each word of the text, as whitespace parts them",
        )
    return " ".join(clean_class(tag, where) for tag in tags)


def _words(values: Sequence[object], where: str, *, what: str) -> list[str]:
    """Words or tags of a list: texts without whitespace, or whole numbers."""
    words = []
    for number, value in enumerate(values, start=1):
        word = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        if not isinstance(word, str) or not word or word.split() != [word]:
            raise BadDataError(
                f"{what.capitalize()} {number} of {where} is {str(value)[:40]!r}, which is not a single word",
                remedy=f"Give each {what} as a text without spaces",
            )
        words.append(word)
    return words


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


_READERS: Mapping[LabelKind, Callable[[object, str], str]] = {
    LabelKind.CLASS: clean_class,
    LabelKind.MANY: clean_many,
    LabelKind.NUMBER: clean_number,
}
