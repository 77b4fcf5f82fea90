"""What the tables say of stages, statuses, aliases, roles, requests and votes, by name, to be held against the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Row, select

from registry.domain.governance.promotion import Bindings, VoteEntry, VoteSignature, VoteValue, vote_digest
from registry.domain.governance.reviews.findings import Finding
from registry.domain.governance.signing import is_signed, signature_record
from registry.services.storage.governance import (
    ALIAS,
    BINDING,
    DELETION,
    KEY,
    OVERRULED,
    REQUEST,
    ROLES,
    SIGNATURE,
    STAGE,
    STATUS,
    VOTE,
)
from registry.storage.governance.reviews import findings_by_id
from registry.storage.tables import (
    alias,
    asset,
    dataset_version,
    model_version,
    node,
    person,
    request,
    role_grant,
    version,
    vote,
)


def recorded_state(connection: Connection) -> dict[str, str]:
    """Every fact that the log can be held against."""
    return dict(
        fact for part in (_versions, _datasets, _aliases, _roles, _keys, _requests, _votes) for fact in part(connection)
    )


def _versions(connection: Connection) -> Iterator[tuple[str, str]]:
    query = (
        select(node.c.label, model_version.c.stage, model_version.c.status, version.c.deleted_at, asset.c.deleted_at)
        .join(version, version.c.node_id == node.c.id)
        .join(asset, asset.c.id == version.c.asset_id)
        .join(model_version, model_version.c.node_id == node.c.id)
    )
    for label, stage, status, deleted, whole_model in connection.execute(query):
        yield STAGE + label, stage
        yield STATUS + label, status
        if whole_model is None:  # its deletion is one entry about the model
            yield DELETION + label, "no" if deleted is None else "yes"


def _datasets(connection: Connection) -> Iterator[tuple[str, str]]:
    query = select(node.c.label, dataset_version.c.status).join(dataset_version, dataset_version.c.node_id == node.c.id)
    for label, status in connection.execute(query):
        yield STATUS + label, status


def _aliases(connection: Connection) -> Iterator[tuple[str, str]]:
    query = select(node.c.label, alias.c.alias).join(alias, alias.c.node_id == node.c.id)
    for label, name in connection.execute(query):
        yield f"{ALIAS}{label.rpartition('/')[0]}@{name}", label


def _roles(connection: Connection) -> Iterator[tuple[str, str]]:
    query = (
        select(person.c.handle, role_grant.c.role)
        .join(role_grant, role_grant.c.person_id == person.c.id)
        .where(role_grant.c.revoked_at.is_(None))
    )
    held: dict[str, list[str]] = {}
    for handle, role in connection.execute(query):
        held.setdefault(handle, []).append(role)
    for handle, roles in held.items():
        yield f"{ROLES}person:{handle}", ", ".join(sorted(roles))


def _keys(connection: Connection) -> Iterator[tuple[str, str]]:
    for handle, key in connection.execute(select(person.c.handle, person.c.key).where(person.c.key != "")):
        yield f"{KEY}person:{handle}", key


def _requests(connection: Connection) -> Iterator[tuple[str, str]]:
    for row in connection.execute(select(request)):
        yield REQUEST + row.public_id, f"{row.state} by {row.requested_by}"
        yield OVERRULED + row.public_id, "no" if row.overruled_at is None else "yes"


def _votes(connection: Connection) -> Iterator[tuple[str, str]]:
    query = (
        select(vote, request.c.public_id, request.c.to_stage, node.c.label)
        .join(request, request.c.id == vote.c.request_id)
        .join(node, node.c.id == request.c.node_id)
        .order_by(vote.c.id)
    )
    given: dict[str, int] = {}
    for row in connection.execute(query):
        number = given[row.public_id] = given.get(row.public_id, 0) + 1
        entry = vote_entry(row)
        yield f"{VOTE}{number} on {row.public_id}", f"{entry.value.value} by {entry.voter}"
        yield f"{BINDING}{number} on {row.public_id}", str(vote_digest(entry))
        if entry.signature is not None:
            right = is_signed(entry, row.public_id, row.label, row.to_stage, _attached(connection, entry))
            yield f"{SIGNATURE}{number} on {row.public_id}", signature_record(entry.signature.key, right=right)


def _attached(connection: Connection, vote: VoteEntry) -> list[Finding]:
    """The findings that the vote depends on."""
    return findings_by_id(connection, vote.conditions) if vote.conditions else []


def vote_entry(row: Row[Any]) -> VoteEntry:
    """The vote in a row of its table."""
    value = VoteValue(row.value)
    return VoteEntry(
        row.voter,
        tuple(row.roles),
        value,
        row.comment,
        row.voted_at,
        bound_of(row),
        seen=row.seen or {},
        conditions=tuple(row.conditions or ()),
        signature=None if row.signature is None else VoteSignature(**row.signature),
    )


def bound_of(row: Row[Any]) -> Bindings:
    """The digests in a row of votes or of requests."""
    return Bindings(row.bound_artifact, row.bound_lineage, row.bound_policy, row.bound_evidence, row.bound_seen)
