"""Tables of text and label: CSV and TSV, JSON Lines (or one JSON array) and Parquet, read record by record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import parquet

from adapters.dvc.columns import Record, Table, cell, find_column, label_column, split_column, unread
from adapters.dvc.csv_files import read_csv
from adapters.dvc.drafts import Columns, Draft, Found, text_digest
from adapters.dvc.labels import read_label, read_text
from adapters.dvc.split_names import FOLDER, clean_split, splits_of_files
from adapters.dvc.text_files import open_text
from adapters.dvc.tracking import Tracked
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat
from registry.errors import BadDataError

_LARGEST_ARRAY = 256 * 1024 * 1024
"""Bytes of a JSON array, which is read whole."""


def read_tables(tracked: Tracked, names: Sequence[str], format: DataFormat, columns: Columns) -> Found:
    """The rows of all tables in order of path, and what brought their splits: a column, or names such as train.

    Raises: BadDataError naming the column, or the line of the row.
    """
    by_file = splits_of_files(names) if columns.split in {None, FOLDER} else None
    drafts: list[Draft] = []
    notes: list[str] = []
    brought: set[str | None] = set()
    for number, name in enumerate(names):
        table = _READERS[format](tracked.root / name, name)
        text = find_column(table.columns, columns.text, name, option="text")
        label = label_column(table.columns, columns, name)
        notes += unread(table.columns, columns, name)
        split = None if by_file else split_column(table.columns, columns.split, name, taken={text, label})
        brought.add(FOLDER if by_file else split)
        for where, record in table.records():
            content = read_text(cell(record, text, where), where, columns.labels)
            value = cell(record, label, where) if label is not None else None
            drafts.append(
                Draft(
                    digest=text_digest(content, where),
                    label=read_label(value, where, columns.labels, text=content),
                    split=by_file[number] if by_file else clean_split(record.get(split), where) if split else None,
                    text=content,
                )
            )
        notes += table.notes
    if len(brought) > 1:
        raise BadDataError("some files have a column of splits and others have none", remedy="Give it to all of them")
    return Found(drafts, brought.pop(), Modality.TEXT, tuple(notes))


def read_json(path: Path, name: str) -> Table:
    """JSON Lines (one object a line), or one array of objects, in UTF-8. The columns are those of all objects.

    Raises: BadDataError.
    """
    with open_text(path, name) as stream:
        first = stream.read(4096).lstrip()[:1]
    if first == "[":
        found = _array(path, name)
        return Table.of(_keys(record for _, record in found), lambda: iter(found))

    def records() -> Iterator[tuple[str, Record]]:
        with open_text(path, name) as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield (where := f"line {number} of {name!r}"), _object(line, where)

    return Table.of(_keys(record for _, record in records()), records)


def _keys(records: Iterator[Record]) -> list[str]:
    return list(dict.fromkeys(key for record in records for key in record))


def _array(path: Path, name: str) -> list[tuple[str, Record]]:
    if path.stat().st_size > _LARGEST_ARRAY:
        raise BadDataError(
            f"{name!r} is one JSON array of more than {_LARGEST_ARRAY >> 20} MiB", remedy="Write JSON Lines"
        )
    with open_text(path, name) as stream:
        found: list[Any] = _parse(stream.read(), repr(name))
    rows = [(f"item {number} of {name!r}", item) for number, item in enumerate(found, start=1)]
    for where, item in rows:
        if not isinstance(item, dict):
            raise BadDataError(f"{where} is not a JSON object", remedy="Write an array of objects, or JSON Lines")
    return rows


def _object(line: str, where: str) -> Record:
    found = _parse(line, where)
    if not isinstance(found, dict):
        raise BadDataError(f"{where} is not a JSON object", remedy="Write one JSON object a line")
    return found


def _parse(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadDataError(f"{where} is not JSON: {error}", remedy="Write one JSON object a line") from error


def read_parquet(path: Path, name: str) -> Table:
    """A Parquet file. Raises: BadDataError."""
    try:
        with parquet.ParquetFile(path) as file:
            names = list(file.schema_arrow.names)
    except pyarrow.ArrowException as error:
        raise BadDataError(f"{name!r} is not Parquet: {error}") from error

    def records() -> Iterator[tuple[str, Record]]:
        number = 0
        try:
            with parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(batch_size=4096):
                    for record in batch.to_pylist():
                        number += 1
                        yield f"row {number} of {name!r}", record
        except pyarrow.ArrowException as error:
            raise BadDataError(f"{name!r} cannot be read after row {number}: {error}") from error

    return Table.of(names, records)


_READERS: Mapping[DataFormat, Callable[[Path, str], Table]] = {
    DataFormat.CSV: read_csv,
    DataFormat.JSONL: read_json,
    DataFormat.PARQUET: read_parquet,
}
