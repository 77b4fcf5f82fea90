"""A check of every stored object that a version needs: damaged versions are marked, and no mark outlives its damage.

The objects are read in order of digest, a batch at a time, and never inside a transaction. After each batch one
transaction writes how far the check is, the marks, and their audit entries; so a check that was stopped or killed goes
on where it was, and a version that was deleted or restored meanwhile is not marked.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.file_kinds import START, FileKind, FileScan, kind_of
from registry.domain.names import AssetKind, VersionRef
from registry.domain.objects import CheckReport, Damage, Fault, Form, StoreCheck, Use, VersionCheck
from registry.domain.people.people import Permission
from registry.errors import IntegrityError, NotFoundError
from registry.services.artifacts.storing import open_extents
from registry.services.context import Context
from registry.services.lookup import damaged
from registry.services.storage.catalog import Extent
from registry.services.storage.objects import PiecedFile
from registry.services.unit_of_work import UnitOfWork

BATCH = 64
"""Objects that are checked between two transactions, at most."""
BATCH_SECONDS = 5.0
"""Seconds after which a batch ends early, so that little is read again after a kill."""
_CHUNK = 1024 * 1024
Watch = Callable[[StoreCheck], None]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something damaged, and the versions that need it."""

    digest: Digest
    fault: Fault
    uses: tuple[Use, ...]
    form: Form = Form.OBJECT


@dataclass(slots=True)
class _Pace:
    """Keeps the bytes that are read at `rate` bytes per second or below, and knows when the time is over.

    It never waits longer than the time lasts: the object that is being read then is read to its end.
    """

    rate: int | None
    seconds: float | None
    began: float = field(default_factory=time.monotonic)
    size: int = 0

    def read(self, size: int) -> None:
        self.size += size
        if self.rate is not None:
            spent = time.monotonic() - self.began
            until = min(self.size / self.rate, self.seconds if self.seconds is not None else math.inf)
            time.sleep(max(0.0, until - spent))

    @property
    def is_over(self) -> bool:
        return self.seconds is not None and time.monotonic() - self.began >= self.seconds


def check_objects(
    context: Context,
    *,
    restart: bool = False,
    rate: int | None = None,
    seconds: float | None = None,
    watch: Watch | None = None,
) -> CheckReport:
    """Go on with the last check that has not ended, or begin one; see `StoreVerbs.verify`."""
    context.actor.require(Permission.ADMIN)
    pace, restored = _Pace(rate, seconds), list[VersionRef]()
    check, noted = _begin(context, restart=restart)
    while blobs := _next(context, noted, check.position):
        checked, findings, sound = _batch(context, noted, blobs, pace)
        check = replace(
            check,
            position=checked[-1],
            objects=check.objects + len(checked),
            size=check.size + sum(sound.values()),
            updated_at=context.clock.now(),
        )
        check, freed = _save(context, check, findings, {Form.OBJECT: sound})
        restored += freed
        if watch is not None:
            watch(check)
        if pace.is_over:
            return _report(context, check, restored)
    findings, others = _rest(context)
    now = context.clock.now()
    check, freed = _save(context, replace(check, updated_at=now, ended_at=now), findings, others)
    if watch is not None:
        watch(check)
    return _report(context, check, [*restored, *freed])


def last_report(uow: UnitOfWork) -> CheckReport | None:
    """The last check and the damage that is on record; None when there was never a check."""
    check = uow.objects.last_check()
    return None if check is None else CheckReport(check, tuple(uow.objects.damage()))


def fault_of(context: Context, blob: Digest, *, size: int | None = None, read: Callable[[int], None]) -> Fault | None:
    """What is wrong with a stored object, by reading all of it. `size` is the least that is on record in bytes."""
    try:
        actual = context.blobs.verify(blob, read)
    except NotFoundError:
        return Fault.MISSING
    except IntegrityError:
        return Fault.CHANGED
    return Fault.CHANGED if size is not None and actual < size else None


