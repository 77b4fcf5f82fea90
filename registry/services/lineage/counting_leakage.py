"""Counting anew which test rows stood in training data, and which are nearly copies of them, for gates to read.

A transfer counts the equal ones when it ends. That count is about the ancestry of then: after a correction, and for
near-copies, the registry counts when somebody asks, and keeps what it found with the data that it is about. Rows are
read before the transaction, never within it.
"""

from __future__ import annotations

from lineage import Digest, NodeId, NodeKind
from registry.domain.audit import Event
from registry.domain.data.leakage import LeakageCount
from registry.domain.manifests import canonical_json
from registry.domain.names import Reference, VersionRef, model_only
from registry.domain.people.people import Permission
from registry.domain.recipes.methods import TEST, split_role
from registry.domain.transfers.ways import LEARNT_FROM
from registry.errors import ConflictError
from registry.services.context import Context
from registry.services.lineage.leaking import MAX_ANCESTORS, leakage
from registry.services.lookup import found, resolve
from registry.services.storage.lineage import AncestryRecord
from registry.services.unit_of_work import UnitOfWork

TIMES = 10
"""As many times the rows that `lineage leakage --near` compares."""


def count_leakage(context: Context, reference: Reference) -> LeakageCount:
    """See `LineageVerbs.count_leakage`. Raises: NotFoundError, ConflictError."""
    from registry.services.lineage.near_leaking import near_copies  # noqa: PLC0415 - it needs NumPy

    context.actor.require(Permission.EDIT)
    with context.read() as uow:
        ref = resolve(uow, model_only(reference))
        before = _basis(uow, ref)
    exact = Reference.to(ref)
    same = leakage(context, exact)
    if not same.test_rows and not same.unread:
        raise ConflictError(f"{ref} was not measured on test data", remedy="Test it in a transfer step")
    near = near_copies(context, exact, times=TIMES)
    known = same.complete and not same.unread
    copies = near.rows if near.whole and near.compared else None
    with context.write() as uow:
        if _basis(uow, ref) != before:
            raise ConflictError(f"The ancestry of {ref} was corrected while its rows were read", remedy="Try again")
        now, by = context.clock.now(), context.actor.handle
        value = LeakageCount(ref, before, same.test_rows, same.seen, known, copies, by, now)
        uow.graph.add_leakage_count(value)
        detail = {"test_rows": same.test_rows, "seen": same.seen, "known": known, "near": copies, "basis": before.hex}
        uow.commit(Event("leakage.counted", str(ref), detail))
    return value


def leakage_count(context: Context, reference: Reference) -> LeakageCount:
    """See `LineageVerbs.leakage_count`. Raises: NotFoundError."""
    with context.read() as uow:
        ref = resolve(uow, model_only(reference))
        record = found(uow.graph.ancestry(ref, limit=MAX_ANCESTORS), ref)
        return found(count_in_force(uow, record), f"count of seen test rows of {ref}", see="lineage count-leakage")


def count_in_force(uow: UnitOfWork, record: AncestryRecord) -> LeakageCount | None:
    """The newest count of the version at the focus; None where it is about other data than those of `record`."""
    newest = uow.graph.leakage_counts([record.focus]).get(record.focus)
    return newest if newest is not None and record.complete and newest.basis == basis_of(record) else None


def _basis(uow: UnitOfWork, ref: VersionRef) -> Digest:
    return basis_of(found(uow.graph.ancestry(ref, limit=MAX_ANCESTORS), ref))


def basis_of(record: AncestryRecord) -> Digest:
    """One digest over the data that a count is about: what the version was tested on, and what all learnt from."""
    nodes = {one.node.id: one.node for one in record.members}
    makers = {edge.source for edge in record.edges if edge.target == record.focus}

    def use(source: NodeId, split: str | None) -> list[str]:
        digest = nodes[source].digest
        return [nodes[source].label, "" if digest is None else digest.hex, split or ""]

    data = [edge for edge in record.edges if nodes[edge.source].kind is NodeKind.DATASET]
    roles = [split_role(edge.role)[0] for edge in data]
    tests = [use(e.source, e.split) for e, role in zip(data, roles, strict=True) if e.target in makers and role == TEST]
    learnt = [use(e.source, e.split) for e, role in zip(data, roles, strict=True) if role in LEARNT_FROM]
    return Digest.of(canonical_json({"tests": sorted(tests), "learnt": sorted(learnt), "whole": record.complete}))
