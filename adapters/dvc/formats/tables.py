"""Tables of text and label: CSV, JSON Lines and Parquet, read record by record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow
from pyarrow import parquet

from adapters.dvc.formats.columns import Record, Table, find_column, label_column, split_column, unread
from adapters.dvc.formats.csv_files import read_csv
from adapters.dvc.formats.json_files import read_json
from adapters.dvc.rows.drafts import FOLDER, Columns, Draft, Found, text_digest
from adapters.dvc.rows.labels import read_label, read_text
from adapters.dvc.rows.places import begin
from adapters.dvc.rows.split_names import clean_split, read_as, split_files
from adapters.dvc.tracking import Tracked
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DataFormat, LabelKind
from registry.errors import BadDataError


def read_tables(tracked: Tracked, names: Sequence[str], format: DataFormat, columns: Columns) -> Found:
    """The rows of all tables in order of path, and what brought their splits: a column, or file names such as train.

    Raises: BadDataError naming the column, the line of the row, or files of which only some are named after splits.
    """
    files = named_splits(names, columns)
    drafts: list[Draft] = []
    notes = read_as(files)
    brought: set[str | None] = set()
    for name in names:
        table = _READERS[format](tracked.root / name, name)
        text = find_column(table.columns, columns.text, name, option="text")
        label = label_column(table.columns, columns, name)
        column = split_column(table.columns, columns.split, name, taken={text, label}) if not files else None
        notes += unread(table.columns, columns, name)
        if files and "split" in table.columns and "split" not in {text, label}:
            notes.append(f"the column 'split' of {name!r} was not read, since file names say the splits")
        brought.add(FOLDER if files else column)
        for where, record in table.records():
            split = clean_split(record.get(column), where) if column else files.get(name)
            drafts.append(_draft(record, text, label, columns.labels, split, where))
        notes += table.notes
    return Found(drafts, one_way(brought), Modality.TEXT, tuple(notes))


def named_splits(names: Sequence[str], columns: Columns) -> dict[str, str]:
    """The split of each file by its name, unless a column of splits is requested. Raises: BadDataError."""
    return split_files(names) if columns.split in {None, FOLDER} else {}


def one_way(brought: set[str | None]) -> str | None:
    """What brought the splits of all files. Raises: BadDataError where files differ in it."""
    if len(brought) > 1:
        raise BadDataError("Some files have a column of splits and others have none", remedy="Give it to all of them")
    return brought.pop()


def _draft(record: Record, text: str, label: str | None, labels: LabelKind, split: str | None, where: str) -> Draft:
    content = read_text(_cell(record, text, where), where, labels)
    value = _cell(record, label, where) if label is not None else None
    return Draft(
        digest=text_digest(content, where),
        label=read_label(value, where, labels, text=content),
        split=split,
        text=content,
    )


def _cell(record: Record, column: str, where: str) -> object:
    if column not in record:
        raise BadDataError(f"{begin(where)} has no {column!r}", remedy="Fill it in or remove the row")
    return record[column]


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
            raise BadDataError(f"{name!r} cannot be read as Parquet after row {number}: {error}") from error

    try:
        with parquet.ParquetFile(path) as file:
            columns = tuple(file.schema_arrow.names)
    except pyarrow.ArrowException as error:
        raise BadDataError(f"{name!r} is not Parquet: {error}") from error
    return Table(columns, records)


_READERS: Mapping[DataFormat, Callable[[Path, str], Table]] = {
    DataFormat.CSV: read_csv,
    DataFormat.JSONL: read_json,
    DataFormat.PARQUET: read_parquet,
}
