"""Earlier transfers as they are on record, and the priors that they give a candidate."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lineage import NodeId, NodeKind
from registry.domain.data.datasets import DatasetVersionDetail
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.selection.history import PRIORS, expected
from registry.domain.selection.past import Source, Task, Tried
from registry.services.context import Context
from registry.services.governance.quality import merit
from registry.services.lineage.obligations import MAX_ANCESTORS
from registry.services.selection.candidates import Eligible
from registry.services.storage.lineage import AncestryRecord
from registry.services.storage.selection import PastTransfer
from registry.services.unit_of_work import UnitOfWork

PRETRAINING = "pretraining"
"""The main metric that a candidate was itself measured by when it was made."""


@dataclass(frozen=True, slots=True)
class Past:
    """What is on record: the outcomes by target, and what is known of each source."""

    transfers: int
    tried: tuple[Tried, ...]
    sources: Mapping[VersionRef, Source]


def read_past(uow: UnitOfWork) -> Past:
    """Every transfer with one source and one training dataset that was measured on test rows.

    One target for each dataset, whatever its versions: the version, test rows and metric with the most sources. Of
    several transfers from one source, the best counts.
    """
    by_place: dict[tuple[VersionRef, str, str], dict[VersionRef, float]] = defaultdict(dict)
    records = uow.selections.past_transfers()
    first: dict[tuple[VersionRef, str, str], PastTransfer] = {}
    for one in records:
        if (found := merit(one.metrics)) is None:
            continue
        place = (one.data, one.tested, found[0])
        first.setdefault(place, one)
        merits = by_place[place]
        merits[one.source] = max(found[1], merits.get(one.source, found[1]))
    chosen: dict[str, Tried] = {}
    for place, merits in sorted(by_place.items(), key=lambda item: -len(item[1])):
        chosen.setdefault(str(place[0].name), Tried(first[place].task, place[0], place[2], merits))
    facts = {one.source: one for one in records}
    used = {ref for one in chosen.values() for ref in one.merits}
    sources = {ref: Source(ref, facts[ref].size, facts[ref].architecture, ancestors(uow, ref)) for ref in used}
    return Past(len(records), tuple(chosen.values()), sources)


def ancestors(uow: UnitOfWork, ref: VersionRef) -> Mapping[VersionRef, int]:
    """The models that `ref` came from, with the fewest generations to each; itself is 0 up."""
    record = uow.graph.ancestry(ref, limit=MAX_ANCESTORS)
    return {ref: 0} if record is None else _generations(record)


def _generations(record: AncestryRecord) -> Mapping[VersionRef, int]:
    """A generation is two edges: model to step, step to model."""
    into: dict[NodeId, list[NodeId]] = defaultdict(list)
    for edge in record.edges:
        into[edge.target].append(edge.source)
    away, waiting = {record.focus: 0}, deque([record.focus])
    while waiting:
        here = waiting.popleft()
        for source in into[here]:
            if source not in away:
                away[source] = away[here] + 1
                waiting.append(source)
    found = {}
    for member in record.members:
        if member.node.kind is NodeKind.MODEL and member.node.id in away:
            ref = Reference.parse(member.node.label, kind=AssetKind.MODELS)
            if ref.number is not None:
                found[VersionRef(ref.kind, ref.name, ref.number)] = away[member.node.id] // 2
    return found


def priors(
    context: Context, detail: DatasetVersionDetail, split: str, candidates: Sequence[Eligible]
) -> list[Mapping[str, float]]:
    """By name what is known of each candidate without reading it: see `registry.domain.selection.history`.

    Empty of what no earlier transfer says anything about.
    """
    chosen = next(one for one in detail.summary.splits if one.name == split)
    task = Task(
        detail.summary.ref.name,
        detail.dataset.describing.modality,
        detail.summary.labels,
        chosen.rows,
        len(chosen.classes),
    )
    with context.read() as uow:
        past = read_past(uow)
        known = [_source(uow, one) for one in candidates]
    found: list[dict[str, float]] = [{} for _ in candidates]
    for name, alike in PRIORS.items():
        values = expected(known, task, past.tried, past.sources, alike)
        if any(values):
            for place, value in enumerate(values):
                found[place][name] = value
    for one, prior in zip(candidates, found, strict=True):
        if (own := merit(one.detail.summary.metrics)) is not None:
            prior[PRETRAINING] = own[1]
    return list(found)


def _source(uow: UnitOfWork, one: Eligible) -> Source:
    ref = one.detail.summary.ref
    return Source(ref, one.detail.summary.size, one.detail.architecture, ancestors(uow, ref))
