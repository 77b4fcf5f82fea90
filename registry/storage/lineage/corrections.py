"""The corrections of edges, as rows, and the edges that they close."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, insert, select, update

from lineage import Assurance, NodeId
from registry.domain.names import VersionRef
from registry.domain.transfers.corrections import Correction, StepEdge, correction_record
from registry.errors import ConflictError, NotFoundError
from registry.services.storage.corrections import CORRECTION, KeptEdge
from registry.storage.catalog.assets import find_version, require_version
from registry.storage.catalog.versions import refs_of
from registry.storage.lineage.repository import nested_loops
from registry.storage.sql.among import among
from registry.storage.sql.types import Key
from registry.storage.tables import edge, edge_correction, node, version


class SqlCorrections:
    """Implements `CorrectionRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def step_of(self, ref: VersionRef) -> str:
        key = require_version(self._connection, ref).step_id
        label: str = self._connection.execute(_LABEL, {"key": key}).scalar_one()
        return label

    def inputs(self, step_id: str) -> Sequence[KeptEdge]:
        rows = self._connection.execute(_INPUTS, {"step": step_id}).all()
        refs = refs_of(self._connection, {row.from_node for row in rows})
        seen = {_place(row) for row in rows if row.assurance == Assurance.OBSERVED}
        return [
            KeptEdge(row.id, row.from_node, _edge(row, refs[row.from_node]), _place(row) in seen)
            for row in rows
            if row.superseded_by is None
        ]

    def add(self, value: Correction, edge: int) -> None:
        after = value.after
        self._connection.execute(
            insert(edge_correction).values(
                public_id=value.id,
                step_node=select(node.c.id).where(node.c.label == value.step).scalar_subquery(),
                edge_id=edge,
                input_node=None if after is None else self._key(after),
                role="" if after is None else after.role,
                split=None if after is None else after.split,
                reason=value.reason,
                consequences=list(value.consequences),
                weights=value.weights,
                asked_by=value.asked_by,
                asked_at=value.asked_at,
            )
        )

    def edge_of(self, correction_id: str) -> int | None:
        query = (
            select(edge.c.id)
            .join(edge_correction, edge_correction.c.edge_id == edge.c.id)
            .where(edge_correction.c.public_id == correction_id, edge.c.superseded_by.is_(None))
        )
        return self._connection.execute(query).scalar_one_or_none()

    def supersede(self, edge: int, after: StepEdge | None, *, at: datetime) -> None:
        row = self._connection.execute(_OLD, {"key": edge}).one()
        values = {
            "from_node": row.from_node if after is None else self._key(after),
            "to_node": row.to_node,
            "role": row.role if after is None else after.role,
            "split": row.split if after is None else after.split,
            "assurance": row.assurance if after is None else after.assurance,
            "created_at": at,
        }
        newer = self._connection.execute(_ADD, values).scalar_one()
        closed = [edge] if after is not None else [edge, newer]  # a row that says there was nothing closes itself
        self._connection.execute(_CLOSE, [{"key": one, "newer": newer} for one in closed])

    def decide(self, correction_id: str, *, agreed: bool, by: str, comment: str, at: datetime) -> None:
        waits = (edge_correction.c.public_id == correction_id) & edge_correction.c.decided_at.is_(None)
        values = {"agreed": agreed, "decided_by": by, "comment": comment, "decided_at": at}
        if self._connection.execute(update(edge_correction).where(waits).values(values)).rowcount == 0:
            raise ConflictError(f"The correction {correction_id} is decided already")

    def get(self, correction_id: str) -> Correction | None:
        return next(iter(self._values(edge_correction.c.public_id == correction_id)), None)

    def of_step(self, step_id: str) -> Sequence[Correction]:
        key = select(node.c.id).where(node.c.label == step_id).scalar_subquery()
        return list(self._values(edge_correction.c.step_node == key))

    def waiting(self) -> Sequence[Correction]:
        mine = (version.c.step_id == edge_correction.c.step_node) & version.c.deleted_at.is_(None)
        live = select(version.c.node_id).where(mine).exists()
        return list(self._values(edge_correction.c.decided_at.is_(None), live))

    def comes_from(self, key: NodeId, above: NodeId) -> bool:
        with nested_loops(self._connection):
            return self._connection.execute(_COMES_FROM, {"start": key, "above": above}).first() is not None

    def corrected(self, keys: Collection[NodeId]) -> bool:
        return self._connection.execute(_CORRECTED, {"keys": keys}).first() is not None

    def state(self) -> Mapping[str, str]:
        return {
            CORRECTION + one.id: correction_record(one.state, str(one.before), str(one.after) if one.after else None)
            for one in self._values()
        }

    def _key(self, value: StepEdge) -> NodeId:
        found = find_version(self._connection, value.ref, deleted=True)
        if found is None:
            raise NotFoundError(f"{value.ref} does not exist")
        key: NodeId = found.node_id
        return key

    def _values(self, *conditions: ColumnElement[bool]) -> Iterator[Correction]:
        rows = self._connection.execute(_CORRECTIONS.where(*conditions)).all()
        made = dict(self._connection.execute(_MADE, {"keys": {row.step_node for row in rows}}).all()) if rows else {}
        nodes = {key for row in rows for key in (row.from_node, row.input_node, made[row.step_node]) if key is not None}
        refs = refs_of(self._connection, nodes)
        for row in rows:
            after = None if row.input_node is None else StepEdge(refs[row.input_node], row.role, row.split)
            yield Correction(
                id=row.public_id,
                ref=refs[made[row.step_node]],
                step=row.step,
                before=StepEdge(refs[row.from_node], row.old_role, row.old_split, Assurance(row.assurance)),
                after=after,
                reason=row.reason,
                consequences=tuple(row.consequences),
                weights=row.weights,
                asked_by=row.asked_by,
                asked_at=row.asked_at,
                decided_by=row.decided_by,
                decided_at=row.decided_at,
                agreed=row.agreed,
                comment=row.comment,
            )


def _place(row: Row[Any]) -> tuple[int, str, str | None]:
    return row.from_node, row.role, row.split


def _edge(row: Row[Any], ref: VersionRef) -> StepEdge:
    return StepEdge(ref, row.role, row.split, Assurance(row.assurance))


def _comes_from() -> Any:
    above = select(bindparam("start", type_=Key).label("id")).cte("above", recursive=True)
    above = above.union(
        select(edge.c.from_node).join(above, edge.c.to_node == above.c.id).where(edge.c.superseded_by.is_(None))
    )
    return select(above.c.id).where(above.c.id == bindparam("above", type_=Key)).limit(1)


_LABEL = select(node.c.label).where(node.c.id == bindparam("key"))
_INPUTS = (
    select(edge).join(node, node.c.id == edge.c.to_node).where(node.c.label == bindparam("step")).order_by(edge.c.id)
)
_OLD = select(edge).where(edge.c.id == bindparam("key"))
_ADD = insert(edge).returning(edge.c.id)
_CLOSE = update(edge).where(edge.c.id == bindparam("key")).values(superseded_by=bindparam("newer"))
_COMES_FROM = _comes_from()
_CORRECTED = (
    select(edge_correction.c.id).where(among(edge_correction.c.step_node), edge_correction.c.agreed.is_(True)).limit(1)
)
_CORRECTIONS = (
    select(
        edge_correction,
        node.c.label.label("step"),
        edge.c.from_node,
        edge.c.role.label("old_role"),
        edge.c.split.label("old_split"),
        edge.c.assurance,
    )
    .join(edge, edge.c.id == edge_correction.c.edge_id)
    .join(node, node.c.id == edge_correction.c.step_node)
    .order_by(edge_correction.c.id)
)
_MADE = (
    select(edge.c.from_node, func.min(edge.c.to_node))
    .where(among(edge.c.from_node), edge.c.superseded_by.is_(None))
    .group_by(edge.c.from_node)
)
