"""Identities at a provider, and sign-ins that are finished, in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from lineage import Digest
from registry.domain.people.identities import BoundIdentity
from registry.storage.tables import finished_sign_in, identity, person

_REMEMBERED = timedelta(days=1)
"""How long a sign-in is remembered that was finished: its cookie was good for minutes."""
_BOUND = select(identity, person.c.handle).join(person, person.c.id == identity.c.person_id)
_ONE = _BOUND.where(identity.c.issuer == bindparam("by"), identity.c.subject == bindparam("who"))
_OF = _BOUND.where(person.c.handle == bindparam("handle")).order_by(identity.c.id)
_CHANGE = (
    update(identity)
    .where(identity.c.issuer == bindparam("by"), identity.c.subject == bindparam("who"))
    .values(roles=bindparam("given"), live=bindparam("good"), made_by=bindparam("maker"))
)


def identity_of(connection: Connection, issuer: str, subject: str) -> BoundIdentity | None:
    """See `PeopleRepository.identity`."""
    row = connection.execute(_ONE, {"by": issuer, "who": subject}).one_or_none()
    return None if row is None else _bound(row)


def identities_of(connection: Connection, handle: str) -> Sequence[BoundIdentity]:
    """See `PeopleRepository.identities`."""
    return [_bound(row) for row in connection.execute(_OF, {"handle": handle})]


def add_identity(connection: Connection, key: int, bound: BoundIdentity) -> None:
    """See `PeopleRepository`."""
    values = {
        "person_id": key,
        "issuer": bound.issuer,
        "subject": bound.subject,
        "roles": ",".join(bound.roles),
        "live": bound.live,
        "made_by": bound.made_by,
        "bound_at": bound.bound_at,
    }
    connection.execute(insert(identity), values)


def change_identity(connection: Connection, bound: BoundIdentity) -> None:
    """See `PeopleRepository`."""
    changed = {"given": ",".join(bound.roles), "good": bound.live, "maker": bound.made_by}
    connection.execute(_CHANGE, {"by": bound.issuer, "who": bound.subject, **changed})


def spend(connection: Connection, spent: Digest, *, at: datetime) -> bool:
    """See `PeopleRepository`."""
    connection.execute(delete(finished_sign_in).where(finished_sign_in.c.at < at - _REMEMBERED))
    if connection.execute(select(finished_sign_in.c.name).where(finished_sign_in.c.name == spent)).first() is not None:
        return False
    connection.execute(insert(finished_sign_in), {"name": spent, "at": at})
    return True


def _bound(row: Row[Any]) -> BoundIdentity:
    roles = tuple(filter(None, row.roles.split(",")))
    return BoundIdentity(row.handle, row.issuer, row.subject, roles, row.bound_at, row.live, row.made_by)
