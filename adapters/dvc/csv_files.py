"""CSV (RFC 4180) and TSV with a header line, as spreadsheets, pandas and text tools write them."""

from __future__ import annotations

import csv
import re
from collections.abc import Generator, Iterator
from pathlib import Path

from adapters.dvc.columns import Record, Table
from adapters.dvc.text_files import open_text
from registry.errors import BadDataError

_LONGEST_CELL = 64 * 1024 * 1024
_DELIMITERS = {",": "commas", "\t": "tabs", ";": "semicolons", "|": "bars"}
_PIECE = 65536


def read_csv(path: Path, name: str) -> Table:
    """The table in `path`: cells are parted by what parts the header line, `.tsv` by tabs alone. Raises: BadDataError.

    Of a column without a name, such as pandas' index, and of one whose name stands twice nothing is read.
    """
    csv.field_size_limit(_LONGEST_CELL)  # the default of 128 KiB is less than a long article
    dialect, notes = _dialect(path, name)
    lines = _lines(path, name, dialect)
    _, header = next(lines, (0, []))
    lines.close()
    columns = [cell.strip() for cell in header]
    if not any(columns):
        raise BadDataError(f"{name!r} is empty" if not header else f"the first line of {name!r} names no column")

    def records() -> Iterator[tuple[str, Record]]:
        body = _lines(path, name, dialect)
        next(body)
        kept = 0
        for line, cells in body:
            while len(cells) > len(columns) and not cells[-1].strip():
                cells.pop()
            if len(cells) != len(columns):
                if len(cells) == 1 and not cells[0].strip():
                    continue  # a line of blanks
                raise BadDataError(
                    f"line {line} of {name!r} has {len(cells)} cells, but there are {len(columns)} columns",
                    remedy="Quote cells that hold a comma or a line break",
                )
            kept += dialect.quoting == csv.QUOTE_NONE and any(_is_quoted(cell) for cell in cells)
            yield f"line {line} of {name!r}", dict(zip(columns, cells, strict=True))
        if kept:
            notes.append(f"{kept} lines of {name!r} have quotation marks round a cell: in a TSV they are part of it")

    return Table.of(columns, records, notes)


class _Dialect(csv.Dialect):
    """Quoting as in RFC 4180, or none at all."""

    quotechar = '"'
    doublequote = True
    lineterminator = "\r\n"
    strict = True

    def __init__(self, delimiter: str, *, quoted: bool, spaced: bool, skipped: int) -> None:
        self.delimiter = delimiter
        self.quoting = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
        self.skipinitialspace = spaced
        self.skipped = skipped
        """Lines before the header: Excel's `sep=;`."""
        super().__init__()


def _dialect(path: Path, name: str) -> tuple[_Dialect, list[str]]:
    with open_text(path, name, newline="") as stream:
        head = stream.read(_PIECE)
    said = re.match(r"sep=(.)\r?\n?", head, re.IGNORECASE)
    first = head[said.end() if said else 0 :].lstrip("\r\n").partition("\n")[0]
    tabs = path.suffix.lower() == ".tsv"
    delimiter = "\t" if tabs else said[1] if said else _parted_by(first)
    notes = (
        []
        if tabs or delimiter == ","
        else [f"the cells of {name!r} are parted by {_DELIMITERS.get(delimiter, delimiter)}"]
    )
    spaced = re.search(re.escape(delimiter) + ' +"', head) is not None
    return _Dialect(delimiter, quoted=not tabs, spaced=spaced and not tabs, skipped=1 if said else 0), notes


def _parted_by(header: str) -> str:
    """What parts the cells of the header line: what is there most often outside quotation marks, else a comma."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(_DELIMITERS, key=bare.count) if any(one in bare for one in _DELIMITERS) else ","


def _lines(path: Path, name: str, dialect: _Dialect) -> Generator[tuple[int, list[str]], None, None]:
    """Each record with the line on which it ends. Raises: BadDataError naming the line on which a broken one begins."""
    with open_text(path, name, newline="") as stream:
        for _ in range(dialect.skipped):
            stream.readline()
        reader, begun = csv.reader(stream, dialect=dialect), dialect.skipped
        try:
            for cells in reader:
                line = reader.line_num + dialect.skipped
                begun = line
                if cells:
                    yield line, cells
        except csv.Error as error:
            raise BadDataError(
                f"the record that begins on line {begun + 1} of {name!r} is not CSV: {error}",
                remedy="Close each quotation mark; inside a quoted cell write it twice",
            ) from error


def _is_quoted(cell: str) -> bool:
    return len(cell) > 1 and cell[0] == cell[-1] == '"'