def mark(uow: UnitOfWork, context: Context, findings: Iterable[Finding]) -> list[Event]:
    """Mark the versions that need damaged objects; the caller commits with the events given back."""
    now = context.clock.now()
    new = [
        damage
        for one in findings
        for use in one.uses
        if uow.objects.mark(damage := Damage(use.ref, use.place, one.digest, one.fault, now, one.form))
    ]
    new.sort(key=lambda damage: (damage.ref, damage.place))
    return [
        Event(f"{_word(ref)}.damaged", str(ref), {"objects": [_row(one) for one in some]})
        for ref, some in groupby(new, key=lambda damage: damage.ref)
    ]


def unmark(
    uow: UnitOfWork, right: Mapping[Form, Collection[Digest]], source: str
) -> tuple[list[VersionRef], list[Event]]:
    """Take away the marks of what is right again: the versions without damage, and the events for the commit."""
    marked = {(damage.form, damage.digest) for damage in uow.objects.damage()}
    freed = list[VersionRef]()
    for form, digests in right.items():
        if again := {digest for kind, digest in marked if kind is form and digest in digests}:
            freed += uow.objects.unmark(form, again)
    return freed, [Event(f"{_word(ref)}.restored", str(ref), {"from": source}) for ref in freed]


def _begin(context: Context, *, restart: bool) -> tuple[StoreCheck, Mapping[Digest, Sequence[Use]]]:
    with context.read() as uow:
        last, noted = uow.objects.last_check(), uow.objects.noted()
        if last is not None and last.ended_at is None and not restart:
            return last, noted
        total = uow.objects.count() + len(noted)
    now = context.clock.now()
    return StoreCheck(now, context.actor.handle, now, None, None, 0, 0, total, 0), noted


def _next(context: Context, noted: Mapping[Digest, Sequence[Use]], after: Digest | None) -> list[Digest]:
    """The next objects in order of digest, whether a row or a document names them."""
    with context.read() as uow:
        rows = uow.objects.needed(after=after, limit=BATCH)
    named = [blob for blob in noted if after is None or blob > after]
    return sorted({*rows, *named})[:BATCH]


def _batch(
    context: Context, noted: Mapping[Digest, Sequence[Use]], blobs: Sequence[Digest], pace: _Pace
) -> tuple[list[Digest], list[Finding], dict[Digest, int]]:
    """Read some objects: those that were read, what is wrong, and the sizes in bytes of those that are right."""
    with context.read() as uow:
        uses, ends = uow.objects.uses(blobs), uow.objects.ends(blobs)
    checked, findings, sound = list[Digest](), list[Finding](), dict[Digest, int]()
    until = time.monotonic() + BATCH_SECONDS
    for blob in blobs:
        before = pace.size
        fault = fault_of(context, blob, size=ends.get(blob), read=pace.read)
        checked.append(blob)
        if fault is None:
            sound[blob] = pace.size - before
        else:
            findings.append(Finding(blob, fault, (*uses.get(blob, ()), *noted.get(blob, ()))))
        if pace.is_over or time.monotonic() > until:
            break
    return checked, findings, sound


def _rest(context: Context) -> tuple[list[Finding], dict[Form, set[Digest]]]:
    """Cards, whose text is in the database, and files that are put together from pieces of objects."""
    findings = list[Finding]()
    right: dict[Form, set[Digest]] = {Form.CARD: set(), Form.PIECES: set()}
    with context.read() as uow:
        pieced = list(uow.objects.pieced())
        for card in uow.objects.cards():
            if Digest.of(card.text.encode()) == card.digest:
                right[Form.CARD].add(card.digest)
            else:
                findings.append(Finding(card.digest, Fault.CHANGED, (card.use,), Form.CARD))
    for one in pieced:
        fault = _pieced_fault(context, one)
        if fault is None:
            right[Form.PIECES].add(one.sha256)
        else:
            findings.append(Finding(one.sha256, fault, (one.use,), Form.PIECES))
    wrong = {(finding.form, finding.digest) for finding in findings}
    return findings, {form: {one for one in digests if (form, one) not in wrong} for form, digests in right.items()}


