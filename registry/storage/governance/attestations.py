"""Attestations as rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import ColumnElement, Connection, delete, insert, select

from registry.domain.governance.reviews.attestations import Attestation, attestation_record
from registry.domain.names import VersionRef
from registry.services.storage.reviews import ATTESTATION
from registry.storage.catalog.assets import require_version
from registry.storage.catalog.versions import refs_of
from registry.storage.sql.among import among_texts
from registry.storage.tables import attestation, node, version


def save(connection: Connection, value: Attestation) -> None:
    """Write it in place of the one that the version has."""
    drop(connection, value.ref)
    connection.execute(
        insert(attestation).values(
            node_id=require_version(connection, value.ref).node_id,
            stage=value.stage,
            request=value.request,
            policy=value.policy,
            since=value.since,
            due_at=value.due_at,
            grace=value.grace,
            triggers=" ".join(value.triggers),
            cause=value.cause,
            warn_at=value.warn_at,
            lapsed_at=value.lapsed_at,
        )
    )


def drop(connection: Connection, ref: VersionRef) -> None:
    """The approval of this version ends with its stage, or was renewed."""
    connection.execute(delete(attestation).where(attestation.c.node_id == require_version(connection, ref).node_id))


def attestations(
    connection: Connection, *conditions: ColumnElement[bool], of: Collection[VersionRef] | None = None
) -> Sequence[Attestation]:
    """Those of live versions for which the conditions hold, in the order of their due dates; with `of`, of these."""
    query = select(attestation).join(version, version.c.node_id == attestation.c.node_id)
    query = query.where(version.c.deleted_at.is_(None), *conditions)
    if of is not None:
        mine = select(node.c.id).where(among_texts(node.c.label, "labels"))
        query = query.where(attestation.c.node_id.in_(mine))
    given = {} if of is None else {"labels": [str(ref) for ref in of]}
    rows = connection.execute(query.order_by(attestation.c.due_at, attestation.c.node_id), given).all()
    refs = refs_of(connection, {row.node_id for row in rows})
    return [
        Attestation(
            refs[row.node_id],
            row.stage,
            row.request,
            row.policy,
            row.since,
            row.due_at,
            row.grace,
            tuple(row.triggers.split()),
            row.cause,
            row.warn_at,
            row.lapsed_at,
        )
        for row in rows
    ]


def state(connection: Connection) -> Iterator[tuple[str, str]]:
    """What the rows say of each attestation, to be held against the log."""
    for one in attestations(connection):
        due = one.due_at.isoformat() if one.due_at is not None else None
        yield f"{ATTESTATION}{one.ref}", attestation_record(one.stage, due, lapsed=one.lapsed_at is not None)
