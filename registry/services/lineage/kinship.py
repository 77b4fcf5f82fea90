"""Whether the weights of a version support what is claimed of its parents; what they say is recorded on the edges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from lineage import WeightComparison
from registry.domain.audit import Event
from registry.domain.catalog.interface import (
    COMPARED,
    MOST_BYTES,
    READ,
    SETTINGS,
    InterfaceDifference,
    Side,
    differences,
)
from registry.domain.catalog.models import VersionDetail
from registry.domain.names import Reference, VersionRef, model_only
from registry.domain.transfers.adapted import is_adapter
from registry.domain.transfers.steps import StepInput
from registry.domain.verbs.lineage import ParentCheck
from registry.errors import UsageError
from registry.services.artifacts.storing import write_files
from registry.services.artifacts.weights import assurance_by, compare_folders, lay_out_weights, record, source_models
from registry.services.context import Context
from registry.services.lookup import found, refuse_damaged, resolve
from registry.services.workspace import workspace


def verify(context: Context, reference: Reference, parent: Reference | None) -> Sequence[ParentCheck]:
    """See `LineageVerbs`. Raises: UsageError for a version without a parent, NotFoundError, IntegrityError."""
    with context.read() as uow:
        ref = resolve(uow, model_only(reference))
        detail = found(uow.catalog.version(ref), ref)
        inputs = source_models(found(uow.steps.get(detail.step), detail.step).inputs)
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
    said = _compare_stored(context, detail, parents)
    now, claimed = context.clock.now(), [one for one in inputs if one.ref in said]
    if claimed:
        with context.write() as uow:
            facts = record(uow, detail.step, claimed, {one.ref: said[one.ref] for one in claimed}, now)
            uow.commit(Event("lineage.verified", str(ref), {"step": detail.step, "weights": facts}))
    claims = {one.ref: replace(one, assurance=assurance_by(said[one.ref], one.assurance)) for one in claimed}
    spoken = _interfaces(context, detail, parents, said)
    return [replace(_check(ref, one, claims.get(one), said[one], now), interface=spoken[one]) for one in said]


def checks(context: Context, reference: Reference) -> Sequence[ParentCheck]:
    """See `LineageVerbs`."""
    with context.read() as uow:
        ref = resolve(uow, model_only(reference))
        step = found(uow.steps.get(found(uow.catalog.version(ref), ref).step), ref)
        recorded = uow.graph.comparisons(step.summary.id)
    kept = [(one, recorded[str(one.ref)]) for one in source_models(step.inputs) if str(one.ref) in recorded]
    return [_check(ref, one.ref, one, comparison, at) for one, (comparison, at) in kept]


def _check(
    child: VersionRef, parent: VersionRef, claim: StepInput | None, comparison: WeightComparison, at: datetime
) -> ParentCheck:
    role, assurance = (None, None) if claim is None else (claim.role, claim.assurance)
    return ParentCheck(child, parent, role, assurance, comparison, at)


def _compare_stored(
    context: Context, child: VersionDetail, parents: Sequence[VersionDetail]
) -> dict[VersionRef, WeightComparison]:
    """The weights of stored versions, laid out in a folder that is removed afterwards."""
    with workspace(context.home, "kinship") as folder:
        laid = [lay_out_weights(context, one, folder / str(number)) for number, one in enumerate((child, *parents))]
        return compare_folders(context, laid[0].folder, laid[1:])


def _interfaces(
    context: Context,
    child: VersionDetail,
    parents: Sequence[VersionDetail],
    said: Mapping[VersionRef, WeightComparison],
) -> dict[VersionRef, tuple[InterfaceDifference, ...]]:
    """How a version is spoken to otherwise than each parent. Of large files only those that differ are read."""
    with workspace(context.home, "interface") as folder:
        ours = _digests(child)
        other = {name for one in parents for name, digest in _digests(one).items() if ours.get(name) != digest}
        sides = [_side(context, one, other, folder / str(number)) for number, one in enumerate((child, *parents))]
    pairs = zip((one.summary.ref for one in parents), sides[1:], strict=True)
    return {ref: differences(side, sides[0], said[ref].relation) for ref, side in pairs}


def _digests(detail: VersionDetail) -> dict[str, str]:
    return {one.path: str(one.sha256) for one in detail.files if one.path in COMPARED}


def _side(context: Context, detail: VersionDetail, wanted: set[str], folder: Path) -> Side:
    folder.mkdir()
    read = [one for one in detail.files if one.path in READ & {*wanted, *SETTINGS} and one.size <= MOST_BYTES]
    write_files(context, detail.summary.ref, read, folder)
    return Side(_digests(detail), {one.path: (folder / one.path).read_bytes() for one in read})
