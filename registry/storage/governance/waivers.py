"""Waivers as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select, update

from registry.domain.governance.reviews.waivers import Waiver, WaiverApproval, waiver_record
from registry.errors import ConflictError
from registry.services.storage.reviews import WAIVER
from registry.storage.catalog.assets import require_version
from registry.storage.catalog.versions import refs_of
from registry.storage.tables import waiver, waiver_approval


def add_waiver(connection: Connection, value: Waiver) -> None:
    """Write it, without approvals."""
    connection.execute(
        insert(waiver).values(
            public_id=value.id,
            node_id=require_version(connection, value.ref).node_id,
            artifact=value.artifact,
            gate=value.gate,
            reason=value.reason,
            until_at=value.until_at,
            quorum=value.quorum,
            asked_by=value.asked_by,
            asked_at=value.asked_at,
        )
    )


def waivers(connection: Connection, *conditions: ColumnElement[bool]) -> Sequence[Waiver]:
    """Those for which the conditions hold, oldest first, each with its approvals: three statements, or one for none."""
    rows = connection.execute(select(waiver).where(*conditions).order_by(waiver.c.id)).all()
    if not rows:
        return []
    given: dict[int, list[WaiverApproval]] = {row.id: [] for row in rows}
    query = select(waiver_approval).where(waiver_approval.c.waiver_id.in_(list(given))).order_by(waiver_approval.c.id)
    for row in connection.execute(query):
        given[row.waiver_id].append(WaiverApproval(row.person, row.comment, row.at))
    refs = refs_of(connection, {row.node_id for row in rows})
    return [
        Waiver(
            row.public_id,
            refs[row.node_id],
            row.artifact,
            row.gate,
            row.reason,
            row.until_at,
            row.quorum,
            row.asked_by,
            row.asked_at,
            tuple(given[row.id]),
            row.granted_at,
            row.ended_at,
            row.ended_by,
        )
        for row in rows
    ]


def add_approval(connection: Connection, waiver_id: str, approval: WaiverApproval) -> None:
    """Append it. The caller has checked that this person has not approved before."""
    key = select(waiver.c.id).where(waiver.c.public_id == waiver_id).scalar_subquery()
    values: dict[str, Any] = {"person": approval.person, "comment": approval.comment, "at": approval.at}
    connection.execute(insert(waiver_approval).values(waiver_id=key, **values))


def grant(connection: Connection, waiver_id: str, *, at: datetime) -> None:
    """It is in force from now on."""
    connection.execute(update(waiver).where(waiver.c.public_id == waiver_id).values(granted_at=at))


def end(connection: Connection, waiver_id: str, *, by: str, at: datetime) -> None:
    """It is in force no more. Raises: ConflictError for one that was ended."""
    still = (waiver.c.public_id == waiver_id) & waiver.c.ended_at.is_(None)
    if connection.execute(update(waiver).where(still).values(ended_at=at, ended_by=by)).rowcount == 0:
        raise ConflictError(f"The waiver {waiver_id} is ended already")


def state(connection: Connection) -> Iterator[tuple[str, str]]:
    """What the rows say of each waiver, to be held against the log."""
    for one in waivers(connection):
        people = [approval.person for approval in one.approvals]
        ended = one.ended_at is not None
        yield WAIVER + one.id, waiver_record(one.gate, one.until_at.isoformat(), people, ended=ended)
