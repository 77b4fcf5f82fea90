"""Which versions a recall means, and everything that was made from them: two statements, however many there are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, select, union

from lineage import Digest, Edge, Node, NodeKind
from registry.domain.catalog.models import Status
from registry.domain.governance.recalls import Level
from registry.domain.names import VersionRef
from registry.services.storage.recalls import Below
from registry.storage.catalog.versions import is_live
from registry.storage.lineage.node_facts import public_label
from registry.storage.lineage.repository import nested_loops
from registry.storage.tables import (
    alias,
    dataset_version,
    edge,
    extent,
    file,
    model_version,
    node,
    recall,
    step,
    tensor,
    version,
)

_NODE_KINDS: Mapping[str, NodeKind] = {kind.value: kind for kind in NodeKind}
_NO_FACTS: Mapping[str, str] = {}
_STATUSES: Mapping[str, Status] = {status.value: status for status in Status}


def of_refs(connection: Connection, refs: Sequence[VersionRef]) -> list[int]:
    """The nodes of live versions."""
    return _live(connection, node.c.label.in_([str(ref) for ref in refs]))


def of_model(connection: Connection, uri: str) -> list[int]:
    """Every live version of a registered model or dataset."""
    start = f"{uri}/"
    return _live(connection, (node.c.label >= start) & (node.c.label < start + ":"))  # the digits, and no further


def of_digests(connection: Connection, digests: Collection[Digest]) -> dict[Digest, list[int]]:
    """By each digest that one has: of the version, of one of its files or tensors, or of a blob that one is made of."""
    wanted = list(digests)
    having = (
        select(node.c.digest.label("digest"), node.c.id).where(node.c.digest.in_(wanted)),
        select(file.c.sha256, file.c.node_id).where(file.c.sha256.in_(wanted)),
        select(extent.c.blob, file.c.node_id)
        .join(file, file.c.id == extent.c.file_id)
        .where(extent.c.blob.in_(wanted)),
        select(tensor.c.digest, tensor.c.node_id).where(tensor.c.digest.in_(wanted)),
    )
    held = union(*having).subquery()
    query = select(held.c.digest, held.c.id).join(version, version.c.node_id == held.c.id).where(is_live())
    found: dict[Digest, list[int]] = defaultdict(list)
    for digest, key in connection.execute(query.order_by(held.c.id)):
        found[digest].append(key)
    return {digest: found[digest] for digest in wanted if digest in found}


def of_step(connection: Connection, step_id: str) -> list[int]:
    """What the step made."""
    made_by = select(node.c.id).where(node.c.label == step_id, node.c.kind == NodeKind.STEP).scalar_subquery()
    return _live(connection, version.c.step_id == made_by)


def of_token(connection: Connection, token_id: str) -> list[int]:
    """What was made by steps that were written with this token."""
    return _live(connection, version.c.step_id.in_(select(step.c.node_id).where(step.c.token == token_id)))


def of_its_token(connection: Connection, step_id: str) -> str | None:
    """See `RecallRepository.of_its_token`."""
    query = (
        select(recall.c.public_id)
        .join(step, step.c.token == recall.c.target)
        .join(node, node.c.id == step.c.node_id)
        .where(node.c.label == step_id, recall.c.reversed_at.is_(None), recall.c.level != Level.ADVISORY)
    )
    return connection.execute(query.order_by(recall.c.id).limit(1)).scalar()


def licences(connection: Connection) -> list[str]:
    """The licences of live versions, each once."""
    return list(connection.scalars(select(version.c.licence).where(is_live()).distinct()))


def of_licences(connection: Connection, wanted: Collection[str]) -> list[int]:
    """Live versions with one of these licences."""
    return _live(connection, version.c.licence.in_(list(wanted)))


def _live(connection: Connection, condition: Any) -> list[int]:
    query = select(node.c.id).join(version, version.c.node_id == node.c.id).where(is_live(), condition)
    return list(connection.scalars(query.order_by(node.c.id)))


def below(connection: Connection, targets: Sequence[int]) -> Below:
    """See `RecallRepository.below`."""
    walk = select(node.c.id).where(node.c.id.in_(list(targets))).cte("walk", recursive=True)
    walk = walk.union(
        select(edge.c.to_node).join(walk, edge.c.from_node == walk.c.id).where(edge.c.superseded_by.is_(None))
    )
    members: Any = (
        select(
            node.c.id,
            node.c.kind,
            node.c.label,
            version.c.deleted_at,
            func.coalesce(model_version.c.status, dataset_version.c.status).label("status"),
        )
        .join(walk, walk.c.id == node.c.id)
        .outerjoin(version, version.c.node_id == node.c.id)
        .outerjoin(model_version, model_version.c.node_id == node.c.id)
        .outerjoin(dataset_version, dataset_version.c.node_id == node.c.id)
    )
    edges = (
        select(edge.c.from_node, edge.c.to_node, edge.c.role)
        .join(walk, walk.c.id == edge.c.from_node)
        .where(edge.c.superseded_by.is_(None))
    )
    named = select(alias.c.node_id, alias.c.alias, alias.c.protected).join(walk, walk.c.id == alias.c.node_id)
    with nested_loops(connection):
        nodes: list[Node] = []
        statuses: dict[int, Status] = {}
        for key, kind, label, deleted_at, status in connection.execute(members):  # rows are many: none is kept
            nodes.append(_node(key, _NODE_KINDS[kind], label))
            if status is not None and deleted_at is None:
                statuses[key] = _STATUSES[status]
        found = [Edge(*row) for row in connection.execute(edges)]
        names: dict[int, list[tuple[str, bool]]] = defaultdict(list)
        for row in connection.execute(named.order_by(alias.c.alias)):
            names[row.node_id].append((row.alias, row.protected))
    return Below(nodes, found, statuses, names)


def _node(key: int, kind: NodeKind, label: str) -> Node:
    return Node(key, kind, label if kind is NodeKind.STEP else public_label(kind, label), None, _NO_FACTS)
