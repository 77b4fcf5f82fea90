"""Statements that are compiled once for each database, and read as plain tuples, where many are run for one answer.

SQLAlchemy looks up each statement among those that it compiled, by all of its parts, and makes objects for what comes
back. For a question that reads a few rows that is as much work as the question; for a row that is written it is more.
Here the text is kept beside the statement. It is run by SQLAlchemy's connection all the same: who listens to it, and
what its errors mean, stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect, Table, insert

Rows = list[Any]
"""Of one statement, each with its columns in their order."""


class Prebuilt:
    """One statement. It must not need to be written anew for its parameters, as an `IN` with many does."""

    def __init__(self, make: Callable[[], Any], columns: Sequence[str] = ()) -> None:
        """`make` gives the statement, and is called when it runs for the first time on a database.

        An INSERT or UPDATE writes the `columns`, each from the parameter that has its name.
        """
        self._make = make
        self._columns = columns
        self._compiled: dict[str, _Compiled] = {}

    def rows(self, connection: Connection, given: Mapping[str, object]) -> Rows:
        """What it finds, or returns, with the parameters `given`, each column as its type reads it."""
        compiled = self._on(connection)
        with connection.exec_driver_sql(compiled.text, compiled.values(given)) as result:
            return compiled.read(result.cursor)

    def run(self, connection: Connection, given: Mapping[str, object]) -> int:
        """Write with the parameters `given`; the number of rows that were written."""
        compiled = self._on(connection)
        return connection.exec_driver_sql(compiled.text, compiled.values(given)).rowcount

    def run_all(self, connection: Connection, rows: Sequence[Mapping[str, object]]) -> None:
        """Write once with each of the `rows` as parameters. Nothing happens where there are none."""
        if rows:
            compiled = self._on(connection)
            given = [compiled.values(row) for row in rows]
            connection.exec_driver_sql(compiled.text, given if len(given) > 1 else given[0])

    def _on(self, connection: Connection) -> _Compiled:
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _Compiled(self._make(), self._columns, dialect)
        return compiled


def inserting(table: Table[Any], *columns: str) -> Prebuilt:
    """Adds rows with these columns; all others get what the table has for them."""
    return Prebuilt(lambda: insert(table).inline(), columns)


def inserting_for_key(table: Table[Any], *columns: str) -> Prebuilt:
    """The same, and returns the new `id`."""
    return Prebuilt(lambda: insert(table).returning(table.c.id), columns)


class _Compiled:
    """It for one database."""

    def __init__(self, statement: Any, columns: Sequence[str], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=list(columns) or None)
        self.text: str = compiled.string
        self._dialect = dialect
        self._positional: bool = compiled.positional
        names = compiled.positiontup if compiled.positional else list(compiled.params)
        types = {name: compiled.binds[name].type.dialect_impl(dialect) for name in names}
        self._parameters = tuple((one, compiled.params[one], types[one].bind_processor(dialect)) for one in names)
        """Each with the value that the statement itself has for it, and what makes the driver's value of one given."""
        returned = statement.exported_columns if statement.is_dml or statement.is_select else ()
        self._types = tuple(column.type.dialect_impl(dialect) for column in returned)
        self._readers: tuple[tuple[int, Callable[[Any], object]], ...] | None = None
        """By place the columns that the driver gives otherwise than they are read; the driver's types tell."""

    def values(self, given: Mapping[str, object]) -> Any:
        found = [
            (name, fixed if name not in given else given[name] if write is None else write(given[name]))
            for name, fixed, write in self._parameters
        ]
        return tuple(value for _, value in found) if self._positional else dict(found)

    def read(self, cursor: Any) -> Rows:
        if self._readers is None:
            kinds = zip(self._types, cursor.description, strict=True)
            readers = (kind.result_processor(self._dialect, column[1]) for kind, column in kinds)
            self._readers = tuple((i, read) for i, read in enumerate(readers) if read is not None)
        if not self._readers:
            return list(cursor.fetchall())
        rows = [list(row) for row in cursor.fetchall()]
        for place, read in self._readers:
            for row in rows:
                row[place] = read(row[place])
        return rows
