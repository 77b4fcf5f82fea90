"""Collection of stored objects that nothing needs any more, and what the objects that are there are needed for.

What is needed is read in one snapshot of the database: files and row indexes of live versions, all evidence, all
answers of baselines and cases of decisions, drafts and what was sent for them, and the inputs of transfer steps that
have not ended or can be resumed. An object is removed only if it was put before the grace window began and before every
publication that still goes on: a publication that runs at the same time either is seen in the snapshot, or its objects
are too young. Drafts whose time is over are removed first; only counting leaves them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import islice

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.objects import CollectReport, Holder, StoreStats, Use
from registry.domain.people.people import Permission
from registry.errors import NotFoundError
from registry.ports.blobs import BlobStore
from registry.services.context import Context
from registry.services.unit_of_work import UnitOfWork

PAGE = 500
"""Objects that are looked up at once."""


def collect(context: Context, *, grace: timedelta, delete: bool) -> CollectReport:
    """Remove, or only count, what nothing needs; see `StoreVerbs.collect`."""
    context.actor.require(Permission.ADMIN)
    if delete:
        _expire(context)
    blobs = context.blobs
    before = blobs.moment() - grace.total_seconds()  # read before the snapshot: see above
    old, size, young = dict[Digest, float](), 0, 0
    with context.read() as uow:
        for digest in _unneeded(uow, blobs):
            found = _size_and_time(blobs, digest)
            if found is None:
                continue
            if found[1] < before:
                old[digest] = found[1]
                size += found[0]
            else:
                young += 1
    if not delete or not old:
        return CollectReport(len(old), size, young, deleted=False)
    removed, freed = 0, 0
    with blobs.removing():
        with context.write(Permission.ADMIN) as uow:
            uow.drafts.forget_places(old.keys())
            facts = {"objects": len(old), "bytes": size, "grace_seconds": int(grace.total_seconds())}
            uow.commit(Event("store.collected", "store", facts))
        for digest, put_at in old.items():
            found = _size_and_time(blobs, digest)
            if found is not None and found[1] == put_at and blobs.discard(digest, before=before):
                removed += 1
                freed += found[0]
    return CollectReport(removed, freed, young + len(old) - removed, deleted=True)


def _expire(context: Context) -> None:
    """Remove drafts whose time is over, and let go of what was sent for none."""
    now = context.clock.now()
    with context.write(Permission.ADMIN) as uow:
        gone = uow.drafts.expired(now)
        for one in gone:
            uow.drafts.remove(one.name)
        sent = uow.drafts.forget_expired(now)
        events = [Event("draft.expired", f"models:/{one.name}", {"head": one.head, "files": one.files}) for one in gone]
        if events:
            uow.commit(*events)
        elif sent:
            uow.commit_unaudited()


def stats(context: Context) -> StoreStats:
    """What every object is needed for, by registered name; see `StoreVerbs.stats`."""
    blobs, holders = context.blobs, dict[str, Holder]()
    objects, size, free, free_size = 0, 0, 0, 0
    with context.read() as uow:
        noted = uow.objects.noted()
        for page in _pages(blobs.list()):
            uses, held = uow.objects.uses(page), uow.objects.held(page) | noted.keys()
            for digest in page:
                found = _size_and_time(blobs, digest)
                if found is None:
                    continue
                objects, size = objects + 1, size + found[0]
                if digest not in held:
                    free, free_size = free + 1, free_size + found[0]
                _count(holders, (*uses.get(digest, ()), *noted.get(digest, ())), found[0])
    ranked = sorted(holders.values(), key=lambda one: (-one.size, one.name))
    return StoreStats(objects, size, free, free_size, tuple(ranked))


def _count(holders: dict[str, Holder], uses: Sequence[Use], size: int) -> None:
    names = {f"{use.ref.kind}:/{use.ref.name}" for use in uses}
    for name in names:
        one = holders.get(name, Holder(name, 0, 0, 0))
        alone = size if len(names) == 1 else 0
        holders[name] = Holder(name, one.objects + 1, one.size + size, one.alone + alone)


def _unneeded(uow: UnitOfWork, blobs: BlobStore) -> Iterator[Digest]:
    noted: Mapping[Digest, Sequence[Use]] = uow.objects.noted()
    for page in _pages(blobs.list()):
        held = uow.objects.held(page)
        yield from (digest for digest in page if digest not in held and digest not in noted)


def _size_and_time(blobs: BlobStore, digest: Digest) -> tuple[int, float] | None:
    """None when it is gone by now."""
    try:
        return blobs.size(digest), blobs.put_at(digest)
    except NotFoundError:
        return None


def _pages(digests: Iterator[Digest]) -> Iterator[list[Digest]]:
    while page := list(islice(digests, PAGE)):
        yield page
