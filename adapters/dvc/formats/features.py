"""Features in Parquet: a column `x` of lists of floats, all of one length, and beside it labels and perhaps splits.

They are what a step exports that gives representations away; as an `.npz` the same rows have the same digests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow
from numpy.typing import NDArray
from pyarrow import compute

from adapters.dvc.formats.arrays import row_digest
from adapters.dvc.formats.columns import clean_group, find_column, group_column, label_column, split_column, unread
from adapters.dvc.formats.parquet_files import opened
from adapters.dvc.formats.tables import named_splits, one_way
from adapters.dvc.rows.drafts import FOLDER, Columns, Draft, Drafts, Found
from adapters.dvc.rows.labels import TAGGED, read_label
from adapters.dvc.rows.split_names import clean_split, read_as
from adapters.dvc.tracking import Tracked
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import LabelKind
from registry.errors import BadDataError

COLUMN = "x"


def has_features(tracked: Tracked, names: Sequence[str], columns: Columns) -> bool:
    """True when the first table has lists of floats in `x`, and no column of texts. Raises: BadDataError."""
    schema = _schema(tracked, names[0], columns)
    if columns.text in schema.names or COLUMN not in schema.names:
        return False
    kind = schema.field(COLUMN).type
    lists = pyarrow.types.is_list(kind) or pyarrow.types.is_large_list(kind) or pyarrow.types.is_fixed_size_list(kind)
    return bool(lists and pyarrow.types.is_floating(kind.value_type))


def read_features(tracked: Tracked, names: Sequence[str], columns: Columns) -> Found:
    """The rows of all files in order of path: `path` and `index` say where each is. Raises: BadDataError."""
    if columns.labels is LabelKind.TAGS:
        raise BadDataError("Tags belong to the words of a text, and these are numbers", remedy=f"Give {TAGGED}")
    files = named_splits(names, columns)
    drafts = Drafts(columns, tracked.record.size)
    notes = read_as(files)
    brought: set[str | None] = set()
    widths: set[int] = set()
    for name in names:
        schema = _schema(tracked, name, columns)
        find_column(schema.names, COLUMN, name, option="text")
        label = label_column(schema.names, columns, name)
        split = None if files else split_column(schema.names, columns.split, name, taken={COLUMN, label})
        group_column(schema.names, columns.group, name)
        notes += unread(schema.names, columns, name)
        brought.add(FOLDER if files else split)
        for draft in _read_file(tracked, name, columns, label, split, widths):
            drafts.add(replace(draft, split=files[name]) if files else draft)
    return Found(drafts.found, one_way(brought), Modality.TABULAR, tuple(notes))


def _read_file(
    tracked: Tracked, name: str, columns: Columns, label: str | None, split: str | None, widths: set[int]
) -> Iterator[Draft]:
    wanted = [column for column in (label, split, columns.group) if column is not None]
    row = 0
    with opened(tracked, name, columns, [COLUMN, *wanted]) as file:
        for batch in file.iter_batches(batch_size=1024, columns=[COLUMN, *wanted]):
            vectors = _vectors(batch.column(COLUMN), row, name, widths)
            for vector, record in zip(vectors, batch.select(wanted).to_pylist(), strict=True):
                where = f"row {row} of {name!r}"
                yield Draft(
                    digest=row_digest(vector),
                    label=read_label(record[label] if label is not None else None, where, columns.labels),
                    split=clean_split(record[split], where) if split is not None else None,
                    path=name,
                    index=row,
                    group=clean_group(record[columns.group], where) if columns.group is not None else None,
                )
                row += 1


def _vectors(column: Any, start: int, name: str, widths: set[int]) -> NDArray[Any]:
    """The lists of a batch as rows of one array. `widths` is the one length that lists had so far."""
    for row, width in enumerate(compute.list_value_length(column).to_pylist(), start=start):
        widths.add(width or 0)
        if len(widths) > 1 or not width:
            raise BadDataError(
                f"Row {row} of {name!r} has {width or 'no'} numbers in {COLUMN!r}, unlike the rows before it",
                remedy="Give each row a list of the same length",
            )
    values = column.flatten()
    found = values.to_numpy(zero_copy_only=False).reshape(len(column), -1)
    bad = ~np.isfinite(found).all(axis=1)
    if bad.any():
        raise BadDataError(f"Row {start + int(bad.argmax())} of {name!r} has a value that is not a finite number")
    return np.asarray(found)


def _schema(tracked: Tracked, name: str, columns: Columns) -> pyarrow.Schema:
    with opened(tracked, name, columns) as file:
        return file.schema_arrow
