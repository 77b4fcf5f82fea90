"""How like the data of a version is to what its source learnt from: what a policy reads as `similarity`.

It is read from the rankings that the registry has kept, never from what people add. A ranking counts where it is about
the very rows and bytes: the digest of the data and its split, and the digest of the source. It must have been measured
against data that the source, as the lineage has it now, learnt from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lineage import Edge, Node, NodeId, NodeKind
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.recipes.methods import SOURCE, TARGET_DOMAIN, TRAIN, UNLABELLED, split_role
from registry.domain.selection.similarity import Against, Similarity
from registry.services.lineage.learnt_from import learnt_from
from registry.services.storage.lineage import AncestryRecord
from registry.services.unit_of_work import UnitOfWork

FACT = "similarity"
"""The variable of conditions, and what a step is asked for where a policy reads it."""
ITSELF = "itself"
"""What the data was compared with where the source learnt from that very data: nothing is measured then."""
TEXTS = ("verdict", "against", "assurance", "data", "source", "ranking")
NUMBERS = ("auc", "auc_low", "auc_high", "mmd", "energy", "neighbours", "rows")
_KINDS = {NodeKind.MODEL: AssetKind.MODELS, NodeKind.DATASET: AssetKind.DATASETS}
_NEW = frozenset({TRAIN, UNLABELLED, TARGET_DOMAIN})


@dataclass(frozen=True, slots=True)
class Pair:
    """A source of a version, and the rows that the version was made with: what has to be compared."""

    source: Node
    data: Node
    split: str


def pairs_of(record: AncestryRecord) -> list[Pair]:
    """Of the step that made the version; none where it was made from no source, or with no data."""
    into: dict[NodeId, list[Edge]] = {}
    for edge in record.edges:
        into.setdefault(edge.target, []).append(edge)
    nodes = {one.node.id: one.node for one in record.members}
    ways = [edge for made in into.get(record.focus, ()) for edge in into.get(made.source, ())]
    sources = [nodes[edge.source] for edge in ways if edge.role == SOURCE and edge.source in nodes]
    data = [
        (nodes[edge.source], edge.split or "")
        for edge in ways
        if split_role(edge.role)[0] in _NEW and edge.source in nodes
    ]
    return [Pair(source, node, split) for source in sources for node, split in data]


def similarity_of(uow: UnitOfWork, record: AncestryRecord) -> dict[str, object]:
    """The facts; empty where one pair of source and data was never compared. Of several pairs, the farthest counts."""
    found = [_of_pair(uow, record, pair) for pair in pairs_of(record)] if record.complete else []
    if not found or any(not one for one in found):
        return {}
    return max(found, key=_distance)


def _of_pair(uow: UnitOfWork, record: AncestryRecord, pair: Pair) -> dict[str, object]:
    known = {(one.data, one.digest) for one in learnt_from(record, pair.source.id)}
    if any(digest == pair.data.digest for _, digest in known):
        return {"verdict": "same", "against": ITSELF, "data": _named(pair.data), "source": _named(pair.source)}
    kept = [one for one in _measured(uow, pair) if (one[1].data, one[1].digest) in known or _by_weights(one[1])]
    if not kept:
        return {}
    ranking, chosen = max(kept, key=lambda one: _strength(one[1]))
    facts: dict[str, object] = {
        "source": _named(pair.source),
        "ranking": ranking,
        "against": chosen.against.value,
        "rows": float(min(chosen.rows, chosen.target)),
    }
    if chosen.auc is not None:
        facts |= {"auc": chosen.auc.value, "auc_low": chosen.auc.low, "auc_high": chosen.auc.high}
    single = {
        "verdict": chosen.verdict,
        "assurance": chosen.assurance,
        "data": None if chosen.data is None else str(chosen.data),
        "mmd": chosen.mmd,
        "energy": chosen.energy,
        "neighbours": chosen.neighbours,
    }
    return facts | {name: getattr(value, "value", value) for name, value in single.items() if value is not None}


def _named(node: Node) -> str:
    """Its URI."""
    return f"{_KINDS[node.kind]}:/{node.label}"


def _measured(uow: UnitOfWork, pair: Pair) -> Iterator[tuple[str, Similarity]]:
    """What kept rankings say of the source and these rows."""
    if pair.source.digest is None or pair.data.digest is None:
        return
    reference = Reference.parse(pair.data.label, kind=AssetKind.DATASETS)
    if reference.number is None:
        return
    for report in uow.selections.about(VersionRef(reference.kind, reference.name, reference.number)):
        if report.data == pair.data.digest and report.split == (pair.split or report.split):
            for one in report.ranked:
                found = one.similarity
                if one.digest == pair.source.digest and found is not None and found.against is not Against.NOTHING:
                    yield report.id, found


def _by_weights(found: Similarity) -> bool:
    return found.against is Against.STATISTICS


def _strength(found: Similarity) -> tuple[bool, int, float]:
    """Rows before summaries, more rows before fewer; of equal ones the farthest, so that no repeat makes it nearer."""
    far = found.auc.value if found.auc is not None else found.energy or 0.0
    return found.against is Against.ROWS, min(found.rows, found.target), far


def _distance(facts: Mapping[str, object]) -> tuple[bool, float, float]:
    """What was not measured on rows, and has no verdict, is taken for the farthest."""

    def number(name: str) -> float:
        value = facts.get(name)
        return value if isinstance(value, float) else 0.0

    return "verdict" not in facts, number("auc"), number("energy")


def needed(record: AncestryRecord) -> list[tuple[VersionRef, VersionRef, str]]:
    """By source: the data and split that it has to be compared on, where the registry knows both by number."""
    found = []
    for pair in pairs_of(record):
        source = Reference.parse(pair.source.label, kind=AssetKind.MODELS)
        data = Reference.parse(pair.data.label, kind=AssetKind.DATASETS)
        if pair.source.kind is NodeKind.MODEL and source.number is not None and data.number is not None:
            found.append(
                (
                    VersionRef(source.kind, source.name, source.number),
                    VersionRef(data.kind, data.name, data.number),
                    pair.split,
                )
            )
    return found
