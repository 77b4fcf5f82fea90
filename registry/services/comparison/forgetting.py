"""What is on record of how much versions forgot: evidence that the registry wrote when it measured them."""

from __future__ import annotations

from collections.abc import Iterable

from registry.domain.comparison.forgetting import FORGETTING, Forgetting, Forgotten, sets_of
from registry.domain.governance.case import SYSTEM
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.names import AssetKind, VersionRef
from registry.domain.transfers.steps import StepDetail
from registry.errors import NotFoundError
from registry.services.unit_of_work import UnitOfWork


def is_measured_here(one: EvidenceValue) -> bool:
    """True for a measurement by the registry; evidence of that type that a person wrote counts as nothing here."""
    return one.type == FORGETTING and one.added_by == SYSTEM


def sets_on_record(evidence: Iterable[EvidenceValue]) -> tuple[Forgotten, ...]:
    """Of each model above and test set the last measurement (`evidence` is oldest first); else why there is none."""
    found: dict[object, Forgotten] = {}
    for one in (one for item in evidence if is_measured_here(item) for one in sets_of(item.body)):
        key = (one.parent, *one.place)
        if one.lost is not None or key not in found or found[key].lost is None:
            found[key] = one
    return tuple(found.values())


def model_of(step: StepDetail) -> VersionRef:
    """The version that `step` made. Raises: NotFoundError for a step that made none."""
    ref = step.summary.output
    if ref is None or ref.kind is not AssetKind.MODELS:
        raise NotFoundError(
            f"{step.summary.id} has made no model", remedy="Name a step that has made one, or a version of a model"
        )
    return ref


def forgetting_of(uow: UnitOfWork, step: StepDetail) -> Forgetting:
    """What is on record of the version that `step` made. Raises: NotFoundError for a step that made none."""
    ref = model_of(step)
    evidence = uow.governance.evidence(ref)
    last = max((one.added_at for one in evidence if is_measured_here(one)), default=None)
    return Forgetting(str(ref), step.summary.id, sets_on_record(evidence), last.isoformat() if last else "")
