"""What the registry records when a promotion is requested: a bill of materials and a signature, where a policy asks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from io import BytesIO

from registry.domain.audit import Event
from registry.domain.governance.case import MLBOM, SIGNATURE
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.governance.status_changes import wanted_status
from registry.domain.names import VersionRef
from registry.ports.blobs import BlobStore
from registry.services.governance.dossier import Dossier, case_for, open_dossier
from registry.services.governance.policies.stored import in_force, published
from registry.services.governance.recording.boms import bom_evidence
from registry.services.governance.recording.signing import signature_evidence
from registry.services.unit_of_work import UnitOfWork


def record_for_request(
    uow: UnitOfWork, blobs: BlobStore, ref: VersionRef, target: str, *, by: str, now: datetime
) -> list[Event]:
    """Write what the policy in force asks of the registry on this way and that is not on record; the caller commits.

    Raises: NotFoundError, PolicyRefusedError, UnavailableError, UsageError.
    """
    if wanted_status(target) is not None or not any(map(_asks, published(uow))):
        return []
    dossier = open_dossier(uow, ref, requested_by=by, also=(by,))
    policy = in_force(uow, lambda one: case_for(dossier, one, target=target, now=now))
    return [_added(value) for value in _made(uow, blobs, dossier, policy, target, now)]


def _asks(policy: Policy) -> bool:
    return any(_is_own(policy, name) for name in (MLBOM, SIGNATURE)) or any(
        need.verify is not None for move in policy.transitions for need in move.evidence
    )


def _is_own(policy: Policy, type_: str) -> bool:
    """Whether evidence of this type is the registry's own under this policy."""
    kind = policy.evidence_types.get(type_)
    return kind is not None and not kind.producers


def _made(
    uow: UnitOfWork, blobs: BlobStore, dossier: Dossier, policy: Policy, target: str, now: datetime
) -> Iterator[EvidenceValue]:
    """What was written: the bill of materials first, so that the signature covers it."""
    way = policy.transition(dossier.candidate.stage, target)
    needs = way.evidence if way is not None else ()
    if _is_own(policy, MLBOM):
        ages = [need.max_age for need in needs if need.type == MLBOM and need.max_age is not None]
        value, document = bom_evidence(uow, dossier.candidate.ref, dossier.artifact, now)
        if not _stands(dossier, value, min(ages, default=timedelta.max)):
            blobs.put(BytesIO(document))
            uow.governance.add_evidence(value)
            dossier = dossier.with_evidence(value)
            yield value
    if _is_own(policy, SIGNATURE) or any(need.verify is not None for need in needs):
        signed = signature_evidence(uow, dossier, now)
        if signed is not None:
            uow.governance.add_evidence(signed)
            yield signed


def _stands(dossier: Dossier, value: EvidenceValue, longest: timedelta) -> bool:
    """True where the last bill of materials says the same, and is young enough."""
    before = [one for one in dossier.evidence if (one.type, one.added_by) == (value.type, value.added_by)]
    same = before and before[-1].body == value.body and before[-1].subject == value.subject
    return bool(same) and value.added_at - before[-1].added_at <= longest


def _added(value: EvidenceValue) -> Event:
    detail = {"evidence": value.id, "type": value.type, "digest": str(value.digest), "by": value.added_by}
    return Event("evidence.added", str(value.ref), detail)
