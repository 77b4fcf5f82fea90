"""What data have in common, by the digests of their files and of the content of their rows.

Where a tenth of the smaller of two is the same, they are the same data: what holds for one holds for the other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
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
from registry.errors import ConflictError
from registry.services.context import Context
from registry.services.data.stored_rows import keep_sample, keys_of, read_what_is_due
from registry.services.storage.data_rows import KnownData
from registry.services.unit_of_work import UnitOfWork

ENOUGH = 0.1
"""The part of the smaller of two data sets that makes them the same data."""


@dataclass(frozen=True, slots=True)
class Same:
    """What data has in common with other data, `data`, as a sentence without its end."""

    data: KnownData
    enough: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Compared:
    """What new data has in common with data that has marks, by the numbers that the data of the registry had then."""

    marks_changed: int
    rows: frozenset[int]
    same: Sequence[Same]

    def carry(self, uow: UnitOfWork, ref: VersionRef, *, by: str, at: datetime) -> Iterator[Event]:
        """Set the marks on the new version, and raise the findings; the caller commits.

        Raises: ConflictError where marks were set or taken away since the rows were read.
        """
        if uow.data_rows.state()[0] != self.marks_changed:
            raise ConflictError(f"Marks of other data changed while {ref} was read", remedy="Register it again")
        keep_sample(uow, ref, self.rows)
        given = set[str]()
        for one in self.same:
            yield from passed_on(uow, ref, one, [mark for mark in one.data.marks if mark not in given], (by,), at)
            given.update(one.data.marks if one.enough else ())


def passed_on(
    uow: UnitOfWork, ref: VersionRef, one: Same, marks: Sequence[str], owners: Sequence[str], at: datetime
) -> Iterator[Event]:
    """Set marks on a version for what it has in common with other data, or tell one of `owners` by a finding.

    Where none of them has an account, there are marks instead.
    """
    owner = next((who for who in owners if uow.people.get(who) is not None), None)
    if one.enough or owner is None:
        for mark in marks:
            uow.graph.add_mark(SetMark(ref, mark, one.sentence, SYSTEM.handle, at))
            yield Event("mark.added", str(ref), {"mark": mark, "reason": one.sentence, "by": SYSTEM.handle})
    elif marks:
        text = f"{one.sentence}. That data has {'the mark' if len(marks) == 1 else 'the marks'} {', '.join(marks)}"
        due = at + timedelta(days=DAYS[Severity.MEDIUM])
        value = Finding(new_id("fnd", at), ref, Severity.MEDIUM, text, owner, due, SYSTEM.handle, at)
        uow.reviews.add_finding(value)
        yield raised(value)


def compared(context: Context, manifest: Manifest) -> Compared:
    """Put new data, which is stored, beside all data with marks: what is read of these is what the new data has too."""
    rows = keys_of(context, manifest.rows)
    with context.read() as uow:
        marks_changed, _ = uow.data_rows.state()
    read_what_is_due(context, whole=True)
    files = {file.sha256: file.size for file in manifest.files}
    with context.read() as uow:
        shared = uow.data_rows.with_rows(rows, whole=True)
        known = uow.data_rows.known({*shared, *uow.data_rows.with_files(files.keys())})
    found = [same(files, len(rows), other, shared.get(key, 0)) for key, other in sorted(known.items()) if other.marks]
    return Compared(marks_changed, rows, sorted((one for one in found if one), key=lambda one: not one.enough))


def same(files: Mapping[Digest, int], rows: int, other: KnownData, shared: int) -> Same | None:
    """What data with these files and so many different rows has in common with other data; None for nothing."""
    found = _same_files(files, other)
    if found is not None and found.enough:
        return found
    if not shared or not other.different:
        return found
    enough = shared >= ENOUGH * min(rows, other.different)
    both_sides = f"{shared:,} of its {rows:,} different rows are among the {other.different:,} of {other.ref}"
    return Same(other, enough, both_sides)


def _same_files(own: Mapping[Digest, int], data: KnownData) -> Same | None:
    both: Collection[Digest] = [digest for digest in own if digest in data.files and own[digest]]
    if not both:
        return None
    smaller = min(sum(own.values()), sum(data.files.values()))
    what = "Its file is one" if len(both) == 1 else f"{len(both):,} of its {len(own):,} files are files"
    enough = sum(own[digest] for digest in both) >= ENOUGH * smaller
    return Same(data, enough, f"{what} of {data.ref}")
