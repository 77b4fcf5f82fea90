"""Tables as their rows see them: columns by name, records with where they stand, and what a table gets wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from adapters.dvc.rows.drafts import Columns
from adapters.dvc.rows.labels import NO_LABELS
from adapters.dvc.rows.places import begin
from registry.domain.data.datasets import LabelKind
from registry.domain.text import nearest
from registry.errors import BadDataError, TooLargeError

Record = Mapping[str, Any]
_UTF16 = ("text in UTF-16", "Save it as UTF-8 (in Excel: CSV UTF-8)")
_OTHERS = {
    b"\xff\xfe": _UTF16,
    b"\xfe\xff": _UTF16,
    b"\x1f\x8b": ("compressed with gzip", "Unpack it with gunzip"),
    b"BZh": ("compressed with bzip2", "Unpack it with bunzip2"),
    b"\xfd7zXZ\x00": ("compressed with xz", "Unpack it with unxz"),
    b"\x28\xb5\x2f\xfd": ("compressed with Zstandard", "Unpack it with unzstd"),
    b"PK\x03\x04": ("a zip archive", "Unpack it"),
}
"""What else a file may be, by its first bytes, and what to do."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns, its records with where each stands (`line 3 of 'a.csv'`), and notes on its reading.

    `records` is given the columns that are wanted; a record may hold others too.
    """

    columns: tuple[str, ...]
    records: Callable[[Collection[str]], Iterator[tuple[str, Record]]]
    notes: Sequence[str] = ()
    """Complete when the records have been read."""


_MOST_COLUMNS, _NAMED = 10_000, 20


def check_columns(columns: Collection[str], name: str) -> None:
    """Raises: TooLargeError for more columns than any table of texts or features has."""
    if len(columns) > _MOST_COLUMNS:
        raise TooLargeError(
            f"{name!r} has more than {_MOST_COLUMNS:,} columns",
            remedy="Leave out what is neither text, label nor split",
        )


def label_column(found: Collection[str], columns: Columns, name: str) -> str | None:
    """The column of labels, None where rows have none. Raises: BadDataError."""
    if columns.labels is LabelKind.NONE:
        return None
    return find_column(found, columns.label, name, option="label", otherwise=f", or {NO_LABELS}")


def unread(found: Collection[str], columns: Columns, name: str) -> list[str]:
    """Notes about labels that are there and were not requested, and about a column that looks like groups."""
    notes = []
    if columns.labels is LabelKind.NONE and columns.label in found:
        notes.append(f"the labels in {columns.label!r} of {name!r} were left out, as requested")
    if columns.group is None and "group" in found and "group" not in {columns.label, columns.text}:
        notes.append(
            f"the column 'group' of {name!r} was not read; if rows of one group depend on one another, "
            "name it with --group-column"
        )
    return notes


def find_column(columns: Collection[str], wanted: str, name: str, *, option: str, otherwise: str = "") -> str:
    """`wanted` if it is a column. Raises: BadDataError naming the columns there are, and the nearest one."""
    if (times := list(columns).count(wanted)) > 1:
        raise BadDataError(f"{name!r} has {times} columns called {wanted!r}", remedy="Rename or remove all but one")
    if times:
        return wanted
    near = nearest(wanted, filter(None, columns))
    remedy = f"Did you mean {near!r}? " if near else ""
    raise BadDataError(
        f"{name!r} has no column {wanted[:80]!r}; it has {_listed(columns)}",
        remedy=f"{remedy}Name it with --{option}{otherwise}",
    )


def _listed(columns: Collection[str]) -> str:
    shown = ", ".join(repr(column[:80]) for column in list(columns)[:_NAMED])
    return f"{shown} and {len(columns) - _NAMED} more" if len(columns) > _NAMED else shown or "none"


def split_column(columns: Collection[str], wanted: str | None, name: str, *, taken: set[str | None]) -> str | None:
    """The column of splits: the one requested, else `split` if there is one. Raises: BadDataError."""
    if wanted is None and ("split" not in columns or "split" in taken):
        return None
    return find_column(columns, wanted or "split", name, option="split-column")


def group_column(columns: Collection[str], wanted: str | None, name: str) -> str | None:
    """The column of groups, None unless one is requested. Raises: BadDataError."""
    return None if wanted is None else find_column(columns, wanted, name, option="group-column")


def clean_group(value: object, where: str) -> str:
    """The name of a row's group: text or a whole number. Raises: BadDataError."""
    name = "" if value is None or isinstance(value, bool | float | list | dict) else str(value).strip()
    if not name or len(name) > 200:
        raise BadDataError(
            f"{begin(where)} has no group, or one that is no text and no whole number of at most 200 characters",
            remedy="Name the group of every row, or leave --group-column out",
        )
    return name


def no_groups(columns: Columns, what: str) -> None:
    """Raises: BadDataError where groups are requested of what has no columns."""
    if columns.group is not None:
        raise BadDataError(
            f"{what} has no column {columns.group[:80]!r}", remedy="Give a table with a column of groups"
        )


def decoded(path: Path, name: str) -> Iterator[str]:
    """The lines of a UTF-8 file with their line ends, a byte order mark left out.

    Raises: BadDataError naming the line that is not UTF-8.
    """
    with path.open(encoding="utf-8-sig", newline="") as stream:
        try:
            yield from stream
        except UnicodeDecodeError as error:
            raise not_text(path, name) from error


def not_text(path: Path, name: str) -> BadDataError:
    """What to say of a file that is not UTF-8: what it is, or which line and byte are wrong."""
    with path.open("rb") as stream:
        head = stream.read(16)
        for magic, (what, remedy) in _OTHERS.items():
            if head.startswith(magic):
                return BadDataError(f"{name!r} is {what}", remedy=remedy)
        stream.seek(0)
        for number, line in enumerate(stream, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                byte = f"0x{line[error.start]:02x}"
                message = f"Line {number} of {name!r} is not UTF-8 (byte {byte} at position {error.start + 1})"
                return BadDataError(message, remedy="Save the file as UTF-8")
    return BadDataError(
        f"{name!r} is not a table that is read here", remedy="Give CSV, JSON Lines, Parquet or .npz; texts in UTF-8"
    )
