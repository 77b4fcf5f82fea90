"""CSV with a header line, in UTF-8, in the dialects that spreadsheets and libraries write.

Commas, tabs, semicolons or vertical bars divide columns: those that the header line has most. Tab-separated values
(IANA) have no quoting, so there a quotation mark is a character like any other, unless the header itself is quoted.
Excel's first line `sep=;` names the delimiter. Blanks after a delimiter do not count, except after a tab.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from adapters.dvc.formats.columns import Record, Table, check_columns, decoded
from registry.errors import BadDataError
from registry.limits import DataLimits

_DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "vertical bars"}


@dataclass(frozen=True, slots=True)
class _Dialect:
    delimiter: str
    quoted: bool
    skipped: int
    """Lines above the header."""


def read_csv(path: Path, name: str) -> Table:
    """The table in a CSV file. Raises: BadDataError naming the line."""
    dialect = _dialect(path, name)
    _, header = next(_records(path, name, dialect), (0, []))
    columns = tuple(cell.strip() for cell in header)
    check_columns(columns, name)
    if not any(columns):
        raise BadDataError(f"{name!r} is empty: it has no header line", remedy="Name the columns in the first line")

    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    odd = f"{name!r} has {_DELIMITERS[dialect.delimiter]} between its columns"
    notes = [] if dialect.delimiter == usual else [odd]

    def records(_: Collection[str]) -> Iterator[tuple[str, Record]]:
        body = _records(path, name, dialect)
        next(body)
        kept = 0
        for line, cells in body:
            while len(cells) > len(columns) and not cells[-1].strip():
                cells.pop()
            if len(cells) != len(columns):
                raise BadDataError(
                    f"Line {line} of {name!r} has {len(cells)} cells, but there are {len(columns)} columns",
                    remedy=_other_count(dialect),
                )
            kept += not dialect.quoted and any(_in_quotes(cell) for cell in cells)
            yield f"line {line} of {name!r}", dict(zip(columns, cells, strict=True))
        if kept:
            notes.append(f"{kept} lines of {name!r} have a cell in quotation marks: with tabs they are part of it")

    return Table(columns, records, notes)


def _in_quotes(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == '"'


def _other_count(dialect: _Dialect) -> str:
    what = _DELIMITERS[dialect.delimiter][:-1]
    if dialect.quoted:
        return f"Quote cells that hold a {what} or a line break"
    return "In tab-separated files a line is a row: cells hold neither tabs nor line breaks"


def _dialect(path: Path, name: str) -> _Dialect:
    lines = decoded(path, name)
    first = next(lines, "").strip("\r\n")
    delimiter, skipped = None, 0
    if first.lower().startswith("sep=") and len(first) == 5:
        delimiter, skipped, first = first[4], 1, next(lines, "")
        if delimiter not in _DELIMITERS:
            raise BadDataError(
                f"{name!r} has {delimiter!r} between its columns", remedy="Save it with commas, semicolons or tabs"
            )
    if delimiter is None:
        delimiter = "\t" if path.suffix.lower() == ".tsv" and "\t" in first else _most_frequent(first)
    return _Dialect(delimiter, delimiter != "\t" or first.lstrip().startswith('"'), skipped)


def _most_frequent(header: str) -> str:
    """The delimiter that stands most often outside quotation marks; a comma where there is none."""
    plain = re.sub(r'"[^"]*"', "", header)
    return max(_DELIMITERS, key=plain.count)


def _records(path: Path, name: str, dialect: _Dialect) -> Iterator[tuple[int, list[str]]]:
    """Cells with the line where the record begins; lines of nothing but blanks are left out."""
    lines = decoded(path, name)
    for _ in range(dialect.skipped):
        next(lines)
    reader = csv.reader(
        lines,
        delimiter=dialect.delimiter,
        strict=True,
        quoting=csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE,
        skipinitialspace=dialect.quoted,
    )
    line = 1 + dialect.skipped
    try:
        for cells in reader:
            if len(cells) > 1 or any(cell.strip() for cell in cells):
                yield line, cells
            line = reader.line_num + 1 + dialect.skipped
    except csv.Error as error:
        if "field larger than field limit" in str(error):
            limits = DataLimits(cell=csv.field_size_limit())
            limits.check_cell(limits.cell + 1, f"line {line} of {name!r}", first="Close its quotation mark, shorten it")
        raise BadDataError(
            f"Line {line} of {name!r} is not CSV: {error}", remedy="Close each quotation mark, or double it in a cell"
        ) from error
