"""Marks come to data that is registered again: under another name, with another seed, in another order, with more rows.

New data is put beside all data that somebody set marks on, by the digests of its files and of the content of its rows,
before the transaction. Where a tenth of the smaller of the two is the same, the new version gets the marks, with both
sides in the reason. Where it is less, a finding says so, or the marks do where nobody can have a finding.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.catalog.marks import SetMark
from registry.domain.governance.reviews.findings import DAYS, Finding, Severity, raised
from registry.domain.ids import new_id
from registry.domain.manifests import Manifest
from registry.domain.names import VersionRef
from registry.domain.people.people import SYSTEM
from registry.errors import ConflictError, DamagedError, IntegrityError, NotFoundError
from registry.services.context import Context
from registry.services.lineage.leaking import lines_of
from registry.services.storage.lineage import MarkedData
from registry.services.unit_of_work import UnitOfWork

ENOUGH = 0.1
"""The part of the smaller of two data sets that makes them the same data."""


@dataclass(frozen=True, slots=True)
class Same:
    """What new data has in common with data that has marks, as a sentence without its end."""

    data: MarkedData
    enough: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Compared:
    """All data with marks at one time, and what new data has in common with them."""

    marked: Sequence[MarkedData]
    same: Sequence[Same]

    def carry(self, uow: UnitOfWork, ref: VersionRef, *, by: str, at: datetime) -> Iterator[Event]:
        """Set the marks on the new version, and raise the findings; the caller commits.

        Raises: ConflictError where marks were set or taken away since the rows were read.
        """
        if uow.graph.marked_data() != self.marked:
            raise ConflictError(f"Marks of other data changed while {ref} was read", remedy="Register it again")
        given = set[str]()
        for one in self.same:
            if not one.enough and uow.people.get(by) is not None:  # a finding needs an owner with an account
                yield from self._told(uow, ref, one, by=by, at=at)
                continue
            for mark in (mark for mark in one.data.marks if mark not in given):
                given.add(mark)
                uow.graph.add_mark(SetMark(ref, mark, one.sentence, SYSTEM.handle, at))
                yield Event("mark.added", str(ref), {"mark": mark, "reason": one.sentence, "by": SYSTEM.handle})

    def _told(self, uow: UnitOfWork, ref: VersionRef, one: Same, *, by: str, at: datetime) -> Sequence[Event]:
        marks = ", ".join(one.data.marks)
        text = f"{one.sentence}. That data has {'the mark' if len(one.data.marks) == 1 else 'the marks'} {marks}"
        due = at + timedelta(days=DAYS[Severity.MEDIUM])
        value = Finding(new_id("fnd", at), ref, Severity.MEDIUM, text, by, due, SYSTEM.handle, at)
        uow.reviews.add_finding(value)
        return (raised(value),)


def compared(context: Context, manifest: Manifest) -> Compared:
    """Put new data, which is stored, beside all data with marks. Rows are read only where there are some."""
    with context.read() as uow:
        marked = uow.graph.marked_data()
    same = list[Same]()
    rows: frozenset[bytes] | None = None
    for data in marked:
        found = _same_files(manifest, data)
        if found is None or not found.enough:
            rows = _rows(context, manifest.rows) if rows is None else rows
            found = _same_rows(context, rows, data) or found
        if found is not None:
            same.append(found)
    return Compared(marked, sorted(same, key=lambda one: not one.enough))


def _same_files(manifest: Manifest, data: MarkedData) -> Same | None:
    own = {file.sha256: file.size for file in manifest.files}
    both = [digest for digest in own if digest in data.files and own[digest]]
    if not both:
        return None
    smaller = min(sum(own.values()), sum(data.files.values()))
    what = "Its file is one" if len(both) == 1 else f"{len(both):,} of its {len(own):,} files are files"
    enough = sum(own[digest] for digest in both) >= ENOUGH * smaller
    return Same(data, enough, f"{what} of {data.ref}")


def _same_rows(context: Context, rows: frozenset[bytes], data: MarkedData) -> Same | None:
    """None where no row is the same, or where the rows of the other data are not stored any more."""
    try:
        others = _rows(context, data.index)
    except (NotFoundError, IntegrityError, DamagedError):
        return None
    both = len(rows & others)
    if not both:
        return None
    enough = both >= ENOUGH * min(len(rows), len(others))
    both_sides = f"{both:,} of its {len(rows):,} different rows are among the {len(others):,} of {data.ref}"
    return Same(data, enough, both_sides)


def _rows(context: Context, index: Digest | None) -> frozenset[bytes]:
    """The digests of all rows."""
    if index is None:
        return frozenset()
    with context.blobs.open(index) as stream:
        return frozenset(bytes.fromhex(json.loads(line)["digest"]) for line in lines_of(stream))
