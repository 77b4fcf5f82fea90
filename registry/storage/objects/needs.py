"""Which stored objects are needed, and by which versions: the queries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, union

from lineage import Digest
from registry.domain.comparison.records import answers_of
from registry.domain.names import VersionRef
from registry.domain.objects import Use
from registry.domain.transfers.steps import StepState
from registry.services.storage.catalog import Extent
from registry.services.storage.objects import PiecedFile, StoredCard
from registry.storage.catalog.versions import is_live, refs_of
from registry.storage.sql.chunks import CHUNK, chunks
from registry.storage.tables import (
    audit_entry,
    card_revision,
    dataset_version,
    draft_file,
    edge,
    evidence,
    extent,
    file,
    request,
    sent_object,
    step,
    version,
)

ROW_INDEX = "row index"
DECIDED = "promotion.decided"
GOING = tuple(state for state in StepState if state not in {StepState.SUCCEEDED, StepState.CANCELLED})
"""States of steps that run, wait or can be resumed."""


def needed(connection: Connection, *, after: Digest | None, limit: int) -> list[Digest]:
    """The next objects that live versions need, in order of digest."""
    found: set[Digest] = set()
    for blob, query in _columns():
        later = query if after is None else query.where(blob > after)
        found.update(connection.scalars(later.distinct().order_by(blob).limit(limit)))
    return sorted(found)[:limit]


def count(connection: Connection) -> int:
    """How many distinct objects live versions need."""
    every = union(*(query for _, query in _columns())).subquery()
    return connection.execute(select(func.count()).select_from(every)).scalar_one()


def _columns() -> list[tuple[ColumnElement[Any], Select[Any]]]:
    """Each column that names objects, and the query of its values in live versions."""
    return [
        (
            extent.c.blob,
            select(extent.c.blob)
            .join(file, file.c.id == extent.c.file_id)
            .join(version, version.c.node_id == file.c.node_id)
            .where(is_live()),
        ),
        (
            dataset_version.c.row_index,
            select(dataset_version.c.row_index)
            .join(version, version.c.node_id == dataset_version.c.node_id)
            .where(is_live()),
        ),
        (
            evidence.c.file,
            select(evidence.c.file)
            .join(version, version.c.node_id == evidence.c.node_id)
            .where(is_live(), evidence.c.file.is_not(None)),
        ),
    ]


def uses(connection: Connection, blobs: Iterable[Digest]) -> dict[Digest, list[Use]]:
    """The live versions that need each object, and where."""
    rows: set[tuple[Digest, int, str]] = set()
    for some in chunks(blobs):
        payload = (
            select(extent.c.blob, file.c.node_id, file.c.path)
            .join(file, file.c.id == extent.c.file_id)
            .join(version, version.c.node_id == file.c.node_id)
            .where(extent.c.blob.in_(some), is_live())
        )
        rows.update((r.blob, r.node_id, r.path) for r in connection.execute(payload))
        indexes = (
            select(dataset_version.c.row_index, dataset_version.c.node_id)
            .join(version, version.c.node_id == dataset_version.c.node_id)
            .where(dataset_version.c.row_index.in_(some), is_live())
        )
        rows.update((r.row_index, r.node_id, ROW_INDEX) for r in connection.execute(indexes))
        attached = (
            select(evidence.c.file, evidence.c.node_id, evidence.c.public_id)
            .join(version, version.c.node_id == evidence.c.node_id)
            .where(evidence.c.file.in_(some), is_live())
        )
        rows.update((r.file, r.node_id, f"evidence {r.public_id}") for r in connection.execute(attached))
    return _by_blob(connection, rows)


def held(connection: Connection, blobs: Iterable[Digest]) -> set[Digest]:
    """The objects of live versions, of evidence about any version, of inputs of steps that can still run, of drafts."""
    going = (
        select(edge.c.from_node)
        .join(step, step.c.node_id == edge.c.to_node)
        .where(edge.c.from_node == version.c.node_id, step.c.state.in_(GOING))
    )
    kept = or_(is_live(), going.exists())
    found: set[Digest] = set()
    for some in chunks(blobs):
        payload = (
            select(extent.c.blob)
            .join(file, file.c.id == extent.c.file_id)
            .join(version, version.c.node_id == file.c.node_id)
            .where(extent.c.blob.in_(some), kept)
        )
        indexes = (
            select(dataset_version.c.row_index)
            .join(version, version.c.node_id == dataset_version.c.node_id)
            .where(dataset_version.c.row_index.in_(some), kept)
        )
        others = (
            select(column).where(column.in_(some))
            for column in (evidence.c.file, draft_file.c.digest, sent_object.c.digest)
        )
        for query in (payload, indexes, *others):
            found.update(connection.scalars(query))
    return found


def noted(connection: Connection) -> dict[Digest, list[Use]]:
    """Objects that are named in documents only: answers in the manifests of steps, cases in the audit log."""
    rows: set[tuple[Digest, int, str]] = set()
    made = (
        select(version.c.node_id, step.c.manifest)
        .join(step, step.c.node_id == version.c.step_id)
        .where(step.c.manifest.is_not(None))
    )
    for row in connection.execute(made.execution_options(yield_per=CHUNK)):
        if b'"answers"' in row.manifest:
            answers = answers_of(json.loads(row.manifest))
            rows.update([(answers, row.node_id, "answers of its baselines")] if answers is not None else [])
    decided = (
        select(request.c.node_id, request.c.public_id, audit_entry.c.body)
        .join(request, request.c.public_id == audit_entry.c.subject)
        .where(audit_entry.c.action == DECIDED)
    )
    for decision in connection.execute(decided.execution_options(yield_per=CHUNK)):
        case = Digest.parse(str(json.loads(bytes(decision.body))["detail"]["case"]))
        rows.add((case, decision.node_id, f"decision about {decision.public_id}"))
    return _by_blob(connection, rows)


def ends(connection: Connection, blobs: Iterable[Digest]) -> dict[Digest, int]:
    """The largest end of a piece of each object, in bytes."""
    found: dict[Digest, int] = {}
    for some in chunks(blobs):
        query = select(extent.c.blob, func.max(extent.c.offset + extent.c.length).label("last"))
        for row in connection.execute(query.where(extent.c.blob.in_(some)).group_by(extent.c.blob)):
            found[row.blob] = row.last
    return found


def pieced(connection: Connection) -> Iterator[PiecedFile]:
    """Files of live versions that are not one whole object of their own digest and size."""
    whole = and_(
        extent.c.position == 0,
        extent.c.blob == file.c.sha256,
        extent.c.offset == 0,
        extent.c.length == file.c.size,
    )
    other = select(extent.c.file_id).where(extent.c.file_id == file.c.id, extent.c.position > 0)
    mine = select(extent.c.file_id).where(extent.c.file_id == file.c.id, whole)
    query = (
        select(file)
        .join(version, version.c.node_id == file.c.node_id)
        .where(is_live(), or_(~mine.exists(), other.exists()))
        .order_by(file.c.id)
    )
    for row in connection.execute(query).all():
        pieces = connection.execute(select(extent).where(extent.c.file_id == row.id).order_by(extent.c.position))
        extents = tuple(Extent(piece.blob, piece.offset, piece.length) for piece in pieces)
        ref = refs_of(connection, [row.node_id])[row.node_id]
        yield PiecedFile(Use(ref, row.path), row.size, row.sha256, extents)


def cards(connection: Connection) -> Iterator[StoredCard]:
    """Every revision of the cards of live versions, a few at a time."""
    query = (
        select(card_revision)
        .join(version, version.c.node_id == card_revision.c.node_id)
        .where(is_live())
        .order_by(card_revision.c.id)
    )
    after = 0
    while rows := connection.execute(query.where(card_revision.c.id > after).limit(CHUNK)).all():
        refs = refs_of(connection, {row.node_id for row in rows})
        for row in rows:
            yield StoredCard(refs[row.node_id], row.number, row.digest, row.text)
        after = rows[-1].id


def _by_blob(connection: Connection, rows: Iterable[tuple[Digest, int, str]]) -> dict[Digest, list[Use]]:
    rows = sorted(rows)
    refs: dict[int, VersionRef] = {}
    for some in chunks({node for _, node, _ in rows}):
        refs |= refs_of(connection, some)
    found: dict[Digest, list[Use]] = {}
    for blob, node, place in rows:
        found.setdefault(blob, []).append(Use(refs[node], place))
    return found