def _pieced_fault(context: Context, one: PiecedFile) -> Fault | None:
    hashed, size = hashlib.sha256(), 0
    try:
        with open_extents(context.blobs, one.extents) as stream:
            while chunk := stream.read(_CHUNK):
                hashed.update(chunk)
                size += len(chunk)
    except NotFoundError:
        return Fault.MISSING
    except IntegrityError:
        return Fault.CHANGED
    return None if (hashed.hexdigest(), size) == (one.sha256.hex, one.size) else Fault.CHANGED


def _save(
    context: Context, check: StoreCheck, findings: Sequence[Finding], right: Mapping[Form, Collection[Digest]]
) -> tuple[StoreCheck, list[VersionRef]]:
    """Write what was found in one transaction: how far the check is, marks, and marks that are taken away."""
    check = replace(check, faults=check.faults + len(findings))
    with context.write(Permission.ADMIN) as uow:
        events = mark(uow, context, findings)
        freed, more = unmark(uow, right, "the same place")
        uow.objects.save_check(check)
        if check.ended_at is not None:
            facts = {"objects": check.objects, "bytes": check.size, "damaged": check.faults}
            more.append(Event("store.verified", "store", facts))
        if changes := [*events, *more]:
            uow.commit(*changes)
        else:
            uow.commit_unaudited()
    return check, freed


def _report(context: Context, check: StoreCheck, restored: Iterable[VersionRef]) -> CheckReport:
    with context.read() as uow:
        return CheckReport(check, tuple(uow.objects.damage()), tuple(sorted(set(restored))))


def _word(ref: VersionRef) -> str:
    return "dataset_version" if ref.kind is AssetKind.DATASETS else "model_version"


def _row(damage: Damage) -> dict[str, object]:
    return {"place": damage.place, "digest": str(damage.digest), "fault": damage.fault.value}


def _kind(context: Context, path: str, pieces: Sequence[Extent]) -> FileKind:
    """What a file is, by its beginning. Raises: NotFoundError, IntegrityError."""
    size = sum(piece.length for piece in pieces)
    if not size:
        return kind_of(path, b"", 0)
    with open_extents(context.blobs, pieces, length=min(START, size)) as stream:
        return kind_of(path, stream.read(START), size)


def check_version(
    context: Context, find: Callable[[UnitOfWork], VersionRef | None]
) -> tuple[VersionRef, VersionCheck] | None:
    """Read all files of the version that `find` gives, if it gives one; the caller writes the result.

    No transaction is open meanwhile.

    Raises: DamagedError, after the version was marked, when one is missing or was changed; NotFoundError.
    """
    context.actor.require(Permission.EDIT)
    with context.read() as uow:
        ref = find(uow)
        if ref is None:
            return None
        if uow.objects.damage(ref):
            raise damaged(ref)
        extents = uow.catalog.all_extents(ref)
    ends: dict[Digest, int] = {}
    for piece in (piece for pieces in extents.values() for piece in pieces):
        ends[piece.blob] = max(ends.get(piece.blob, 0), piece.offset + piece.length)
    pace = _Pace(None, None)
    faults = {blob: fault_of(context, blob, size=end, read=pace.read) for blob, end in sorted(ends.items())}
    wrong = {blob: fault for blob, fault in faults.items() if fault is not None}
    if not wrong:
        scan = FileScan.of((path, _kind(context, path, pieces)) for path, pieces in extents.items())
        return ref, VersionCheck(context.clock.now(), len(extents), pace.size, scan)
    with context.without_terms().write() as uow:
        findings = [Finding(blob, wrong[blob], tuple(uses)) for blob, uses in uow.objects.uses(wrong).items()]
        if events := mark(uow, context, findings):
            uow.commit(*events)
    raise damaged(ref)
