"""What messages of every kind share in the database: which are due, who has them, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, bindparam, func, select, text, update

from registry.domain.notifications.webhooks import LONGEST, DeliveryState
from registry.services.storage.notifications import Result
from registry.storage.tables.notifications import WAITING


def due(table: Table, now: datetime) -> Sequence[ColumnElement[bool]]:
    """What is due, in two parts, since an index finds one range at a time.

    The second: a time that no wait reaches was written by a clock that was wrong.
    """
    return (table.c.next_at <= now, table.c.next_at > now + LONGEST + timedelta(minutes=1))


def is_due(connection: Connection, table: Table, now: datetime) -> bool:
    """True when `claim` would give something."""
    query = select(table.c.id).where(text(WAITING)).limit(1)
    return any(connection.execute(query.where(part)).first() is not None for part in due(table, now))


def claim(
    connection: Connection, table: Table, query: Any, now: datetime, *, until: datetime, limit: int
) -> Sequence[Row[Any]]:
    """Up to `limit` rows of `query` that are due, which nobody else is given before `until`."""
    query = query.where(text(WAITING)).order_by(table.c.next_at, table.c.id).limit(limit)
    rows = [row for part in due(table, now) for row in connection.execute(query.where(part))][:limit]
    if rows:
        mine = table.c.id.in_([row.id for row in rows])
        connection.execute(update(table).where(mine).values(next_at=until))
    return rows


def record(connection: Connection, table: Table, results: Sequence[Result]) -> None:
    """Keep what came of messages; one that another process has recorded meanwhile stays as that has it."""
    if not results:
        return
    still = (
        table.c.id == bindparam("_key"),
        table.c.attempts == bindparam("_before"),
        table.c.state == DeliveryState.WAITING.value,
    )
    changed = {
        "attempts": bindparam("_attempts"),
        "state": bindparam("_state"),
        **{
            name: func.coalesce(bindparam(f"_{name}", type_=table.c[name].type), table.c[name])
            for name in ("problem", "tried_at", "next_at")
        },
    }
    connection.execute(
        update(table).where(*still).values(changed),
        [
            {
                "_key": one.key,
                "_before": one.attempts - (one.tried_at is not None),
                "_attempts": one.attempts,
                "_state": one.state.value,
                "_problem": one.problem if one.tried_at is not None else None,
                "_tried_at": one.tried_at,
                "_next_at": one.next_at,
            }
            for one in results
        ],
    )
