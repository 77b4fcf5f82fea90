"""What a model learnt from, by its lineage, and rows of it on disk."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field, replace
from pathlib import Path

from lineage import Assurance, Digest, NodeId, NodeKind
from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DatasetVersionDetail, LabelKind
from registry.domain.manifests import canonical_json
from registry.domain.names import AssetKind, Reference, VersionRef
from registry.domain.recipes.methods import SOURCE_DOMAIN, TARGET_DOMAIN, TRAIN, UNLABELLED, split_role
from registry.errors import DatasetChangedError, InvalidError, RefusedError
from registry.ports.transfers import DataInput
from registry.services.artifacts.storing import write_files
from registry.services.context import Context
from registry.services.data.verbs import rows_of
from registry.services.lookup import found, refuse_withheld
from registry.services.selection.reading import ALL
from registry.services.selection.sampling import sampled
from registry.services.storage.lineage import AncestryRecord

LEARNT_FROM = frozenset({TRAIN, SOURCE_DOMAIN, TARGET_DOMAIN, UNLABELLED})
"""Roles of data that weights are fitted to."""
_STRENGTH = (Assurance.CONTRADICTED, Assurance.DECLARED, Assurance.OBSERVED, Assurance.VERIFIED)
MOST_BYTES = 2**30
"""Of files that are written to disk for the rows of one comparison."""


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


def rows_learnt_from(context: Context, one: LearntFrom, modality: Modality, cap: int, folder: Path) -> DataInput:
    """At most `cap` rows of it, without labels, in the new `folder`: only the files of those rows are written.

    Raises: WithheldError, RecalledError, DamagedError, IntegrityError, NotFoundError; InvalidError for data of another
    modality; RefusedError for rows in files that are too large.
    """
    with context.read() as uow:
        detail = found(uow.datasets.version(one.data), one.data)
        refuse_withheld(context, uow, detail.summary)
    if detail.summary.digest != one.digest:
        raise DatasetChangedError(f"{one.data} is not what it was when the model was trained on it")
    kind = detail.dataset.describing.modality
    if kind is not modality:
        raise InvalidError(f"{one.data} holds {kind} data, not {modality}")
    whole = _unread(context, detail, one, folder)
    part = sampled(whole, cap, 0)
    needed = {row.path for row in part.chosen if row.path is not None}
    files = [entry for entry in detail.files if entry.path in needed]
    if (size := sum(entry.size for entry in files)) > MOST_BYTES:
        raise RefusedError(f"The files of {len(part.chosen)} rows of {one.data} have {size / 2**30:,.1f} GiB")
    folder.mkdir()
    write_files(context, one.data, files, folder, error=DatasetChangedError)
    rows = tuple(replace(row, label=None) for row in part.chosen)
    return replace(part, rows=rows, labels=LabelKind.NONE)


def _unread(context: Context, detail: DatasetVersionDetail, one: LearntFrom, folder: Path) -> DataInput:
    """All rows of its split, by their index alone."""
    rows = [row for row in rows_of(context, detail) if not one.split or row.split == one.split]
    digest = Digest.of(canonical_json({"data": str(one.digest), "split": one.split, "labels": None}))
    return DataInput(
        root=folder,
        digest=digest,
        label=one.data.label,
        format=detail.summary.format,
        modality=detail.dataset.describing.modality,
        rows=tuple(replace(row, split=ALL) for row in rows),
        split=ALL,
        labels=detail.summary.labels,
    )
