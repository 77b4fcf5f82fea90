"""The repository of what is reviewed around a promotion: findings and waivers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from lineage import NodeId
from registry.domain.governance.promotion import RequestState
from registry.domain.governance.reviews.attestations import Attestation
from registry.domain.governance.reviews.bypasses import Emergency, EmergencyAgreement, EmergencyReview
from registry.domain.governance.reviews.findings import Finding, FindingState, Severity, record_of
from registry.domain.governance.reviews.waivers import Waiver, WaiverApproval
from registry.domain.names import VersionRef
from registry.domain.paging import Page, PageRequest
from registry.errors import ConflictError
from registry.services.storage.reviews import FINDING
from registry.storage.catalog.assets import require_version
from registry.storage.catalog.versions import refs_of
from registry.storage.governance import attestations, emergencies, waivers
from registry.storage.sql.paging import SortBy, page_rows
from registry.storage.tables import attestation, emergency, finding, node, request, waiver

_MOST_AT_ONCE = 10_000
"""Nodes of one statement."""


class SqlReviews:
    """Implements `ReviewRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_finding(self, value: Finding) -> None:
        row = require_version(self._connection, value.ref)
        about = select(request.c.id).where(request.c.public_id == value.request).scalar_subquery()
        self._connection.execute(
            insert(finding).values(
                public_id=value.id,
                node_id=row.node_id,
                request_id=None if value.request is None else about,
                condition=value.condition,
                severity=value.severity,
                text=value.text,
                owner=value.owner,
                due_at=value.due_at,
                raised_by=value.raised_by,
                raised_at=value.raised_at,
            )
        )

    def finding(self, finding_id: str) -> Finding | None:
        rows = self._connection.execute(_findings().where(finding.c.public_id == finding_id)).all()
        return next(iter(self._values(rows)), None)

    def findings_about(self, ref: VersionRef) -> Sequence[Finding]:
        query = _findings().join(node, node.c.id == finding.c.node_id).where(node.c.label == str(ref))
        return [_value(row, ref) for row in self._connection.execute(query.order_by(finding.c.id))]

    def open_findings(self, nodes: Sequence[NodeId]) -> Mapping[NodeId, int]:
        opened = finding.c.resolved_at.is_(None)
        if self._connection.execute(select(finding.c.id).where(opened).limit(1)).first() is None:
            return {}
        found: dict[NodeId, int] = {}
        for start in range(0, len(nodes), _MOST_AT_ONCE):
            among = finding.c.node_id.in_(nodes[start : start + _MOST_AT_ONCE])
            query = select(finding.c.node_id, func.count()).where(among, opened).group_by(finding.c.node_id)
            found |= {row[0]: row[1] for row in self._connection.execute(query)}
        return found

    def findings(
        self,
        *,
        ref: VersionRef | None,
        owner: str | None,
        state: FindingState | None,
        now: datetime,
        page: PageRequest,
    ) -> Page[Finding]:
        query = _findings()
        if ref is not None:
            query = query.join(node, node.c.id == finding.c.node_id).where(node.c.label == str(ref))
        if owner is not None:
            query = query.where(finding.c.owner == owner)
        if state is FindingState.RESOLVED:
            query = query.where(finding.c.resolved_at.is_not(None))
        elif state is not None:
            query = query.where(finding.c.resolved_at.is_(None))
        if state is FindingState.OVERDUE:
            query = query.where(finding.c.due_at <= now)
        order = [SortBy(finding.c.id, int, descending=True)]
        scope = f"findings {ref} {owner} {state}"
        rows, cursor = page_rows(self._connection, query, order, page, scope=scope)
        return Page(self._values(rows), cursor)

    def resolve_finding(self, finding_id: str, *, by: str, comment: str, at: datetime) -> None:
        still = (finding.c.public_id == finding_id) & finding.c.resolved_at.is_(None)
        done = update(finding).where(still).values(resolved_at=at, resolved_by=by, resolution=comment)
        if self._connection.execute(done).rowcount == 0:
            raise ConflictError(f"The finding {finding_id} is resolved already")

    def add_waiver(self, value: Waiver) -> None:
        waivers.add_waiver(self._connection, value)

    def waiver(self, waiver_id: str) -> Waiver | None:
        return next(iter(waivers.waivers(self._connection, waiver.c.public_id == waiver_id)), None)

    def waivers_about(self, ref: VersionRef) -> Sequence[Waiver]:
        key = select(node.c.id).where(node.c.label == str(ref)).scalar_subquery()
        return waivers.waivers(self._connection, waiver.c.node_id == key)

    def waivers_granted(self) -> Sequence[Waiver]:
        return waivers.waivers(self._connection, waiver.c.granted_at.is_not(None), waiver.c.ended_at.is_(None))

    def waivers_asked(self) -> Sequence[Waiver]:
        return waivers.waivers(self._connection, waiver.c.granted_at.is_(None), waiver.c.ended_at.is_(None))

    def add_waiver_approval(self, waiver_id: str, approval: WaiverApproval) -> None:
        waivers.add_approval(self._connection, waiver_id, approval)

    def grant_waiver(self, waiver_id: str, *, at: datetime) -> None:
        waivers.grant(self._connection, waiver_id, at=at)

    def end_waiver(self, waiver_id: str, *, by: str, at: datetime) -> None:
        waivers.end(self._connection, waiver_id, by=by, at=at)

    def add_emergency(self, value: Emergency) -> None:
        emergencies.add(self._connection, value)

    def emergency(self, emergency_id: str) -> Emergency | None:
        return next(iter(emergencies.emergencies(self._connection, emergency.c.public_id == emergency_id)), None)

    def emergencies(self, ref: VersionRef | None) -> Sequence[Emergency]:
        key = select(node.c.id).where(node.c.label == str(ref)).scalar_subquery()
        return emergencies.emergencies(self._connection, *([request.c.node_id == key] if ref is not None else []))

    def emergencies_open(self) -> Sequence[Emergency]:
        return emergencies.emergencies(self._connection, *emergencies.still_open())

    def add_emergency_agreement(self, emergency_id: str, agreement: EmergencyAgreement) -> None:
        emergencies.add_agreement(self._connection, emergency_id, agreement)

    def emergency_takes_effect(self, emergency_id: str, *, at: datetime, due_at: datetime) -> None:
        emergencies.take_effect(self._connection, emergency_id, at=at, due_at=due_at)

    def add_emergency_review(self, emergency_id: str, review: EmergencyReview) -> None:
        emergencies.add_review(self._connection, emergency_id, review)

    def close_emergency(
        self, emergency_id: str, *, reviewed_at: datetime | None = None, lapsed_at: datetime | None = None
    ) -> None:
        emergencies.close(self._connection, emergency_id, reviewed_at=reviewed_at, lapsed_at=lapsed_at)

    def save_attestation(self, value: Attestation) -> None:
        attestations.save(self._connection, value)

    def drop_attestation(self, ref: VersionRef) -> None:
        attestations.drop(self._connection, ref)

    def attestation(self, ref: VersionRef) -> Attestation | None:
        key = select(node.c.id).where(node.c.label == str(ref)).scalar_subquery()
        return next(iter(attestations.attestations(self._connection, attestation.c.node_id == key)), None)

    def attestations(
        self,
        *,
        of: Collection[VersionRef] | None = None,
        warn_by: datetime | None = None,
        due_by: datetime | None = None,
    ) -> Sequence[Attestation]:
        asked = [attestation.c.warn_at <= warn_by] if warn_by is not None else []
        due = [attestation.c.due_at <= due_by] if due_by is not None else []
        return attestations.attestations(self._connection, *asked, *due, of=of)

    def broken_conditions(self, now: datetime) -> Sequence[str]:
        query = (
            select(request.c.public_id)
            .join(finding, finding.c.request_id == request.c.id)
            .where(request.c.state == RequestState.PROMOTED, finding.c.condition.is_(True))
            .where(finding.c.resolved_at.is_(None), finding.c.due_at <= now)
            .order_by(finding.c.due_at, request.c.id)
        )
        return list(dict.fromkeys(self._connection.scalars(query)))

    def revoke_request(self, request_id: str) -> None:
        still = (request.c.public_id == request_id) & (request.c.state == RequestState.PROMOTED)
        self._connection.execute(update(request).where(still).values(state=RequestState.REVOKED))

    def state(self) -> Mapping[str, str]:
        found = {
            FINDING + row.public_id: record_of(
                row.severity, row.owner, row.due_at.isoformat(), resolved=row.resolved_at is not None
            )
            for row in self._connection.execute(select(finding))
        }
        parts = (waivers, emergencies, attestations)
        return found | dict(fact for part in parts for fact in part.state(self._connection))

    def _values(self, rows: Sequence[Row[Any]]) -> list[Finding]:
        return _values(self._connection, rows)


def findings_by_id(connection: Connection, ids: Sequence[str]) -> list[Finding]:
    """The findings with these ids."""
    return _values(connection, connection.execute(_findings().where(finding.c.public_id.in_(ids))).all())


def _values(connection: Connection, rows: Sequence[Row[Any]]) -> list[Finding]:
    refs = refs_of(connection, {row.node_id for row in rows})
    return [_value(row, refs[row.node_id]) for row in rows]


def _findings() -> Select[Any]:
    about = request.c.public_id.label("about")
    return select(finding, about).outerjoin(request, request.c.id == finding.c.request_id)


def _value(row: Row[Any], ref: VersionRef) -> Finding:
    return Finding(
        row.public_id,
        ref,
        Severity(row.severity),
        row.text,
        row.owner,
        row.due_at,
        row.raised_by,
        row.raised_at,
        row.about,
        row.condition,
        row.resolved_at,
        row.resolved_by,
        row.resolution,
    )
