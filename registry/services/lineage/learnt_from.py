"""What a model learnt from, by its lineage."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field

from lineage import Assurance, Digest, NodeId, NodeKind
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.recipes.methods import SOURCE_DOMAIN, TARGET_DOMAIN, TRAIN, UNLABELLED, split_role
from registry.services.storage.lineage import AncestryRecord

LEARNT_FROM = frozenset({TRAIN, SOURCE_DOMAIN, TARGET_DOMAIN, UNLABELLED})
"""Roles of data that weights are fitted to."""
_STRENGTH = (Assurance.CONTRADICTED, Assurance.DECLARED, Assurance.OBSERVED, Assurance.VERIFIED)


@dataclass(frozen=True, slots=True)
class LearntFrom:
    """Data that a model or an ancestor of it, `generations` up, was trained on; all of its splits, or one.

    `assurance` is the weakest on the way there.
    """

    data: VersionRef
    digest: Digest
    split: str
    generations: int = field(compare=False)
    assurance: Assurance = field(compare=False)


def learnt_from(record: AncestryRecord, focus: NodeId | None = None) -> tuple[LearntFrom, ...]:
    """The datasets that a model of `record` (its focus, or another one) was trained on, the nearest first.

    What the weights speak against is left out, and so is data that is named without a digest.
    """
    into: dict[NodeId, list[tuple[NodeId, str, str, Assurance]]] = defaultdict(list)
    for edge in record.edges:
        into[edge.target].append((edge.source, edge.role, edge.split or "", edge.assurance))
    nodes = {one.node.id: one.node for one in record.members}
    start = record.focus if focus is None else focus
    away, sure, waiting = {start: 0}, {start: Assurance.VERIFIED}, deque([start])
    chosen: dict[tuple[VersionRef, str], LearntFrom] = {}
    while waiting:
        here = waiting.popleft()
        for source, role, split, assurance in into[here]:
            node, weakest = nodes.get(source), min(sure[here], assurance, key=_STRENGTH.index)
            if node is None or assurance is Assurance.CONTRADICTED:
                continue
            if node.kind is NodeKind.DATASET:
                ref = Reference.parse(node.label, kind=AssetKind.DATASETS)
                if split_role(role)[0] in LEARNT_FROM and node.digest is not None and ref.number is not None:
                    exact = VersionRef(ref.kind, ref.name, ref.number)
                    chosen.setdefault((exact, split), LearntFrom(exact, node.digest, split, away[here] // 2, weakest))
            elif source not in away:
                away[source], sure[source] = away[here] + 1, weakest
                waiting.append(source)
    return tuple(chosen.values())
