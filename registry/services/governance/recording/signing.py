"""The signature of the registry as evidence, and when it is not given a second time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from registry.domain.governance.case import SIGNATURE, SYSTEM
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.governance.vouching import (
    UnverifiedError,
    newest_signature,
    signature_body,
    verified,
    vouchable,
)
from registry.errors import PolicyRefusedError, UnavailableError
from registry.services.governance.dossier import Dossier, key_name
from registry.services.governance.evidence import bound
from registry.services.governance.recorded_evidence import EVAL_REPORT, PROVENANCE
from registry.services.unit_of_work import UnitOfWork

FIXED = (PROVENANCE, EVAL_REPORT)
"""Evidence that never changes once a version is published: what is otherwise than when it was signed is not signed."""


def signature_evidence(uow: UnitOfWork, dossier: Dossier, now: datetime) -> EvidenceValue | None:
    """A signature on what is on record now; None where the last one covers it. The caller keeps it.

    Raises: PolicyRefusedError where what was signed before is not what is there now, or its signature is not right;
    UnavailableError in a database without a registry folder, which has no key.
    """
    ref, artifact = dossier.candidate.ref, dossier.artifact
    covered = vouchable(dossier.evidence, artifact)
    before = newest_signature(dossier.evidence, artifact)
    if before is not None:
        signed = _signed_before(before, dossier)
        if changed := [name for name in FIXED if name in signed and signed[name] != covered.get(name)]:
            what = " and ".join(changed)
            raise _refused(dossier, f"Its {what} is not what the registry signed on {before.added_at:%Y-%m-%d}")
        if signed == covered:
            return None
    signing = uow.audit.checkpoints
    if signing is None:
        raise UnavailableError("This database has no registry folder, where the key that signs is kept")
    key = signing.keys()[-1]
    body = signature_body(ref, artifact, covered, key=key_name(key), sign=signing.signed, at=now)
    return bound(ref, artifact, SIGNATURE, body, file=None, name=None, by=SYSTEM, at=now)


def _signed_before(before: EvidenceValue, dossier: Dossier) -> Mapping[str, str]:
    try:
        return verified(before.body, dossier.keys, dossier.candidate.ref, dossier.artifact).evidence
    except UnverifiedError as error:
        raise _refused(dossier, f"Its evidence {before.id} cannot be trusted: {error}") from error


def _refused(dossier: Dossier, why: str) -> PolicyRefusedError:
    return PolicyRefusedError(f"The registry does not sign {dossier.candidate.ref} again", (why,))
