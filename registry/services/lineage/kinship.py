"""Whether the weights of a version support what is claimed of its parents; what they say is recorded on the edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lineage import WeightComparison
from registry.domain.audit import Event
from registry.domain.catalog.interface import as_declared
from registry.domain.catalog.models import VersionDetail
from registry.domain.names import Reference, VersionRef, model_only
from registry.domain.transfers.adapted import is_adapter
from registry.domain.transfers.steps import StepInput
from registry.domain.verbs.lineage import ParentCheck
from registry.errors import UsageError
from registry.services.artifacts.weights import assurance_by, compare_folders, lay_out_weights, record, source_models
from registry.services.context import Context
from registry.services.lineage.interfaces import between
from registry.services.lookup import found, refuse_damaged, resolve
from registry.services.storage.lineage import EdgeEvidence
from registry.services.workspace import workspace


def verify(context: Context, reference: Reference, parent: Reference | None) -> Sequence[ParentCheck]:
    """See `LineageVerbs`. Raises: UsageError for a version without a parent, NotFoundError, IntegrityError."""
    with context.read() as uow:
        ref = resolve(uow, model_only(reference))
        detail = found(uow.catalog.version(ref), ref)
        step = found(uow.steps.get(detail.step), detail.step)
        inputs = source_models(step.inputs)
        wanted = [resolve(uow, model_only(parent))] if parent is not None else [one.ref for one in inputs]
        parents = [found(uow.catalog.version(one), one) for one in wanted]
    if not parents:
        raise UsageError(f"{ref} names no parent to compare with", remedy="Name one: --parent models:/team/name/1")
    if is_adapter(detail.files):
        raise UsageError(
            f"{ref} is an adapter: it holds only what was added, and its parent is pinned by digest",
            remedy="Compare a merged version instead",
        )
    for one in (detail, *parents):
        refuse_damaged(one.summary)
    said = compare_stored(context, detail, parents)
    relations = {ref: one.relation for ref, one in said.items()}
    unlike = between(context, detail, parents, relations)
    interface = {ref: as_declared(one, step.recipe) for ref, one in unlike.items()}
    now, claimed = context.clock.now(), [one for one in inputs if one.ref in said]
    if claimed:
        with context.write() as uow:
            facts = record(uow, detail.step, claimed, {one.ref: said[one.ref] for one in claimed}, interface, now)
            uow.commit(Event("lineage.verified", str(ref), {"step": detail.step, "weights": facts}))
    claims = {one.ref: replace(one, assurance=assurance_by(said[one.ref], one.assurance)) for one in claimed}
    return [_check(ref, one, claims.get(one), EdgeEvidence(said[one], now, interface[one])) for one in said]


def checks(context: Context, reference: Reference) -> Sequence[ParentCheck]:
    """See `LineageVerbs`."""
    with context.read() as uow:
        ref = resolve(uow, model_only(reference))
        step = found(uow.steps.get(found(uow.catalog.version(ref), ref).step), ref)
        recorded = uow.graph.comparisons(step.summary.id)
    kept = [(one, recorded[str(one.ref)]) for one in source_models(step.inputs) if str(one.ref) in recorded]
    return [_check(ref, one.ref, one, evidence) for one, evidence in kept]


def _check(child: VersionRef, parent: VersionRef, claim: StepInput | None, found_out: EdgeEvidence) -> ParentCheck:
    role, assurance = (None, None) if claim is None else (claim.role, claim.assurance)
    return ParentCheck(child, parent, role, assurance, found_out.comparison, found_out.checked_at, found_out.interface)


def compare_stored(
    context: Context, child: VersionDetail, parents: Sequence[VersionDetail]
) -> dict[VersionRef, WeightComparison]:
    """The weights of stored versions, laid out in a folder that is removed afterwards."""
    with workspace(context.home, "kinship") as folder:
        laid = [lay_out_weights(context, one, folder / str(number)) for number, one in enumerate((child, *parents))]
        return compare_folders(context, laid[0].folder, laid[1:])
