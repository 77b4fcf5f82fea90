"""The rows of stored data by their keys: read from the row index once, and kept to find data with the same rows."""

from __future__ import annotations

import json

from lineage import Digest
from registry.domain.data.row_keys import row_key, sampled
from registry.domain.names import VersionRef
from registry.errors import DamagedError, IntegrityError, NotFoundError
from registry.services.context import Context
from registry.services.lineage.leaking import lines_of
from registry.services.storage.data_rows import Unread
from registry.services.unit_of_work import UnitOfWork

AT_ONCE = 100_000
"""Rows that one transaction writes."""
VERSIONS_AT_ONCE = 500


def keys_of(context: Context, index: Digest | None) -> frozenset[int]:
    """The keys of all rows. Raises: NotFoundError, IntegrityError, DamagedError where they are not stored any more."""
    if index is None:
        return frozenset()
    with context.blobs.open(index) as stream:
        return frozenset(row_key(json.loads(line)["digest"]) for line in lines_of(stream))


def stored_keys(context: Context, index: Digest) -> frozenset[int] | None:
    """The same; None where they are not stored any more."""
    try:
        return keys_of(context, index)
    except (NotFoundError, IntegrityError, DamagedError):
        return None


def keep_sample(uow: UnitOfWork, ref: VersionRef, keys: frozenset[int]) -> None:
    """Keep a sample of the rows of a new version; the caller commits."""
    uow.data_rows.keep(ref, keys, whole=False)
    uow.data_rows.was_read(ref, len(keys), whole=False)


def read_what_is_due(context: Context, *, whole: bool) -> None:
    """Read the rows of data with marks of which they are not kept yet; without `whole`, of all data.

    Each version is read once, and again while it cannot be read. It is no part of what a request changes.
    """
    context, last = context.without_terms(), -1
    while True:
        with context.read() as uow:
            due = uow.data_rows.unread(whole=whole, limit=VERSIONS_AT_ONCE, after=last)
        for _, one in due:
            keys = stored_keys(context, one.index)
            if keys is not None:
                _keep(context, one, keys)
        if len(due) < VERSIONS_AT_ONCE:
            return
        last, _ = due[-1]


def _keep(context: Context, one: Unread, keys: frozenset[int]) -> None:
    """In transactions of bounded length: whoever reads meanwhile sees that it is still due."""
    parts = [(False, sampled(keys))]
    if one.whole:
        ordered = sorted(keys)
        parts += [(True, ordered[start : start + AT_ONCE]) for start in range(0, len(ordered), AT_ONCE)]
    for number, (whole, some) in enumerate(parts, start=1):
        with context.write() as uow:
            uow.data_rows.keep(one.ref, some, whole=whole)
            if number == len(parts):
                uow.data_rows.was_read(one.ref, len(keys), whole=one.whole)
            uow.commit_unaudited()
