"""Tables of text and label: CSV (`.tsv` with tabs), JSON Lines and Parquet, read record by record."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow
from pyarrow import parquet

from adapters.dvc.drafts import FOLDER, Columns, Draft, Found, are_splits, clean_split, text_digest
from adapters.dvc.labels import NO_LABELS, read_label, read_text
from adapters.dvc.tracking import Tracked
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, LabelKind
from registry.domain.text import nearest
from registry.errors import BadDataError

_LONGEST_CELL = 64 * 1024 * 1024
Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """A table: its columns, and its records, each with where it stands (`line 3 of 'a.csv'`)."""

    columns: tuple[str, ...]
    records: Callable[[], Iterator[tuple[str, Record]]]


def read_tables(tracked: Tracked, names: Sequence[str], format: DataFormat, columns: Columns) -> Found:
    """The rows of all tables in order of path, and what brought their splits: a column, or file names such as train.

    Raises: BadDataError naming the column, or the line of the row.
    """
    stems = [PurePosixPath(name).stem for name in names]
    by_file = columns.split in {None, FOLDER} and len(names) > 1 and are_splits(stems)
    drafts: list[Draft] = []
    notes: list[str] = []
    brought: set[str | None] = set()
    for name, stem in zip(names, stems, strict=True):
        table = _READERS[format](tracked.root / name, name)
        text = find_column(table.columns, columns.text, name, option="text")
        label = label_column(table.columns, columns, name)
        notes += unread(table.columns, columns, name)
        split = None if by_file else split_column(table.columns, columns.split, name, taken={text, label})
        brought.add(FOLDER if by_file else split)
        for where, record in table.records():
            content = read_text(_cell(record, text, where), where, columns.labels)
            said = _cell(record, label, where) if label is not None else None
            drafts.append(
                Draft(
                    digest=text_digest(content, where),
                    label=read_label(said, where, columns.labels, text=content),
                    split=clean_split(stem if by_file else record.get(split or ""), where)
                    if by_file or split
                    else None,
                    text=content,
                )
            )
    if len(brought) > 1:
        raise BadDataError("some files have a column of splits and others have none", remedy="Give it to all of them")
    return Found(drafts, brought.pop(), Modality.TEXT, tuple(notes))


def label_column(found: Collection[str], columns: Columns, name: str) -> str | None:
    """The column of labels, None where rows have none. Raises: BadDataError."""
    if columns.labels is LabelKind.NONE:
        return None
    return find_column(found, columns.label, name, option="label", otherwise=f", or {NO_LABELS}")


def unread(found: Collection[str], columns: Columns, name: str) -> list[str]:
    """A note about labels that are there and were not wanted."""
    if columns.labels is LabelKind.NONE and columns.label in found:
        return [f"the labels in {columns.label!r} of {name!r} were left out, as asked"]
    return []


def _cell(record: Record, column: str, where: str) -> object:
    if column not in record:
        raise BadDataError(f"{where} has no {column!r}", remedy="Fill it in or remove the row")
    return record[column]


def find_column(columns: Collection[str], wanted: str, name: str, *, option: str, otherwise: str = "") -> str:
    """`wanted` if it is a column. Raises: BadDataError naming the columns there are, and the nearest one."""
    if wanted in columns:
        return wanted
    meant = nearest(wanted, columns)
    remedy = f"Did you mean {meant!r}? " if meant else ""
    raise BadDataError(
        f"{name!r} has no column {wanted!r}; it has {', '.join(map(repr, columns)) or 'none'}",
        remedy=f"{remedy}Name it with --{option}{otherwise}",
    )


def split_column(columns: Collection[str], wanted: str | None, name: str, *, taken: set[str | None]) -> str | None:
    """The column of splits: the one asked for, else `split` if there is one. Raises: BadDataError."""
    if wanted is not None:
        return find_column(columns, wanted, name, option="split-column")
    return "split" if "split" in columns and "split" not in taken else None


def read_csv(path: Path, name: str) -> Table:
    """A CSV with a header line, in UTF-8. Raises: BadDataError."""
    csv.field_size_limit(_LONGEST_CELL)  # the default of 128 KiB is less than a long article
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    lines = _csv_lines(path, name, delimiter)
    _, header = next(lines, (0, []))
    lines.close()
    columns = tuple(cell.strip() for cell in header)
    if not columns or not all(columns) or len(set(columns)) < len(columns):
        raise BadDataError(
            f"the first line of {name!r} is no header: it has an empty or a repeated name",
            remedy="Name each column once",
        )

    def records() -> Iterator[tuple[str, Record]]:
        body = _csv_lines(path, name, delimiter)
        next(body)
        for line, cells in body:
            if len(cells) != len(columns):
                raise BadDataError(
                    f"line {line} of {name!r} has {len(cells)} cells, but there are {len(columns)} columns",
                    remedy="Quote cells that hold a comma or a line break",
                )
            yield f"line {line} of {name!r}", dict(zip(columns, cells, strict=True))

    return Table(columns, records)


def _csv_lines(path: Path, name: str, delimiter: str) -> Generator[tuple[int, list[str]], None, None]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        try:
            for cells in reader:
                if cells:
                    yield reader.line_num, cells
        except UnicodeDecodeError as error:
            raise not_utf8(name, error) from error
        except csv.Error as error:
            raise BadDataError(f"line {reader.line_num} of {name!r} is no CSV: {error}") from error


def read_jsonl(path: Path, name: str) -> Table:
    """JSON Lines: one object a line, in UTF-8. The columns are the first object's. Raises: BadDataError."""

    def records() -> Iterator[tuple[str, Record]]:
        with path.open(encoding="utf-8-sig") as stream:
            try:
                for number, line in enumerate(stream, start=1):
                    if line.strip():
                        yield (where := f"line {number} of {name!r}"), _json_object(line, where)
            except UnicodeDecodeError as error:
                raise not_utf8(name, error) from error

    first = next(records(), None)
    return Table(tuple(first[1]) if first else (), records)


def _json_object(line: str, where: str) -> Record:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadDataError(f"{where} is no JSON: {error}", remedy="Write one JSON object a line") from error
    if not isinstance(found, dict):
        raise BadDataError(f"{where} is no JSON object", remedy="Write one JSON object a line")
    return found


def read_parquet(path: Path, name: str) -> Table:
    """A Parquet file. Raises: BadDataError."""

    def records() -> Iterator[tuple[str, Record]]:
        number = 0
        try:
            with parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=4096):
                    for record in batch.to_pylist():
                        number += 1
                        yield f"row {number} of {name!r}", record
        except pyarrow.ArrowException as error:
            raise BadDataError(f"{name!r} is no Parquet after row {number}: {error}") from error

    try:
        with parquet.ParquetFile(path) as file:
            columns = tuple(file.schema_arrow.names)
    except pyarrow.ArrowException as error:
        raise BadDataError(f"{name!r} is no Parquet: {error}") from error
    return Table(columns, records)


def not_utf8(name: str, error: UnicodeDecodeError) -> BadDataError:
    """What to say of a text in another encoding."""
    return BadDataError(f"{name!r} is not UTF-8 (byte {error.start} of what was read)", remedy="Convert it to UTF-8")


_READERS: Mapping[DataFormat, Callable[[Path, str], Table]] = {
    DataFormat.CSV: read_csv,
    DataFormat.JSONL: read_jsonl,
    DataFormat.PARQUET: read_parquet,
}
