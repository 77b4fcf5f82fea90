"""The graph's repository: nodes and edges, walked by recursive queries over 64-bit keys."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    func,
    insert,
    or_,
    select,
    update,
)

from lineage import Assurance, Edge, Node, NodeId, NodeKind, WeightComparison, hops_of
from lineage.exchange.records import Run
from registry.domain.catalog.compute import DeclaredCompute
from registry.domain.catalog.interface import InterfaceDifference
from registry.domain.catalog.marks import SetMark
from registry.domain.catalog.models import Status
from registry.domain.codec import from_json, to_json
from registry.domain.data.leakage import LeakageCount
from registry.domain.governance.reviews.past import MadeFrom
from registry.domain.names import VersionRef
from registry.domain.recipes.methods import TEST
from registry.domain.verbs.lineage import Only
from registry.errors import NotFoundError
from registry.services.storage.lineage import Ancestor, AncestryRecord, EdgeEvidence, Fan, FanWish, Making
from registry.storage.catalog.versions import headline_metrics
from registry.storage.lineage import compute, leakage, marks
from registry.storage.lineage.ancestries import EDGE, FEW, edges_above, edges_of, whole_ancestry
from registry.storage.lineage.fans import at_time, in_force, read_fans
from registry.storage.lineage.makings import read_makings, read_parent_before
from registry.storage.lineage.matching import read_matching
from registry.storage.lineage.node_facts import nodes_by_id, public_label
from registry.storage.lineage.walks import next_below, siblings, walk
from registry.storage.sql.among import among, among_texts
from registry.storage.sql.prebuilt import Prebuilt
from registry.storage.tables import dataset_version, edge, model_version, node, step, version, weight_comparison

_FOR_EVER = 2**31 - 1
INTERFACE = "interface"
"""The key of a stored comparison that says where the two are spoken to otherwise."""


class SqlGraph:
    """Implements `GraphRepository`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def node(self, label: str) -> Node | None:
        return self.named([label]).get(label)

    def named(self, labels: Collection[str]) -> Mapping[str, Node]:
        rows = _NAMED.rows(self._connection, {"labels": labels})
        found = ((label, NodeKind(kind), key, digest) for key, kind, label, digest in rows)
        return {label: Node(key, kind, public_label(kind, label), digest) for label, kind, key, digest in found}

    def nodes(self, keys: Collection[NodeId]) -> Mapping[NodeId, Node]:
        return nodes_by_id(self._connection, keys)

    def edges_above(self, *keys: NodeId, as_of: datetime | None = None) -> Sequence[Edge]:
        with nested_loops(self._connection):
            return edges_above(self._connection, keys, as_of)

    def fans(self, keys: Collection[NodeId], wish: FanWish) -> tuple[Sequence[Fan], bool]:
        return read_fans(self._connection, keys, wish)

    def edges_among(self, keys: Collection[NodeId], as_of: datetime | None = None) -> Sequence[Edge]:
        inside = set(keys)
        rows = self._connection.execute(_edges_into(past=as_of is not None), {"keys": keys} | at_time(as_of))
        return edges_of(row for row in rows if row[0] in inside)

    def matching(self, keys: Collection[NodeId], only: Only, as_of: datetime | None = None) -> Collection[NodeId]:
        return read_matching(self._connection, keys, only, as_of)

    def existed(self, key: NodeId, at: datetime) -> bool:
        created: datetime = self._connection.execute(_CREATED, {"key": key}).scalar_one()
        return created <= at

    def siblings(self, key: NodeId, *, limit: int, as_of: datetime | None = None) -> Sequence[NodeId]:
        given = {"key": key, "limit": limit} | at_time(as_of)
        with nested_loops(self._connection):
            return self._connection.execute(siblings(past=as_of is not None), given).scalars().all()

    def walk(
        self, start: Node, *, up: int, down: int, limit: int, as_of: datetime | None = None
    ) -> tuple[Sequence[Node], Sequence[Edge], bool]:
        if as_of is not None and not self.existed(start.id, as_of):
            return [], [], False
        with nested_loops(self._connection):
            above = self.reached(start, up, upwards=True, limit=limit, as_of=as_of)
            below = self.reached(start, down, upwards=False, limit=limit, as_of=as_of)
        depths: dict[NodeId, int] = {}
        for key, depth in (*above, *below):
            depths.setdefault(key, depth)
        nearest = sorted(depths, key=lambda key: (depths[key], key))
        kept = nearest[:limit]
        found = nodes_by_id(self._connection, kept)
        return [found[key] for key in kept], self.edges_among(kept, as_of), len(nearest) > limit

    def whole_ancestry(self, label: str, *, limit: int) -> tuple[NodeId, Sequence[Node], Sequence[Edge]] | None:
        with nested_loops(self._connection):
            found = whole_ancestry(self._connection, label, limit)
        if found is None:
            return None
        focus, nearest, edges = found
        nodes = nodes_by_id(self._connection, nearest)
        return focus, [nodes[key] for key in nearest], edges

    def makings(self, keys: Collection[NodeId]) -> Mapping[NodeId, Making]:
        return read_makings(self._connection, keys)

    def parent_before(self, ref: VersionRef) -> VersionRef | None:
        return read_parent_before(self._connection, ref)

    def ancestry(self, ref: VersionRef, *, limit: int, as_of: datetime | None = None) -> AncestryRecord | None:
        given = {"label": str(ref), "limit": limit + 1} | at_time(as_of)
        with nested_loops(self._connection):
            rows, edges = (self._connection.execute(one, given).all() for one in _ancestry(past=as_of is not None))
        members = {row.id: _ancestor(row) for row in rows}
        focus = next((row.id for row in rows if row.label == str(ref)), None)
        if focus is None:
            return None
        inside = tuple(edges_of(row for row in edges if row.from_node in members and row.to_node in members))
        return AncestryRecord(focus, tuple(members.values()), inside, complete=len(members) <= limit)

    def declare_compute(self, value: DeclaredCompute) -> None:
        compute.declare(self._connection, value)

    def declared_compute(self, keys: Collection[NodeId]) -> Mapping[NodeId, DeclaredCompute]:
        return compute.declared(self._connection, keys)

    def measured_flops(self, keys: Collection[NodeId]) -> Mapping[NodeId, float]:
        return compute.measured(self._connection, keys)

    def state(self) -> Mapping[str, str]:
        return {
            **dict(compute.state(self._connection)),
            **dict(leakage.state(self._connection)),
            **dict(marks.state(self._connection)),
        }

    def add_leakage_count(self, value: LeakageCount) -> None:
        leakage.add(self._connection, value)

    def leakage_counts(self, keys: Collection[NodeId]) -> Mapping[NodeId, LeakageCount]:
        return leakage.newest(self._connection, keys)

    def add_mark(self, value: SetMark) -> None:
        marks.add(self._connection, value)

    def remove_mark(self, ref: VersionRef, mark: str) -> None:
        marks.remove(self._connection, ref, mark)

    def marks(self, keys: Collection[NodeId]) -> Mapping[NodeId, Sequence[SetMark]]:
        return marks.marks(self._connection, keys)

    def made_from(self, label: str, *, since: datetime, until: datetime, limit: int) -> Sequence[MadeFrom]:
        parent, child, step = node.alias(), node.alias(), node.alias()
        given, made = edge.alias(), edge.alias()
        query = (
            select(child.c.label, step.c.label, given.c.role, child.c.created_at)
            .select_from(parent)
            .join(given, given.c.from_node == parent.c.id)
            .join(step, step.c.id == given.c.to_node)
            .join(made, made.c.from_node == step.c.id)
            .join(child, child.c.id == made.c.to_node)
            .where(parent.c.label == label, given.c.superseded_by.is_(None), made.c.superseded_by.is_(None))
            .where(child.c.created_at >= since, child.c.created_at < until)
            .order_by(child.c.created_at, child.c.id)
            .limit(limit)
        )
        return [MadeFrom(*row) for row in self._connection.execute(query)]

    def runs(self, keys: Sequence[NodeId]) -> Mapping[NodeId, Run]:
        found = {}
        measured = headline_metrics(self._connection, keys)
        for row in self._connection.execute(_RUNS, {"keys": keys}):
            metrics = measured.get(row.node_id, {})
            began, ended = (None if at is None else at.isoformat() for at in (row.started_at, row.ended_at))
            found[row.node_id] = Run(row.state, row.created_by, began, ended, row.error, row.recipe, metrics)
        return found

    def measured_on(self, label: str, split: str | None) -> int:
        count: int = self._connection.execute(_MEASURED_ON, {"label": label, "split": split}).scalar_one()
        return count

    def add_comparison(self, step_id: str, input_label: str, evidence: EdgeEvidence) -> None:
        keys = dict(self._connection.execute(_KEYS, {"labels": [step_id, input_label]}).all())
        values = {"step_node": keys[step_id], "input_node": keys[input_label], "checked_at": evidence.checked_at}
        body = to_json(evidence.comparison) | {INTERFACE: to_json(evidence.interface)}
        self._connection.execute(insert(weight_comparison).values(values | {"body": body}))

    def comparisons(self, step_id: str) -> Mapping[str, EdgeEvidence]:
        return {row.label: _evidence(row) for row in self._connection.execute(_COMPARISONS, {"step": step_id})}

    def set_assurance(self, step_id: str, input_label: str, assurance: Assurance, *, at: datetime) -> None:
        taker = select(node.c.id).where(node.c.label == step_id, node.c.kind == NodeKind.STEP).scalar_subquery()
        given = select(node.c.id).where(node.c.label == input_label).scalar_subquery()
        query = select(edge).where(edge.c.from_node == given, edge.c.to_node == taker, edge.c.superseded_by.is_(None))
        rows = self._connection.execute(query).all()
        if not rows:
            raise NotFoundError(f"{input_label} is not an input of {step_id}")
        for row in rows:
            values = {
                "from_node": row.from_node,
                "to_node": row.to_node,
                "role": row.role,
                "split": row.split,
                "assurance": assurance,
                "created_at": at,
            }
            newer = self._connection.execute(insert(edge).values(values).returning(edge.c.id)).scalar_one()
            self._connection.execute(update(edge).where(edge.c.id == row.id).values(superseded_by=newer))

    def reached(
        self, start: Node, generations: int, *, upwards: bool, limit: int, as_of: datetime | None = None
    ) -> Sequence[tuple[NodeId, int]]:
        hops = _FOR_EVER if generations < 0 else hops_of(generations, start.kind)
        if hops == 0:
            return [(start.id, 0)]
        if limit <= FEW and not upwards:
            return self._first_below(start.id, hops, limit, as_of)
        # Both databases run a recursion level by level and give rows as they find them: reading stops at the limit,
        # without walking the rest. A node on two ways comes twice, at its nearest first.
        depths: dict[NodeId, int] = {}
        with self._connection.execute(
            walk(upwards, past=as_of is not None),
            {"start": start.id, "hops": hops} | at_time(as_of),
            execution_options={"stream_results": True},
        ) as rows:
            for key, depth in rows:
                depths.setdefault(key, depth)
                if len(depths) > limit:
                    break
        return list(depths.items())

    def _first_below(
        self, start: NodeId, hops: int, limit: int, as_of: datetime | None
    ) -> Sequence[tuple[NodeId, int]]:
        """Level by level: a recursion would read all that was made from a node before it gives the first of them."""
        depths, level = {start: 0}, [start]
        for depth in range(1, hops + 1):
            found: list[NodeId] = []
            with self._connection.execute(
                next_below(past=as_of is not None),
                {"keys": level} | at_time(as_of),
                execution_options={"stream_results": True},
            ) as rows:
                for key in rows.scalars():
                    if key not in depths:
                        depths[key] = depth
                        found.append(key)
                        if len(depths) > limit:
                            return list(depths.items())
            if not found:
                break
            level = found
        return list(depths.items())


