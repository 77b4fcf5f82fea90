"""Whether the rows that a version was tested on stood in training data: its own, or that of any ancestor."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from lineage import Digest, NodeKind
from registry.domain.data.leakage import Leakage, Overlap, RowPair
from registry.domain.names import AssetKind, Reference, VersionRef, model_only
from registry.domain.recipes.methods import TEST, split_role
from registry.domain.transfers.steps import StepInput
from registry.domain.transfers.ways import LEARNT_FROM
from registry.errors import DamagedError, IntegrityError, NotFoundError
from registry.services.context import Context
from registry.services.lookup import found, resolve
from registry.services.unit_of_work import UnitOfWork

MAX_ANCESTORS = 100_000
"""Nodes of the ancestry of each parent that are read at most."""
HELD = 500_000
"""Test rows whose digests are in memory at a time: about 100 MB."""
LEAKAGE = "leakage"
"""The name of the fact in a provenance manifest."""
EXAMPLES = 5
"""Pairs of rows that each overlap shows."""
CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Used:
    """One split that something was trained on, with the first step known to have done so. Without split: all rows."""

    ref: VersionRef
    split: str | None
    step: str


def leakage(context: Context, reference: Reference) -> Leakage:
    """See `LineageVerbs`. Raises: NotFoundError."""
    with context.read() as uow:
        ref = resolve(uow, model_only(reference))
        step = found(uow.steps.get(found(uow.catalog.version(ref), ref).step), ref)
    return leakage_of(context, step.summary.id, step.inputs)


def leakage_of(context: Context, step_id: str, inputs: Sequence[StepInput]) -> Leakage:
    """The same for the inputs of a step. Row indexes are read as streams, one after another."""
    tests = tests_of(inputs)
    with context.read() as uow:
        used, complete = used_in(uow, step_id, inputs)
        indexes = {ref: _index(uow, ref) for ref in {one.ref for one in used} | {ref for ref, _ in tests}}
        looks = max((uow.graph.measured_on(str(ref), split) for ref, split in tests), default=0)
    unread = [str(ref) for ref, index in indexes.items() if index is None]
    readable = {ref: index for ref, index in indexes.items() if index is not None}
    rows = seen = 0
    overlaps: list[Overlap] = []
    try:
        for ref, split in tests:
            if ref in readable:
                counted = _Compared(context, readable, ref, split)
                overlaps += counted.overlaps([one for one in used if one.ref in readable])
                rows, seen = rows + counted.rows, seen + counted.seen
    except (NotFoundError, IntegrityError, DamagedError) as error:
        unread.append(str(error))
    overlaps.sort(key=lambda one: (-one.rows, str(one.train)))
    return Leakage(rows, seen, tuple(overlaps), tuple(sorted(unread)), looks, complete)


def tests_of(inputs: Sequence[StepInput]) -> Sequence[tuple[VersionRef, str | None]]:
    """The test data among the inputs of a step, each split once."""
    return list(dict.fromkeys((i.ref, i.split) for i in inputs if is_data(i) and split_role(i.role)[0] == TEST))


def leakage_fact(leakage: Leakage) -> dict[str, object]:
    """The fact `leakage` of a provenance manifest: what conditions of a policy read."""
    return {"test_rows": leakage.test_rows, "seen": leakage.seen, "known": leakage.complete and not leakage.unread}


def is_data(given: StepInput) -> bool:
    """Whether an input is a version of a dataset."""
    return given.ref.kind is AssetKind.DATASETS


def used_in(uow: UnitOfWork, step_id: str, inputs: Sequence[StepInput]) -> tuple[list[Used], bool]:
    """What a step and its ancestors learnt from, nearest first, each split once; False where it was cut short."""
    own = [Used(i.ref, i.split, step_id) for i in inputs if is_data(i) and split_role(i.role)[0] in LEARNT_FROM]
    complete = True
    for parent in dict.fromkeys(i.ref for i in inputs if not is_data(i)):
        record = uow.graph.ancestry(parent, limit=MAX_ANCESTORS)
        if record is None:
            continue
        complete = complete and record.complete
        nodes = {member.node.id: member.node for member in record.members}
        for edge in record.edges:
            source = nodes[edge.source]
            if source.kind is NodeKind.DATASET and split_role(edge.role)[0] in LEARNT_FROM:
                reference = Reference.parse(f"{AssetKind.DATASETS}:/{source.label}")
                data = VersionRef(reference.kind, reference.name, reference.number or 0)
                own.append(Used(data, edge.split, nodes[edge.target].label))
    return list({(one.ref, one.split): one for one in reversed(own)}.values())[::-1], complete


def _index(uow: UnitOfWork, ref: VersionRef) -> Digest | None:
    """None for a version that was deleted."""
    detail = uow.datasets.version(ref)
    return None if detail is None else detail.index


@dataclass
class _Compared:
    """The rows of one test split, put beside training splits."""

    context: Context
    indexes: Mapping[VersionRef, Digest]
    test: VersionRef
    split: str | None
    rows: int = 0
    seen: int = 0

    def overlaps(self, used: Sequence[Used]) -> Iterator[Overlap]:
        """One for each training split that holds test rows. Test rows are taken in parts that fit into memory."""
        hits: Counter[Used] = Counter()
        examples: dict[Used, list[RowPair]] = {}
        own = ((digest, key) for digest, split, key in self._rows(self.test) if self.split in {None, split})
        while part := list(islice(own, HELD)):
            times = Counter(digest for digest, _ in part)
            keys = dict(reversed(part))
            self.rows += len(part)
            everywhere: set[bytes] = set()
            for ref, uses in _by_version(used).items():
                for use, found_rows in self._found(ref, uses, keys).items():
                    everywhere |= found_rows.keys()
                    hits[use] += sum(times[digest] for digest in found_rows)
                    pairs = [RowPair(keys[digest], row) for digest, row in islice(found_rows.items(), EXAMPLES)]
                    examples[use] = [*examples.get(use, ()), *pairs][:EXAMPLES]
            self.seen += sum(times[digest] for digest in everywhere)
        for use, rows in hits.items():
            if rows:
                yield Overlap(self.test, self.split, use.ref, use.split, use.step, rows, tuple(examples[use]))

    def _found(self, ref: VersionRef, uses: Sequence[Used], keys: Mapping[bytes, int]) -> dict[Used, dict[bytes, int]]:
        """By training split, the test rows in it with the first key that each has there."""
        hits: dict[Used, dict[bytes, int]] = {use: {} for use in uses}
        for digest, split, key in self._rows(ref):
            if digest in keys:
                for use in uses:
                    if use.split in {None, split}:
                        hits[use].setdefault(digest, key)
        return hits

    def _rows(self, ref: VersionRef) -> Iterator[tuple[bytes, str, int]]:
        """Digest of the content, split and key of each row, as the stored index streams by."""
        with self.context.blobs.open(self.indexes[ref]) as stream:
            for line in lines_of(stream):
                row = json.loads(line)
                yield bytes.fromhex(row["digest"]), row["split"], row["key"]


def _by_version(used: Iterable[Used]) -> dict[VersionRef, list[Used]]:
    found_uses: dict[VersionRef, list[Used]] = {}
    for one in used:
        found_uses.setdefault(one.ref, []).append(one)
    return found_uses


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a row index as they stream by."""
    left = b""
    while chunk := stream.read(CHUNK):
        *whole, left = (left + chunk).split(b"\n")
        yield from whole
