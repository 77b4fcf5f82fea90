"""Insert or replace by key, in one statement, on both databases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import sqlite

from registry.storage.sql.prebuilt import Prebuilt


def upsert(
    connection: Connection,
    table: Table[Any],
    rows: Sequence[Mapping[str, object]],
    key: Sequence[str],
    *,
    added: Sequence[str] = (),
) -> None:
    """Insert `rows` into `table`; one that is there already by `key` gets the other columns' new values, if any.

    In the columns `added`, numbers, the new value is added to the one that is there.
    """
    if rows:
        prebuilt = _prebuilt(connection.dialect.name, table, tuple(rows[0]), tuple(key), tuple(added))
        prebuilt.run_all(connection, rows)


@cache
def _prebuilt(
    dialect: str, table: Table[Any], columns: tuple[str, ...], key: tuple[str, ...], added: tuple[str, ...]
) -> Prebuilt:
    return Prebuilt(lambda: _statement(dialect, table, columns, key, added), columns)


def _statement(
    dialect: str, table: Table[Any], columns: tuple[str, ...], key: tuple[str, ...], added: tuple[str, ...]
) -> Any:
    statement: Any = sqlite.insert(table)
    if dialect == "postgresql":
        from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - a tenth of SQLAlchemy's own start

        statement = postgresql.insert(table)
    new = statement.excluded
    changed = {name: table.c[name] + new[name] if name in added else new[name] for name in columns if name not in key}
    if not changed:
        return statement.on_conflict_do_nothing(index_elements=list(key))
    return statement.on_conflict_do_update(index_elements=list(key), set_=changed)
