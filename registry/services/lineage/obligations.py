"""What a version owes to the licences of everything that it was made from, clause by clause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from lineage.flow import Flow
from registry.domain.catalog import clauses
from registry.domain.catalog.licences import licence_clauses
from registry.domain.names import Reference
from registry.domain.transfers.ways import Ways
from registry.domain.verbs.lineage import Obligation, Obligations, Use
from registry.services.context import Context
from registry.services.lineage.flowing import Flowing
from registry.services.lookup import found, resolve
from registry.services.storage.lineage import AncestryRecord

MAX_ANCESTORS = 100_000
"""The nodes that are read at most."""
FORBIDDING: Mapping[Use, frozenset[str]] = {
    Use.COMMERCIAL: frozenset({clauses.NO_COMMERCE, clauses.UNKNOWN}),
    Use.DERIVATIVES: frozenset({clauses.NO_DERIVATIVES, f"review:{clauses.NO_DERIVATIVES}", clauses.UNKNOWN}),
}
"""By use, the clauses that forbid it or leave it open."""


def obligations(context: Context, reference: Reference, use: Use | None, as_of: datetime | None = None) -> Obligations:
    """See `LineageVerbs`. A deleted ancestor counts as it did. Raises: NotFoundError."""
    with context.read() as uow:
        ref = resolve(uow, reference)
        record = found(uow.graph.ancestry(ref, limit=MAX_ANCESTORS, as_of=as_of), ref)
    licence = next(member.licence or "" for member in record.members if member.node.id == record.focus)
    return Obligations(ref, licence, owed(record, use), clauses.VERSION, record.complete)


def clauses_in(record: AncestryRecord) -> Flowing:
    """The clauses of the licences in an ancestry."""
    own = {one.node.id: licence_clauses(one.licence) for one in record.members if one.licence is not None}
    ways = Ways.of((member.node for member in record.members), record.edges)
    return Flowing(list(ways.links(record.edges)), own, lambda way, clause: clauses.carried(clause, str(way)))


def owed(record: AncestryRecord, use: Use | None) -> tuple[Obligation, ...]:
    """Each clause that is in force for the version at the focus, sorted; in conflict where it forbids `use`."""
    flowing = clauses_in(record)
    return explained(record, flowing, flowing.flow(), use)


def explained(record: AncestryRecord, flowing: Flowing, flowed: Flow, use: Use | None) -> tuple[Obligation, ...]:
    """The same, of the flow of `flowing`."""
    labels = {member.node.id: member.node.label for member in record.members}
    own = flowing.own
    licences = {member.node.id: member.licence or "" for member in record.members}
    declared, forbidding = own.get(record.focus, frozenset()), FORBIDDING.get(use, frozenset()) if use else frozenset()
    found_clauses = []
    for clause in sorted(flowed.marks(record.focus)):
        path = flowed.path(record.focus, clause)
        found_clauses.append(
            Obligation(
                clause=clause,
                meaning=_meaning(clause),
                path=tuple(labels[key] for key in path),
                licence=licences[path[0]],
                declared=clause in declared,
                conflict=clause in forbidding,
            )
        )
    return tuple(found_clauses)


def _meaning(clause: str) -> str:
    kind, _, value = clause.partition(":")
    if kind == "review":
        return f"{clauses.MEANINGS[kind]}. {clauses.MEANINGS[value]}"
    return clauses.meaning(clause)
