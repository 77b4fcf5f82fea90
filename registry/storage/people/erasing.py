"""Erases a person from the rows of all tables: wherever a column has the handle, it gets the stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    Connection,
    String,
    Table,
    Text,
    bindparam,
    cast,
    delete,
    or_,
    select,
    text,
    update,
)

from lineage import Digest
from registry.domain.people.erasure import NAME, Erasure
from registry.errors import IntegrityError
from registry.storage.sql.types import DigestBytes
from registry.storage.tables import (
    audit_entry,
    audit_erasure,
    audit_index,
    audit_node,
    card_revision,
    device_request,
    document,
    email_address,
    idempotency_key,
    identity,
    mail,
    metadata,
    password,
    person,
    policy,
    policy_proposal,
    step,
    token,
)

_WRITTEN_BY_PEOPLE = {card_revision.c.text, policy.c.text, policy_proposal.c.text}
"""Documents that people wrote and whose digests others hold: they change by a new revision."""
_OF_THE_LOG = {audit_entry, audit_erasure, audit_index, audit_node}
_ELSEWHERE = {document}
"""Made anew from the other tables afterwards."""
_FEW = 50
"""Words that one condition of SQL looks for; with more, all rows are read."""


def erase_person(connection: Connection, erasure: Erasure) -> Mapping[str, str]:
    """See `PeopleRepository.erase`. The caller makes the rows that searches read anew."""
    if connection.dialect.name == "sqlite":
        connection.execute(text("PRAGMA secure_delete = ON"))  # freed pages of the file keep nothing
    key = connection.execute(select(person.c.id).where(person.c.handle == erasure.handle)).scalar_one()
    connection.execute(delete(idempotency_key).where(idempotency_key.c.person_id == key))
    connection.execute(delete(device_request).where(device_request.c.person == erasure.handle))
    connection.execute(delete(identity).where(identity.c.person_id == key))
    connection.execute(delete(password).where(password.c.person_id == key))
    connection.execute(update(token).where(token.c.person_id == key).values(label=""))
    connection.execute(delete(mail).where(mail.c.person_id == key))
    connection.execute(delete(email_address).where(email_address.c.person_id == key))
    erasure = replace(erasure, digests={**erasure.digests, **_manifests(connection, erasure)})
    for table in metadata.sorted_tables:
        if table not in _OF_THE_LOG | _ELSEWHERE:
            for column in table.columns:
                if column not in _WRITTEN_BY_PEOPLE:
                    _erase_column(connection, table, column, erasure)
    connection.execute(update(person).where(person.c.id == key).values(name=NAME))
    return erasure.digests


def _manifests(connection: Connection, erasure: Erasure) -> Mapping[str, str]:
    """Manifests that name the person, written anew: digests by what they were."""
    changed = dict[str, str]()
    query = select(step.c.node_id, step.c.manifest, step.c.manifest_digest).where(step.c.manifest.is_not(None))
    for key, body, digest in connection.execute(query).all():
        new = erasure.document(bytes(body))
        if new != bytes(body):
            if Digest.of(bytes(body)) != digest:
                raise IntegrityError(
                    f"Nobody can be erased while the manifest {digest.short} is not what it was",
                    remedy="Find out who changed the database: forebear doctor",
                )
            fresh = Digest.of(new)
            changed[str(digest)] = str(fresh)
            connection.execute(update(step).where(step.c.node_id == key).values(manifest=new, manifest_digest=fresh))
    return changed


def _erase_column(connection: Connection, table: Table, column: Column[Any], erasure: Erasure) -> None:
    kind = column.type
    if isinstance(kind, DigestBytes) or not isinstance(kind, String | JSON):
        return
    keys = list(table.primary_key)
    query = select(*keys, column)
    words = [erasure.handle, *filter(None, [erasure.name]), *erasure.digests]
    if len(words) <= _FEW:
        written = cast(column, Text)
        query = query.where(or_(*(written.contains(word, autoescape=True) for word in words)))
    changed = []
    for *places, value in connection.execute(query).all():
        new = erasure.of(value, column.name)
        if new != value:
            changed.append({f"_{number}": place for number, place in enumerate(places)} | {"_new": new})
    if changed:
        here = [one == bindparam(f"_{number}", type_=one.type) for number, one in enumerate(keys)]
        connection.execute(update(table).where(*here).values({column: bindparam("_new", type_=kind)}), changed)
