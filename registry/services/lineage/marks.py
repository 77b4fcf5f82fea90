"""The marks of a version: those set on it and on what it was made from, each with the way that it came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from lineage import NodeId, NodeKind
from lineage.flow import Flow
from registry.domain.catalog import clauses
from registry.domain.catalog.marks import SYNTHETIC, MarkInForce, Marks, SetMark
from registry.domain.names import Reference
from registry.domain.transfers.ways import Ways
from registry.services.context import Context
from registry.services.lineage.flowing import Flowing
from registry.services.lineage.obligations import MAX_ANCESTORS
from registry.services.lookup import found, resolve
from registry.services.storage.lineage import AncestryRecord
from registry.services.unit_of_work import UnitOfWork


def marks(context: Context, reference: Reference) -> Marks:
    """See `LineageVerbs`. Raises: NotFoundError."""
    with context.read() as uow:
        ref = resolve(uow, reference)
        record = found(uow.graph.ancestry(ref, limit=MAX_ANCESTORS), ref)
        return Marks(ref, marks_in_force(record, set_marks(uow, record)), record.complete)


def set_marks(uow: UnitOfWork, record: AncestryRecord) -> Mapping[NodeId, Sequence[SetMark]]:
    """By node of an ancestry, the marks that people set there."""
    return uow.graph.marks([one.node.id for one in record.members])


def marks_in_force(record: AncestryRecord, by_node: Mapping[NodeId, Sequence[SetMark]]) -> tuple[MarkInForce, ...]:
    """The marks that hold for the version at the focus, sorted."""
    return explained(record, marks_in(record, by_node).flow(), by_node)


def explained(
    record: AncestryRecord, flowed: Flow, by_node: Mapping[NodeId, Sequence[SetMark]]
) -> tuple[MarkInForce, ...]:
    """The same, of the flow of `marks_in`."""
    labels = {member.node.id: member.node.label for member in record.members}
    return tuple(
        _explained(labels, flowed.path(record.focus, mark), mark, by_node)
        for mark in sorted(flowed.marks(record.focus))
    )


def marks_in(record: AncestryRecord, by_node: Mapping[NodeId, Sequence[SetMark]]) -> Flowing:
    """The marks in an ancestry: those that were set, and those of data that a model answered for."""
    labels = {member.node.id: member.node.label for member in record.members}
    ways = Ways.of((member.node for member in record.members), record.edges)
    own: dict[NodeId, set[str]] = defaultdict(set)
    for key, some in by_node.items():
        own[key].update(one.mark for one in some)
    for edge in record.edges:
        # A model's answers went into data: the data is synthetic, whoever registered the step.
        given = edge.target in ways.making_data and ways.along(edge) == clauses.OUTPUTS
        if given and ways.kinds[edge.source] is NodeKind.MODEL:
            own[edge.target].add(f"{SYNTHETIC}:{labels[edge.source]}")
    return Flowing(list(ways.links(record.edges)), own, lambda _, mark: mark)


def _explained(
    labels: Mapping[NodeId, str], path: Sequence[NodeId], mark: str, by_node: Mapping[NodeId, Sequence[SetMark]]
) -> MarkInForce:
    said = next((one for one in by_node.get(path[0], ()) if one.mark == mark), None)
    return MarkInForce(mark, tuple(labels[key] for key in path), *((said.by, said.reason) if said is not None else ()))
