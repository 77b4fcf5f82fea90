"""What a correction changes that one person does not change alone: what a version is freed from, or stopped by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from lineage import Assurance, Edge, Graph, NodeId, NodeKind
from registry.domain.catalog.statuses import STOPPED
from registry.domain.recipes.methods import TEST, split_role
from registry.domain.transfers.corrections import StepEdge
from registry.domain.transfers.ways import way_of
from registry.services.lineage import marks, obligations
from registry.services.lineage.flowing import follow
from registry.services.lineage.learnt_from import learnt_from
from registry.services.lineage.obligations import MAX_ANCESTORS
from registry.services.lookup import found
from registry.services.storage.corrections import KeptEdge
from registry.services.storage.lineage import Ancestor, AncestryRecord
from registry.services.unit_of_work import UnitOfWork


def weigh(uow: UnitOfWork, before: AncestryRecord, step: NodeId, edge: KeptEdge, after: StepEdge | None) -> list[str]:
    """The consequences that need a second person, as sentences about the version at the focus of `before`.

    The ancestry after the correction is put together from what is on record, so nothing is written for it.
    """
    said = list(_of_the_edge(edge.value, after, makes_data=_kinds(before)[before.focus] is NodeKind.DATASET))
    above = None if after is None else found(uow.graph.ancestry(after.ref, limit=MAX_ANCESTORS), after.ref)
    if not before.complete or (above is not None and not above.complete):
        return [*said, f"It has more than {MAX_ANCESTORS:,} ancestors, so nobody knows what else changes"]
    later = _later(before, step, edge, after, above)
    return [*said, *_of_the_ancestry(uow, before, later), *_of_statuses(uow, before, later)]


def _of_the_edge(before: StepEdge, after: StepEdge | None, *, makes_data: bool) -> Iterator[str]:
    if before.assurance is Assurance.VERIFIED:
        yield f"The weights prove {before.ref}"
    if before.assurance is Assurance.CONTRADICTED:
        yield f"The weights speak against {before.ref}, and that would not be on record as its claim any more"
    if split_role(before.role)[0] == TEST:
        yield f"It was measured on {before.ref}, as it is on record, and its metrics would be of something else"
    if after is not None and after.ref == before.ref and after.role != before.role:
        one, two = (way_of(edge.role, makes_data=makes_data) for edge in (before, after))
        if one != two:
            yield f"{before.ref} went in as {before.role}, and what it carries goes otherwise as {after.role}"


def _of_the_ancestry(uow: UnitOfWork, before: AncestryRecord, later: AncestryRecord) -> Iterator[str]:
    yield from _of_what_flows(uow, before, later)
    learnt = {(one.data, one.split) for one in learnt_from(later)}
    for data in learnt_from(before):
        if (data.data, data.split) not in learnt:
            split = f" (split {data.split})" if data.split else ""
            yield f"It would not count as trained on {data.data}{split} any more"
    gone = [key for key in _others(before) if key not in _others(later)]
    labels = {one.node.id: one.node.label for one in before.members}
    for key, count in uow.reviews.open_findings(gone).items():
        yield f"{labels[key]}, which has {count} open finding{'s'[: count > 1]}, would be no ancestor any more"


def _of_what_flows(uow: UnitOfWork, before: AncestryRecord, later: AncestryRecord) -> Iterator[str]:
    """Clauses and marks that it would be free of: they flow once, and then only what the correction changes does."""
    clauses = obligations.clauses_in(before)
    flow = clauses.flow()
    owed = obligations.explained(before, clauses, flow, None)
    follow(flow, clauses, obligations.clauses_in(later))
    for one in owed:
        if one.clause not in flow.marks(before.focus):
            yield f"It would not owe {one.clause} any more, which {one.path[0]} asks by its licence {one.licence}"
    by_node = marks.set_marks(uow, before)
    flowing = marks.marks_in(before, by_node)
    flow = flowing.flow()
    held = marks.explained(before, flow, by_node)
    follow(flow, flowing, marks.marks_in(later, marks.set_marks(uow, later)))
    for mark in held:
        if mark.mark not in flow.marks(before.focus):
            yield f"It would not have the mark {mark.mark} any more, which {mark.path[0]} has"


def _of_statuses(uow: UnitOfWork, before: AncestryRecord, later: AncestryRecord) -> Iterator[str]:
    """What is stopped: also where it stays an ancestor, another way to it can carry less than this one did."""
    earlier, now = _others(before), _others(later)
    recalled = uow.recalls.reaching([key for key in earlier if key not in now])
    for key, one in earlier.items():
        if one.status in STOPPED and key not in now:
            yield f"{one.node.label}, which is {one.status}, would be no ancestor any more"
        elif key not in now and key in recalled:
            yield f"{one.node.label}, which {', '.join(recalled[key])} is about, would be no ancestor any more"
        elif one.status in STOPPED and not _ways(before, key) <= _ways(later, key):
            yield f"{one.node.label}, which is {one.status}, would have gone into it by fewer ways"
    for key, one in now.items():
        if one.status in STOPPED and key not in earlier:
            yield f"{one.node.label} is {one.status}: it would come under that, with all that was made from it"


def _others(record: AncestryRecord) -> Mapping[NodeId, Ancestor]:
    return {one.node.id: one for one in record.members if one.node.id != record.focus}


def _ways(record: AncestryRecord, key: NodeId) -> set[tuple[NodeId, str]]:
    return {(edge.target, edge.role) for edge in record.edges if edge.source == key}


def _kinds(record: AncestryRecord) -> Mapping[NodeId, NodeKind]:
    return {one.node.id: one.node.kind for one in record.members}


def _later(
    before: AncestryRecord, step: NodeId, edge: KeptEdge, after: StepEdge | None, above: AncestryRecord | None
) -> AncestryRecord:
    """The ancestry as it would be: without the old edge, with the new one and what stands above it."""
    old = (edge.source, step, edge.value.role, edge.value.split)
    members = {one.node.id: one for one in before.members}
    edges = [one for one in before.edges if (one.source, one.target, one.role, one.split) != old]
    if after is not None and above is not None:
        members |= {one.node.id: one for one in above.members}
        edges += [*above.edges, Edge(above.focus, step, after.role, after.assurance, after.split)]
    edges = list(dict.fromkeys(edges))
    graph = Graph([one.node for one in members.values()], edges)
    inside = {before.focus, *graph.ancestors(before.focus)}
    kept = tuple(one for one in edges if one.source in inside and one.target in inside)
    return replace(before, members=tuple(one for key, one in members.items() if key in inside), edges=kept)
