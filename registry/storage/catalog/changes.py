"""Which models have changed since their block was packed: those that `blocks` reads from their own rows."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import Connection, select

from registry.storage.sql.upsert import upsert
from registry.storage.tables import facet_change

FEW = 256
"""Models that may stay noted: reading them one by one costs little."""


def note(connection: Connection, model: int) -> None:
    """The model changes in this transaction."""
    note_all(connection, (model,))


def note_all(connection: Connection, models: Iterable[int]) -> None:
    """The same for many."""
    upsert(connection, facet_change, [{"asset_id": model} for model in sorted(set(models))], ("asset_id",))


def many(connection: Connection) -> bool:
    """Whether more than `FEW` models are noted."""
    return len(connection.scalars(noted().limit(FEW + 1)).all()) > FEW


@cache
def noted() -> Any:
    """The keys of the models."""
    return select(facet_change.c.asset_id)
