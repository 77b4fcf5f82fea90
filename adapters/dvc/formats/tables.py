"""Tables of text and label: CSV, JSON Lines and Parquet, read record by record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adapters.dvc.formats.columns import (
    Record,
    Table,
    clean_group,
    find_column,
    group_column,
    label_column,
    split_column,
    unread,
)
from adapters.dvc.formats.csv_files import read_csv
from adapters.dvc.formats.json_files import read_json
from adapters.dvc.formats.parquet_files import read_parquet
from adapters.dvc.rows.drafts import FOLDER, Columns, Draft, Drafts, Found, text_digest
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
    drafts = Drafts(columns, tracked.record.size)
    notes = read_as(files)
    brought: set[str | None] = set()
    for name in names:
        table = _read_table(tracked, name, format, columns)
        text = find_column(table.columns, columns.text, name, option="text")
        label = label_column(table.columns, columns, name)
        column = split_column(table.columns, columns.split, name, taken={text, label}) if not files else None
        group = group_column(table.columns, columns.group, name)
        notes += unread(table.columns, columns, name)
        if files and "split" in table.columns and "split" not in {text, label}:
            notes.append(f"the column 'split' of {name!r} was not read, since file names say the splits")
        brought.add(FOLDER if files else column)
        wanted = {one: None for one in (text, label, column, group) if one is not None}
        for where, record in table.records(wanted):
            split = clean_split(record.get(column), where) if column else files.get(name)
            draft = _draft(record, text, label, columns.labels, split, where)
            drafts.add(replace(draft, group=clean_group(record.get(group), where)) if group else draft)
        notes += table.notes
    return Found(drafts.found, one_way(brought), Modality.TEXT, tuple(notes))


def _read_table(tracked: Tracked, name: str, format: DataFormat, columns: Columns) -> Table:
    if format is DataFormat.PARQUET:
        return read_parquet(tracked, name, columns)
    return (read_csv if format is DataFormat.CSV else read_json)(tracked.root / name, name)


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