def _evidence(row: Row[Any]) -> EdgeEvidence:
    body = dict(row.body)
    interface = body.pop(INTERFACE, None)  # older rows have none
    compared = None if interface is None else from_json(tuple[InterfaceDifference, ...], interface)
    return EdgeEvidence(from_json(WeightComparison, body), row.checked_at, compared)


_NAMED = Prebuilt(
    lambda: select(node.c.id, node.c.kind, node.c.label, node.c.digest).where(among_texts(node.c.label, "labels"))
)
_CREATED = select(node.c.created_at).where(node.c.id == bindparam("key"))
_RUNS = select(
    step.c.node_id, step.c.state, step.c.created_by, step.c.started_at, step.c.ended_at, step.c.error, step.c.recipe
).where(among(step.c.node_id))


def _ancestor(row: Row[Any]) -> Ancestor:
    kind = NodeKind(row.kind)
    return Ancestor(
        node=Node(row.id, kind, public_label(kind, row.label), row.digest),
        status=Status(row.status) if row.status is not None else None,
        licence=row.licence,
        deleted=row.deleted_at is not None,
        stage=row.stage,
    )


@cache
def _ancestry(*, past: bool) -> tuple[Any, Any]:
    """The nodes of an ancestry with their facts, and its edges: two statements, however many ancestors there are.

    Both databases run a recursion level by level, so the limit keeps the nearest.
    """
    walk = select(node.c.id).where(node.c.label == bindparam("label")).cte("walk", recursive=True)
    walk = walk.union(select(edge.c.from_node).join(walk, edge.c.to_node == walk.c.id).where(in_force(past)))
    near = select(walk.c.id).limit(bindparam("limit")).subquery("near")
    nodes = (
        select(
            node,
            version.c.licence,
            version.c.deleted_at,
            model_version.c.stage,
            func.coalesce(model_version.c.status, dataset_version.c.status).label("status"),
        )
        .join(near, near.c.id == node.c.id)
        .outerjoin(version, version.c.node_id == node.c.id)
        .outerjoin(model_version, model_version.c.node_id == node.c.id)
        .outerjoin(dataset_version, dataset_version.c.node_id == node.c.id)
    )
    edges = select(*EDGE).join(near, near.c.id == edge.c.to_node).where(in_force(past))
    return nodes, edges


