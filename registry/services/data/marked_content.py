"""A mark that is set on data comes to data with the same content that were registered before, and so on from those.

Files are found by their digests, rows by the samples that are kept of all data. What a sample finds is then read and
counted, so that each sentence says what is so; what the samples of two do not have in common is not found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lineage import NodeId
from registry.domain.audit import Event
from registry.domain.names import AssetKind, Reference
from registry.errors import ConflictError
from registry.services.context import Context
from registry.services.data.same_content import Same, passed_on, same
from registry.services.data.stored_rows import read_what_is_due, stored_keys
from registry.services.lookup import resolve
from registry.services.storage.data_rows import KnownData
from registry.services.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Alike:
    """Data that a mark comes to, with what each has in common, and the number of the newest data then."""

    newest: int
    found: Sequence[tuple[KnownData, Same]]

    def carry(self, uow: UnitOfWork, mark: str, *, by: str, at: datetime) -> Iterator[Event]:
        """Set the mark on them, and raise the findings; the caller commits.

        Raises: ConflictError where data were registered since.
        """
        if uow.data_rows.state()[1] != self.newest:
            raise ConflictError("Data were registered while others were compared", remedy="Set the mark again")
        for one, why in self.found:
            yield from passed_on(uow, one.ref, why, (mark,), (one.created_by, by), at)


def alike(context: Context, reference: Reference, mark: str) -> Alike | None:
    """Data with the same content as `reference`, and as what has that; None where nothing is to be compared.

    Raises: NotFoundError.
    """
    with context.read() as uow:
        ref = resolve(uow, reference)
        node = uow.graph.node(str(ref))
        if ref.kind is not AssetKind.DATASETS or node is None:
            return None
        newest = uow.data_rows.state()[1]
    read_what_is_due(context, whole=False)
    left, found = [node.id], dict[NodeId, tuple[KnownData, Same]]()
    while left:
        some = _beside(context, left.pop(), mark)
        for key, (one, why) in some.items():
            if key != node.id and (key not in found or (why.enough and not found[key][1].enough)):
                found[key] = one, why
                left += [key] if why.enough else []
    return Alike(newest, list(found.values()))


def _beside(context: Context, key: NodeId, mark: str) -> Mapping[NodeId, tuple[KnownData, Same]]:
    """What other data have in common with this one. Those that have the mark are left out."""
    with context.read() as uow:
        own = uow.data_rows.known([key])[key]
    rows = stored_keys(context, own.index) or frozenset()
    with context.read() as uow:
        sampled = uow.data_rows.with_rows(rows, whole=False)
        known = uow.data_rows.known({*sampled, *uow.data_rows.with_files(own.files.keys())} - {key})
    found: dict[NodeId, tuple[KnownData, Same]] = {}
    for other, one in sorted(known.items()):
        if mark in one.marks:
            continue
        why = same(one.files, one.different or 0, own, 0)
        if (why is None or not why.enough) and other in sampled:
            theirs = stored_keys(context, one.index) or frozenset()
            why = same(one.files, len(theirs), replace(own, different=len(rows)), len(rows & theirs))
        if why is not None:
            found[other] = one, why
    return found
