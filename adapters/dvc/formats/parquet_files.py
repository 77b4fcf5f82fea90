"""Parquet files: opened, weighed by what their metadata says before a value is read, and read column by column.

A few kilobytes of Parquet can hold billions of values, or one long text for a million rows. What the metadata says is
checked first; where it says less than there is, the rows themselves are counted, and the memory limit of the process
holds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import pyarrow
from pyarrow import compute, parquet

from adapters.dvc.formats.columns import Record, Table, check_columns
from adapters.dvc.rows.drafts import Columns
from adapters.dvc.tracking import Tracked
from registry.errors import BadDataError

_BYTES_A_VALUE = 8
_BYTES_A_TEXT = 49
"""What Python needs for a text beside its characters."""
_ROWS = 1024
"""Rows that are decoded at once."""


@contextmanager
def opened(
    tracked: Tracked, name: str, columns: Columns, wanted: Collection[str] = ()
) -> Iterator[parquet.ParquetFile]:
    """The file, when what it says of the columns `wanted` is within the limits.

    Errors of PyArrow in the block become ours. Raises: BadDataError, TooLargeError, MemoryError.
    """
    path = tracked.root / name
    try:
        texts = _texts(path, wanted)
        with parquet.ParquetFile(path, read_dictionary=texts) as file:
            check_columns(file.schema_arrow.names, name)
            _weigh(file, wanted, columns, tracked.record.size)
            _weigh_texts(file, texts, columns, tracked.record.size)
            yield file
    except pyarrow.ArrowMemoryError as error:
        raise MemoryError from error
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:
        raise BadDataError(f"{name!r} cannot be read as Parquet: {error}") from error


def _texts(path: object, wanted: Collection[str]) -> list[str]:
    """The columns of texts among `wanted`: their values are kept once each, however many rows have them."""
    if not wanted:
        return []
    schema = parquet.read_schema(path)
    kinds = {name: schema.field(name).type for name in wanted if schema.names.count(name) == 1}
    return [name for name, kind in kinds.items() if pyarrow.types.is_string(kind) or pyarrow.types.is_binary(kind)]


def _weigh(file: parquet.ParquetFile, wanted: Collection[str], columns: Columns, size: int) -> None:
    said = file.metadata
    columns.limits.check_rows(said.num_rows)
    unpacked = 0
    for group in range(said.num_row_groups):
        for number in range(said.num_columns):
            column = said.row_group(group).column(number)
            if column.path_in_schema.partition(".")[0] in wanted:
                unpacked += max(column.total_uncompressed_size, column.num_values * _BYTES_A_VALUE)
        columns.limits.check_unpacked(unpacked, size)


def _weigh_texts(file: parquet.ParquetFile, texts: list[str], columns: Columns, size: int) -> None:
    """The texts of all rows, from the length of each different one and how often it stands there."""
    unpacked = 0
    for batch in file.iter_batches(batch_size=_ROWS, columns=texts) if texts else ():
        for column in batch.columns:
            lengths = compute.binary_length(column.dictionary)
            total = compute.sum(lengths.take(column.indices.drop_null()))
            unpacked += (total.as_py() or 0) + len(column) * _BYTES_A_TEXT
        columns.limits.check_unpacked(unpacked, size)


def read_parquet(tracked: Tracked, name: str, columns: Columns) -> Table:
    """A table in Parquet. Raises: BadDataError, TooLargeError."""

    def records(wanted: Collection[str]) -> Iterator[tuple[str, Record]]:
        number = 0
        with opened(tracked, name, columns, wanted) as file:
            for batch in file.iter_batches(batch_size=_ROWS, columns=list(wanted)):
                names = batch.schema.names
                for values in zip(*batch.columns, strict=True):  # one row at a time: a text may be shared by all rows
                    number += 1
                    record = {key: value.as_py() for key, value in zip(names, values, strict=True)}
                    yield f"row {number} of {name!r}", record

    with opened(tracked, name, columns) as file:
        return Table(tuple(file.schema_arrow.names), records)
