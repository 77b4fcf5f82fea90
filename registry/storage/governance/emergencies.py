"""Emergencies as rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, insert, select, update

from registry.domain.governance.promotion import RequestState
from registry.domain.governance.reviews.bypasses import (
    Emergency,
    EmergencyAgreement,
    EmergencyReview,
    emergency_record,
)
from registry.services.storage.reviews import EMERGENCY
from registry.storage.catalog.versions import refs_of
from registry.storage.tables import emergency, emergency_agreement, emergency_review, request


def add(connection: Connection, value: Emergency) -> None:
    """Write it, without agreements and reviews."""
    key = select(request.c.id).where(request.c.public_id == value.request).scalar_subquery()
    connection.execute(
        insert(emergency).values(
            public_id=value.id,
            request_id=key,
            incident=value.incident,
            reason=value.reason,
            declared_by=value.by,
            declared_at=value.at,
            due_at=value.due_at,
            quorum=value.quorum,
            needed=value.needed,
            effective_at=value.effective_at,
        )
    )


def emergencies(connection: Connection, *conditions: ColumnElement[bool]) -> Sequence[Emergency]:
    """Those for which the conditions hold, oldest first, each with who agreed and who reviewed.

    Four statements, or one where there is none.
    """
    about = request.c.public_id.label("about")
    state = request.c.state.label("request_state")
    query = select(emergency, about, state, request.c.node_id).join(request, request.c.id == emergency.c.request_id)
    rows = connection.execute(query.where(*conditions).order_by(emergency.c.id)).all()
    if not rows:
        return []
    given: dict[int, list[EmergencyReview]] = {row.id: [] for row in rows}
    reviews = select(emergency_review).where(emergency_review.c.emergency_id.in_(list(given)))
    for row in connection.execute(reviews.order_by(emergency_review.c.id)):
        given[row.emergency_id].append(EmergencyReview(row.person, row.comment, row.at))
    agreed: dict[int, list[EmergencyAgreement]] = {row.id: [] for row in rows}
    agreements = select(emergency_agreement).where(emergency_agreement.c.emergency_id.in_(list(agreed)))
    for row in connection.execute(agreements.order_by(emergency_agreement.c.id)):
        agreed[row.emergency_id].append(EmergencyAgreement(row.person, row.comment, row.at))
    refs = refs_of(connection, {row.node_id for row in rows})
    return [
        Emergency(
            row.public_id,
            refs[row.node_id],
            row.about,
            row.incident,
            row.reason,
            row.declared_by,
            row.declared_at,
            row.due_at,
            row.quorum,
            tuple(given[row.id]),
            row.reviewed_at,
            row.lapsed_at,
            row.needed,
            tuple(agreed[row.id]),
            row.effective_at,
            row.effective_at is None and row.request_state != RequestState.OPEN,
        )
        for row in rows
    ]


def still_open() -> tuple[ColumnElement[bool], ...]:
    """The conditions for those that were neither reviewed nor lapsed, and not closed before they took effect."""
    not_ended = emergency.c.effective_at.is_not(None) | (request.c.state == RequestState.OPEN)
    return (emergency.c.reviewed_at.is_(None), emergency.c.lapsed_at.is_(None), not_ended)


def add_agreement(connection: Connection, emergency_id: str, agreement: EmergencyAgreement) -> None:
    """Append it. The caller has checked that this person has not agreed before."""
    key = select(emergency.c.id).where(emergency.c.public_id == emergency_id).scalar_subquery()
    values: dict[str, Any] = {"person": agreement.person, "comment": agreement.comment, "at": agreement.at}
    connection.execute(insert(emergency_agreement).values(emergency_id=key, **values))


def take_effect(connection: Connection, emergency_id: str, *, at: datetime, due_at: datetime) -> None:
    """Enough people want it: from now on it lasts until `due_at`."""
    changes = update(emergency).where(emergency.c.public_id == emergency_id)
    connection.execute(changes.values(effective_at=at, due_at=due_at))


def add_review(connection: Connection, emergency_id: str, review: EmergencyReview) -> None:
    """Append it. The caller has checked that this person has not reviewed it before."""
    key = select(emergency.c.id).where(emergency.c.public_id == emergency_id).scalar_subquery()
    values: dict[str, Any] = {"person": review.person, "comment": review.comment, "at": review.at}
    connection.execute(insert(emergency_review).values(emergency_id=key, **values))


def close(
    connection: Connection, emergency_id: str, *, reviewed_at: datetime | None, lapsed_at: datetime | None
) -> None:
    """It was reviewed, or its time is over."""
    values = {"reviewed_at": reviewed_at, "lapsed_at": lapsed_at}
    connection.execute(update(emergency).where(emergency.c.public_id == emergency_id).values(**values))


def state(connection: Connection) -> Iterator[tuple[str, str]]:
    """What the rows say of each emergency, to be held against the log."""
    for one in emergencies(connection):
        people = [review.person for review in one.reviews]
        lapsed, effective = one.lapsed_at is not None, one.effective_at is not None
        due = one.due_at.isoformat()
        record = emergency_record(one.request, one.wanted_by, due, people, effective=effective, lapsed=lapsed)
        yield EMERGENCY + one.id, record
