"""Hashes of passwords in SQL."""

from __future__ import annotations

from sqlalchemy import Connection, bindparam, delete, insert, select

from registry.domain.people.passwords import KeptPassword, PasswordSummary
from registry.storage.tables import password, person

_QUERY = (
    select(password, person.c.handle)
    .join(person, person.c.id == password.c.person_id)
    .where(person.c.handle == bindparam("handle"))
)
_DROP = delete(password).where(password.c.person_id == bindparam("key"))


def kept_password(connection: Connection, handle: str) -> KeptPassword | None:
    """See `PeopleRepository`."""
    row = connection.execute(_QUERY, {"handle": handle}).one_or_none()
    return None if row is None else KeptPassword(PasswordSummary(row.handle, row.set_at, row.made_by), row.hash)


def set_password(connection: Connection, key: int, kept: KeptPassword) -> None:
    """See `PeopleRepository`."""
    drop_password(connection, key)
    one = kept.summary
    values = {"person_id": key, "hash": kept.hash, "set_at": one.set_at, "made_by": one.made_by}
    connection.execute(insert(password), values)


def drop_password(connection: Connection, key: int) -> None:
    """See `PeopleRepository`."""
    connection.execute(_DROP, {"key": key})
