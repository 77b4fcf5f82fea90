"""What is kept of the rows of data, to find data with the same content."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Integer, Table, TypedColumns, false

from registry.storage.sql.types import Key
from registry.storage.tables.base import metadata, partial_index

NOTHING, SAMPLE, ALL = 0, 1, 2
"""What of the rows of data is due to be read."""


class DataRowsColumns(TypedColumns):
    """Which rows of a version of a dataset are kept."""

    node_id = Column(Key, ForeignKey("version.node_id"), primary_key=True, autoincrement=False)
    due = Column(Integer, nullable=False)
    different: Column[int | None] = Column(Key, nullable=True)
    """How many different rows it has, once they were read."""
    whole = Column(Boolean, nullable=False, server_default=false())
    marked = Column(Key, nullable=False, server_default="0", index=True)
    """The number of the newest change of its marks, among those of all data; 0 for none."""


class DataRowColumns(TypedColumns):
    """The key of a row: of a sample, or with `whole` of all rows of data that has, or had, marks."""

    whole = Column(Boolean, primary_key=True)
    row_key = Column(Key, primary_key=True, autoincrement=False)
    node_id = Column(Key, ForeignKey("version.node_id"), primary_key=True, autoincrement=False)


data_rows = Table(
    "data_rows", metadata, DataRowsColumns, partial_index("ix_data_rows_due", "due", "node_id", where="due > 0")
)
data_row = Table("data_row", metadata, DataRowColumns, sqlite_with_rowid=False)
