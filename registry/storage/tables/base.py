"""The one MetaData, with names for every constraint: batch migrations on SQLite cannot find unnamed ones."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Index, MetaData, event, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index over the rows for which `where` holds, on both databases.

    PostgreSQL's condition is given when the index is made there: naming it here would import that dialect (20 ms) into
    every command.
    """
    condition = text(where)
    index = Index(name, *columns, unique=unique, sqlite_where=condition)

    @event.listens_for(index, "before_create")
    def for_postgresql(target: Index, connection: Connection, **_: Any) -> None:
        if connection.dialect.name == "postgresql":
            target.dialect_options["postgresql"]["where"] = condition

    return index
