"""Findings that the registry raises when a version is published, or its card revised: what is said of it disagrees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lineage import Assurance
from lineage.outline import plain
from registry.domain.catalog.interface import InterfaceDifference, silent
from registry.domain.catalog.models import VersionDetail
from registry.domain.governance.reviews.findings import Severity
from registry.domain.names import VersionRef
from registry.domain.transfers.steps import StepDetail
from registry.services.context import Context
from registry.services.governance.claims import claims_of, contradictions
from registry.services.governance.reviews.findings import raise_by_registry
from registry.services.lookup import found
from registry.services.unit_of_work import UnitOfWork

MAX_ANCESTORS = 100_000
"""Nodes of an ancestry that are read."""
MOST_SHOWN = 8
"""Differences of interfaces in one finding."""


def raise_what_disagrees(context: Context, ref: VersionRef) -> None:
    """Findings about a version that was just published, or whose card was revised; each is raised once."""
    with context.read() as uow:
        detail = found(uow.catalog.version(ref), ref)
        wanted = list(_disagreeing(uow, detail, found(uow.steps.get(detail.step), detail.step)))
        known = {one.text for one in uow.reviews.findings_about(ref)} if wanted else set()
    new = [(severity, text) for severity, text in wanted if text not in known]
    if not new:
        return
    owners = (detail.model.owner, context.actor.handle)
    with context.write() as uow:
        raised = [
            raise_by_registry(uow, ref, severity, text, owners=owners, now=context.clock.now())
            for severity, text in new
        ]
        uow.commit(*(event for _, events in raised for event in events))


def _disagreeing(uow: UnitOfWork, detail: VersionDetail, step: StepDetail) -> Iterator[tuple[Severity, str]]:
    def family() -> set[str]:
        record = found(uow.graph.ancestry(detail.summary.ref, limit=MAX_ANCESTORS), detail.summary.ref)
        return {one.node.label.rpartition("/")[0] for one in record.members if one.node.id != record.focus}

    claims = claims_of(detail.card.text if detail.card else None, step.manifest)
    for text in contradictions(uow, claims, detail.parents, family):
        yield Severity.HIGH, text
    if not step.inputs:
        return
    evidence = uow.graph.comparisons(step.summary.id)
    for one in step.inputs:
        known = evidence.get(str(one.ref))
        if known is not None and one.assurance is Assurance.CONTRADICTED:
            yield (
                Severity.HIGH,
                f"It claims {one.ref.label} as its parent, and the weights speak against it: {known.comparison.reason}",
            )
        if known is not None and (unlike := silent(known.interface or ())):
            yield Severity.MEDIUM, _told(one.ref, unlike)


def _told(parent: VersionRef, unlike: Sequence[InterfaceDifference]) -> str:
    shown = "; ".join(f"{one.what} is {one.child}, and was {one.parent}" for one in unlike[:MOST_SHOWN])
    more = f"; and {len(unlike) - MOST_SHOWN} more" if len(unlike) > MOST_SHOWN else ""
    return plain(f"It is called otherwise than its parent {parent.label}, and no recipe asks for that: {shown}{more}")
