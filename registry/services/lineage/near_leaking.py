"""Test rows that are nearly copies of rows that a version, or an ancestor, was trained on.

The content of rows is read, unlike for `leaking`, so how many are is bounded: rows are taken by the smallest digests of
their content, which is a sample that chance has drawn, and the same one whenever it is asked for.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nsmallest
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from registry.domain.catalog.models import Modality
from registry.domain.data.datasets import DatasetVersionDetail
from registry.domain.data.leakage import NearCopies, NearOverlap, NearPair
from registry.domain.data.near_copies import (
    SIDE,
    Pictures,
    Texts,
    near_pictures,
    near_texts,
    picture_sketch,
    text_sketches,
)
from registry.domain.names import Reference, VersionRef, model_only
from registry.errors import BadDataError, DamagedError, IntegrityError, RefusedError
from registry.services.context import Context
from registry.services.lineage.leaking import Used, lines_of, tests_of, used_in
from registry.services.lookup import found, refuse_damaged, resolve
from registry.services.withholding import refuse_stopped
from registry.services.workspace import workspace

TESTED, TRAINED, LEAST = 4_000, 50_000, 1_000
"""Rows of each test split, of all training splits together, and at least of each of these, that are compared."""
PICTURES = 5
"""Of pictures a fifth of that: they are decoded."""
AT_ONCE = 250
"""Pictures that are on disk at a time."""
LETTERS = 2_000
"""Of a text its beginning is compared."""
EXAMPLES, SHOWN = 3, 160


@dataclass(frozen=True, slots=True)
class _Row:
    """`content` is the text, or the path of a picture."""

    digest: str
    key: int
    content: str


@dataclass(frozen=True, slots=True)
class _Sample:
    """Rows of a split that are compared, of how many; `same` are the digests of others that it was read for."""

    rows: Sequence[_Row]
    total: int
    same: Collection[str] = ()


@dataclass
class _Reading:
    """The data of a step and of its ancestors, as far as they may and can be read."""

    context: Context
    versions: Mapping[VersionRef, DatasetVersionDetail]
    notes: list[str] = field(default_factory=list)

    def is_of_pictures(self, ref: VersionRef) -> bool:
        """Whether the rows of a version are pictures, not texts."""
        return self.versions[ref].dataset.describing.modality is Modality.IMAGE

    def sketches(self, ref: VersionRef, rows: Sequence[_Row]) -> Texts | Pictures:
        """A sketch of each row."""
        if not self.is_of_pictures(ref):
            return text_sketches(row.content[:LETTERS] for row in rows)
        found = [np.zeros((0, SIDE * SIDE), np.float32)]
        where = {file.path: file.sha256 for file in self.versions[ref].files}
        for start in range(0, len(rows), AT_ONCE):
            with workspace(self.context.home, "comparison") as folder:
                paths = []
                for row in rows[start : start + AT_ONCE]:
                    paths.append(folder / f"{row.key}{PurePosixPath(row.content).suffix}")
                    with self.context.blobs.open(where[row.content]) as stored, paths[-1].open("wb") as file:
                        shutil.copyfileobj(stored, file)
                greys = self.context.plugins.greys(paths, SIDE)
            found += [picture_sketch(np.frombuffer(one, np.uint8))[None] for one in greys]
        return np.concatenate(found)

    def sample(self, ref: VersionRef, split: str | None, most: int, own: Collection[str] = ()) -> _Sample:
        """Up to `most` rows of a split, without those whose digest is in `own`."""
        total, same, unread, pictures = 0, set[str](), 0, self.is_of_pictures(ref)

        def contents() -> Iterator[_Row]:
            nonlocal total, unread
            with self.context.blobs.open(self.versions[ref].index) as stream:
                for line in lines_of(stream):
                    row = json.loads(line)
                    if split in {None, row["split"]}:
                        total += 1
                        if row["digest"] in own:
                            same.add(row["digest"])
                        elif pictures and "path" in row and "index" not in row:
                            yield _Row(row["digest"], row["key"], row["path"])
                        elif "text" in row:
                            yield _Row(row["digest"], row["key"], row["text"])
                        else:
                            unread += 1

        rows = nsmallest(most, {row.digest: row for row in contents()}.values(), key=lambda row: row.digest)
        name = f"{ref.label} {split or ''}".strip()
        if unread:
            what = "neither texts in a table nor files of pictures"
            self.notes.append(f"{unread:,} rows of {name} are {what}: only their digests are compared")
        elif total - len(same) > len(rows) == most:
            self.notes.append(f"Of the {total:,} rows of {name}, {most:,} were compared for near-copies")
        return _Sample(rows, total, same)


def near_copies(context: Context, reference: Reference, *, times: int = 1) -> NearCopies:
    """See `LineageVerbs.leakage`; `times` as many rows are compared. Raises: NotFoundError."""
    with context.read() as uow:
        ref = resolve(uow, model_only(reference))
        step = found(uow.steps.get(found(uow.catalog.version(ref), ref).step), ref)
        tests = tests_of(step.inputs)
        used, complete = used_in(uow, step.summary.id, step.inputs)
        wanted = dict.fromkeys([*(test for test, _ in tests), *(one.ref for one in used)])
        details = {one: uow.datasets.version(one) for one in wanted}
        readable, notes = {}, []
        for one, detail in details.items():
            if detail is None:
                notes.append(f"{one.label} was deleted")
                continue
            try:
                refuse_damaged(detail.summary)
                refuse_stopped(uow, one, detail.summary.status, actor=None, now=context.clock.now())
            except (RefusedError, DamagedError) as error:
                notes.append(error.message)
            else:
                readable[one] = detail
    reading = _Reading(context, readable, notes)
    compared = rows = 0
    overlaps: list[NearOverlap] = []
    splits = [one for one in used if one.ref in readable]
    each = max(LEAST, TRAINED // max(len(splits), 1)) * times
    try:
        for test, split in (one for one in tests if one[0] in readable):
            share = PICTURES if reading.is_of_pictures(test) else 1
            sample = reading.sample(test, split, TESTED * times // share)
            near = list(_near(reading, (test, split), sample, splits, each // share))
            compared, rows = compared + len(sample.rows), rows + len({key for _, keys in near for key in keys})
            overlaps += [one for one, _ in near]
    except (IntegrityError, BadDataError) as error:
        reading.notes.append(error.message)
    overlaps.sort(key=lambda one: (-one.rows, str(one.train)))
    found_notes = tuple(dict.fromkeys(reading.notes))
    return NearCopies(rows, compared, tuple(overlaps), found_notes, whole=complete and not found_notes)


def _near(
    reading: _Reading, test: tuple[VersionRef, str | None], sample: _Sample, splits: Sequence[Used], each: int
) -> Iterator[tuple[NearOverlap, Collection[int]]]:
    """Each training split with near-copies, and the keys of the test rows that have one there."""
    pictures = reading.is_of_pictures(test[0])
    sketches: Any = reading.sketches(test[0], sample.rows)
    digests = {row.digest for row in sample.rows}
    for use in splits:
        if reading.is_of_pictures(use.ref) is not pictures:
            continue
        among = reading.sample(use.ref, use.split, each, digests)
        others: Any = reading.sketches(use.ref, among.rows)
        places = (near_pictures if pictures else near_texts)(sketches, others).tolist()
        pairs = [
            (row, among.rows[place])
            for row, place in zip(sample.rows, places, strict=True)
            if place >= 0 and row.digest not in among.same
        ]
        if pairs:
            examples = tuple(NearPair(a.key, b.key, _shown(a.content), _shown(b.content)) for a, b in pairs[:EXAMPLES])
            overlap = NearOverlap(*test, use.ref, use.split, use.step, len(pairs), examples)
            yield overlap, {row.key for row, _ in pairs}


def _shown(text: str) -> str:
    words = "".join(one if one.isprintable() else ascii(one)[1:-1] for one in " ".join(text[:LETTERS].split()))
    return words if len(words) <= SHOWN else f"{words[: SHOWN - 1]}…"