@cache
def _edges_into(*, past: bool) -> Any:
    return select(*EDGE).where(among(edge.c.to_node), in_force(past)).order_by(edge.c.id)


_KEYS = select(node.c.label, node.c.id).where(node.c.label.in_(bindparam("labels", expanding=True)))
_MEASURED_ON = (
    select(func.count(edge.c.to_node.distinct()))
    .join(node, node.c.id == edge.c.from_node)
    .where(node.c.label == bindparam("label"), edge.c.superseded_by.is_(None))
    .where(edge.c.split.is_not_distinct_from(bindparam("split")))
    .where(or_(edge.c.role == TEST, edge.c.role.startswith(f"{TEST}.")))
)
_COMPARISONS = (
    select(node.c.label, weight_comparison.c.body, weight_comparison.c.checked_at)
    .join(node, node.c.id == weight_comparison.c.input_node)
    .where(
        weight_comparison.c.step_node == select(node.c.id).where(node.c.label == bindparam("step")).scalar_subquery()
    )
    .order_by(weight_comparison.c.id)
)


@contextmanager
def nested_loops(connection: Connection) -> Iterator[None]:
    """Keep PostgreSQL from hashing the whole edge table for each level, which wrong statistics can make it do."""
    if connection.dialect.name != "postgresql":
        yield
        return
    hashed, merged, *_ = connection.exec_driver_sql(_ONLY_LOOPS).one()
    yield
    connection.exec_driver_sql(_AS_BEFORE, {"hashed": hashed, "merged": merged})


_ONLY_LOOPS = (
    "SELECT current_setting('enable_hashjoin'), current_setting('enable_mergejoin'), "
    "set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)"
)
"""What PostgreSQL may do now, and less than that until the transaction ends: one way to the server and back."""
_AS_BEFORE = "SELECT set_config('enable_hashjoin', %(hashed)s, true), set_config('enable_mergejoin', %(merged)s, true)"
