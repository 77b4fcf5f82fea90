"""The models and datasets of teams that somebody does not see, as conditions of SQL.

The team of a name is what stands before its slash. A search with nothing hidden does not have these conditions.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Table, bindparam, func, select, text

from registry.storage.tables import asset


def is_hidden(hidden: Collection[str], dialect: str, assets: Any = asset) -> ColumnElement[bool]:
    """True of the rows of `asset` whose team, folded, is one of `hidden`."""
    if dialect == "postgresql":
        team = func.split_part(assets.c.folded, "/", 1)
    else:
        team = func.substr(assets.c.folded, 1, func.instr(assets.c.folded, "/") - 1)
    return team.in_(sorted(hidden))


def of_hidden(rows: Table[Any], hidden: Collection[str], dialect: str) -> ColumnElement[bool]:
    """True of the rows of `listing`, of an alias of it, of `headline` or of `version` whose model is hidden."""
    owner = asset.alias("owner_of_row")
    return select(owner.c.id).where(owner.c.id == rows.c.asset_id, is_hidden(hidden, dialect, owner)).exists()


def hidden_models(dialect: str) -> str:
    """A query for the keys of hidden models; the statement that it becomes a part of goes through `with_hidden`."""
    team = "split_part(folded, '/', 1)" if dialect == "postgresql" else "substr(folded, 1, instr(folded, '/') - 1)"
    return f"SELECT id FROM asset WHERE kind = 'models' AND {team} IN :hidden"  # noqa: S608 - our own text


def with_hidden(statement: str, hidden: Collection[str]) -> Any:
    """The statement with the hidden teams given to it."""
    return text(statement).bindparams(bindparam("hidden", sorted(hidden), expanding=True))
