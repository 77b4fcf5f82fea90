"""Making a correction: the edge, and what stood on it, in one transaction."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from lineage import Assurance
from registry.domain.audit import Event
from registry.domain.governance.recalls import NewRecall
from registry.domain.governance.reviews.attestations import Trigger
from registry.domain.governance.reviews.findings import Severity
from registry.domain.names import AssetKind, VersionRef
from registry.domain.recipes.methods import SOURCE
from registry.domain.transfers.corrections import Correction, StepEdge
from registry.errors import ConflictError
from registry.services.artifacts.weights import assurance_by
from registry.services.governance.recalls.impact import reach_from
from registry.services.governance.reviews.attestations import call
from registry.services.governance.reviews.findings import raise_by_registry
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork

MOST_TOLD = 12
"""Consequences that the finding names."""


def make(
    uow: UnitOfWork, value: Correction, *, by: str, comment: str, now: datetime
) -> tuple[Correction, tuple[Event, ...]]:
    """Close the old edge and open the new one; the caller commits with the events.

    Votes on open requests are stale by it, since they are bound to the ancestry. Approvals that last are called in, a
    finding tells of what the version was freed from, and recalls that reach it now have a task about it.
    Raises: ConflictError where the edge is not in force any more.
    """
    edge = uow.corrections.edge_of(value.id)
    if edge is None:
        raise ConflictError(f"What {value.id} corrects has changed: {value.before} is no input of {value.ref} now")
    value = replace(value, after=_supported(uow, value))
    uow.corrections.supersede(edge, value.after, at=now)
    uow.corrections.decide(value.id, agreed=True, by=by, comment=comment, at=now)
    done = replace(value, agreed=True, decided_by=by, decided_at=now, comment=comment)
    made = Event("lineage.corrected", str(value.ref), {**detail(value), "asked_by": value.asked_by, "comment": comment})
    return done, (made, *_told(uow, done, now), *_reached(uow, done, now), *_to_attest(uow, done, now))


def _supported(uow: UnitOfWork, value: Correction) -> StepEdge | None:
    """The new edge with what the weights made of the claim, where they were asked."""
    after = value.after
    known = None if after is None else uow.graph.comparisons(value.step).get(str(after.ref))
    if after is None or known is None or after.role != SOURCE:
        return after
    return replace(after, assurance=assurance_by(known.comparison, Assurance.DECLARED))


def detail(value: Correction) -> dict[str, object]:
    """What each audit entry about a correction holds."""
    return {
        "correction": value.id,
        "step": value.step,
        "before": str(value.before),
        "after": None if value.after is None else str(value.after),
        "consequences": list(value.consequences),
    }


def _told(uow: UnitOfWork, value: Correction, now: datetime) -> Iterator[Event]:
    """A finding about what the version was freed from; nobody who made it says that it is resolved."""
    if not value.consequences:
        return
    more = len(value.consequences) - MOST_TOLD
    lines = [*value.consequences[:MOST_TOLD], *([f"And {more} more"] if more > 0 else [])]
    text = f"Its ancestry was corrected ({value.id}): {value.change}. {'. '.join(lines)}"
    owners = (_owner(uow, value.ref), value.asked_by)
    _, events = raise_by_registry(uow, value.ref, Severity.HIGH, text, owners=owners, now=now)
    yield from events


def _owner(uow: UnitOfWork, ref: VersionRef) -> str:
    if ref.kind is AssetKind.MODELS:
        return found(uow.catalog.version(ref), ref).model.owner
    return found(uow.datasets.version(ref), ref).summary.created_by


def _reached(uow: UnitOfWork, value: Correction, now: datetime) -> Iterator[Event]:
    """A recall that reaches the new input reaches what was made from it: each such version gets its task and status.

    What a recall marked before keeps its mark, also where the recall would not reach it any more: disputing that is
    for two people.
    """
    if value.after is None:
        return
    child, parent = (found(uow.graph.node(str(ref)), ref).id for ref in (value.ref, value.after.ref))
    for recall_id in uow.recalls.reaching([parent]).get(parent, ()):
        recall = found(uow.recalls.recall(recall_id, now=now), recall_id)
        wish = NewRecall(recall.target, recall.level, outputs_advisory=recall.outputs_advisory)
        targets = uow.recalls.of_refs(uow.recalls.targets(recall_id))
        by_it = [mark for mark in reach_from(uow, wish, targets).marks if child in mark.path]
        added = uow.recalls.extend(recall_id, by_it, at=now)
        by_status: dict[str, list[str]] = defaultdict(list)
        for ref, status in added:
            if status is not None:
                by_status[status.value].append(str(ref))
        if added:
            facts = {"correction": value.id, "reached": [str(ref) for ref, _ in added], "statuses": by_status}
            yield Event("recall.extended", recall_id, facts)


def _to_attest(uow: UnitOfWork, value: Correction, now: datetime) -> Iterator[Event]:
    """Ask for new approvals of the version and of what was made from it, where the policies do."""
    asked = [one.ref for one in uow.reviews.attestations() if Trigger.LINEAGE_CORRECTED in one.triggers]
    if not asked:
        return
    below = uow.recalls.below(uow.recalls.of_refs([value.ref]))
    labels = {node.label for node in below.nodes}
    refs = [ref for ref in asked if ref == value.ref or ref.label in labels]
    yield from call(uow, refs, Trigger.LINEAGE_CORRECTED, f"Its ancestry was corrected by {value.id}", now)
