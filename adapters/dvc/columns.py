"""Tables as every reader gives them: columns, records, and the columns that a dataset is made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from adapters.dvc.drafts import Columns
from adapters.dvc.labels import NO_LABELS
from registry.domain.data.datasets import LabelKind
from registry.domain.text import nearest
from registry.errors import BadDataError

Record = Mapping[str, Any]


class Names(tuple[str, ...]):
    """Names of columns that can be read: each once. `twice` are those that stand more than once."""

    twice: frozenset[str]


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns, and its records, each with where it stands (`line 3 of 'a.csv'`).

    `notes` are complete when the records have been read.
    """

    columns: Names
    records: Callable[[], Iterator[tuple[str, Record]]]
    notes: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        records: Callable[[], Iterator[tuple[str, Record]]],
        notes: Sequence[str] = (),
    ) -> Table:
        """A table with columns of these names, in which some may be empty or stand twice."""
        return cls(readable(names), records, notes)


def readable(names: Sequence[str]) -> Names:
    """Those of `names` that are not empty and stand once."""
    counts = Counter(names)
    found = Names(name for name in names if name and counts[name] == 1)
    found.twice = frozenset(name for name, count in counts.items() if name and count > 1)
    return found


def find_column(columns: Collection[str], wanted: str, name: str, *, option: str, otherwise: str = "") -> str:
    """`wanted` if it is a column. Raises: BadDataError naming the columns there are, and the nearest one."""
    if wanted in columns:
        return wanted
    if wanted in getattr(columns, "twice", ()):
        raise BadDataError(f"{name!r} has two columns {wanted!r}", remedy="Rename one of them, or remove it")
    meant = nearest(wanted, columns)
    remedy = f"Did you mean {meant!r}? " if meant else ""
    raise BadDataError(
        f"{name!r} has no column {wanted!r}; it has {', '.join(map(repr, columns)) or 'none'}",
        remedy=f"{remedy}Name it with --{option}{otherwise}",
    )


def label_column(found: Collection[str], columns: Columns, name: str) -> str | None:
    """The column of labels, None where rows have none. Raises: BadDataError."""
    if columns.labels is LabelKind.NONE:
        return None
    return find_column(found, columns.label, name, option="label", otherwise=f", or {NO_LABELS}")


def split_column(columns: Collection[str], wanted: str | None, name: str, *, taken: set[str | None]) -> str | None:
    """The column of splits: the one asked for, else `split` if there is one. Raises: BadDataError."""
    if wanted is not None:
        return find_column(columns, wanted, name, option="split-column")
    if "split" in getattr(columns, "twice", ()):
        return find_column(columns, "split", name, option="split-column")
    return "split" if "split" in columns and "split" not in taken else None


def unread(found: Collection[str], columns: Columns, name: str) -> list[str]:
    """A note about labels that are there and were not wanted."""
    if columns.labels is LabelKind.NONE and columns.label in found:
        return [f"the labels in {columns.label!r} of {name!r} were left out, as asked"]
    return []


def cell(record: Record, column: str, where: str) -> object:
    """The cell of `column`. Raises: BadDataError for a record that lacks it."""
    if column not in record:
        raise BadDataError(f"{where} has no {column!r}", remedy="Fill it in or remove the row")
    return record[column]
