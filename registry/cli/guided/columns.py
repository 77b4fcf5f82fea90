"""A first look at a table, to ask which of its columns hold texts and labels."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from registry.presenting.starting import delimiter_of

_SAMPLE, _MOST_LINE = 50, 100_000
"""Rows that are looked at, and characters of a line that are read."""
_NOTHING: tuple[Sequence[str], Sequence[Sequence[str]]] = ((), ())


def sample_of(path: Path) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
    """The names of the columns of a CSV file, and the cells of its first rows.

    Nothing for another file, and for one that cannot be read as CSV: what is wrong is said when it is registered.
    """
    suffix = path.suffix.lower()
    if suffix not in {".csv", ".tsv"} or not path.is_file():
        return _NOTHING
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        first = stream.readline(_MOST_LINE)
        named = re.fullmatch(r"(?i)sep=(.)\s*", first)
        header = stream.readline(_MOST_LINE) if named else first
        delimiter = named[1] if named else delimiter_of(header, suffix)
        lines = [header, *(stream.readline(_MOST_LINE) for _ in range(_SAMPLE))]
    try:
        heads, *rows = ([cell.strip() for cell in cells] for cells in csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return _NOTHING
    return heads, [row for row in rows if len(row) == len(heads)]
