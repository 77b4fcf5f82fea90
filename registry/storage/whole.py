"""The whole database at once: a copy of it as a SQLite file, and such a file into an empty database.

SQLite copies its own pages (its online backup), which keeps every byte, of a damaged row too. Between SQLite and
PostgreSQL the rows are copied, in the order of foreign keys, through the same column types that the registry uses.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, bindparam, func, insert, inspect, select, table, text, update

from registry.errors import NoSpaceError, UnavailableError
from registry.storage.migrations import upgrade
from registry.storage.revisions import HEAD
from registry.storage.sql.engines import begin_migrating, make_engine
from registry.storage.tables import metadata
from registry.storage.tables.listing import FULL_TEXT

_CHUNK = 1000
"""Rows that are read and written at once."""
_REVISION = "alembic_version"


class SqlWholeDatabase:
    """Implements `WholeDatabase`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def revision(self) -> str:
        return str(self._connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())

    def rows(self) -> Mapping[str, int]:
        found = set(inspect(self._connection).get_table_names()) - {_REVISION}
        names = sorted(name for name in found if not name.startswith(FULL_TEXT))
        count = select(func.count())
        return {name: self._connection.execute(count.select_from(table(name))).scalar_one() for name in names}

    def copy_to(self, file: Path) -> None:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        if self._connection.dialect.name == "sqlite":
            self.revision()  # from the first query on the transaction sees one moment
            _copy_pages(self._connection, file)
            return
        engine = make_engine(f"sqlite:///{file}")
        target = begin_migrating(engine)
        try:
            upgrade(target, HEAD)
            copy_rows(self._connection, target)
            target.commit()
        finally:
            target.close()
            engine.dispose()


def _copy_pages(connection: Connection, file: Path) -> None:
    source: Any = connection.connection.driver_connection
    target = sqlite3.connect(file)
    try:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, which can be read where nothing can be written
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            raise NoSpaceError("The disk of the backup is full; nothing was kept") from error
        raise UnavailableError(f"The database cannot be copied: {error}") from error
    finally:
        target.close()


def copy_rows(source: Connection, target: Connection) -> None:
    """Copy all rows into tables that are empty and at the same revision."""
    for one in metadata.sorted_tables:
        own = [column for column in one.columns if any(key.column.table is one for key in column.foreign_keys)]
        keys = list(one.primary_key.columns)
        query = select(one).order_by(*keys).execution_options(yield_per=_CHUNK)
        later: list[Mapping[str, Any]] = []
        for part in source.execute(query).partitions():
            rows = [dict(row._mapping) for row in part]
            for row, column in ((row, column) for row in rows for column in own):
                if row[column.name] is not None:
                    later.append({"_key": row[keys[0].name], "_value": row[column.name]})
                    row[column.name] = None  # the row that it names may come after it
            target.execute(insert(one), rows)
        for column in own:
            if later:
                change = update(one).where(keys[0] == bindparam("_key")).values({column: bindparam("_value")})
                target.execute(change, later)
        _continue_numbers(target, one)


def _continue_numbers(target: Connection, one: Table) -> None:
    """PostgreSQL numbers new rows by a sequence, which does not see numbers that were given."""
    column = one.autoincrement_column
    if target.dialect.name != "postgresql" or column is None:
        return
    newest = target.execute(select(func.max(column))).scalar_one()
    if newest is not None:
        name = text("SELECT setval(pg_get_serial_sequence(:table, :column), :newest)")
        target.execute(name, {"table": one.name, "column": column.name, "newest": newest})
