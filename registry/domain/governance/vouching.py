"""The signature of the registry on a version: a statement about its bytes and the evidence on record.

The statement is an in-toto statement in a DSSE envelope, signed (Ed25519) by the key that signs checkpoints of the
audit log. It names the version, the content digest, which stands for the path, size and SHA-256 of every file, and the
digest of each piece of evidence that the registry had recorded itself. It says what was on record when it was signed.
It is checked each time that a case is judged, and what is doubtful is denied.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lineage import Digest
from registry.domain.governance.case import INTEGRITY, RECORDED, SIGNATURE, SYSTEM, Case
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.governance.reports.envelopes import PAYLOAD, STATEMENT, authenticated, envelope
from registry.domain.names import VersionRef
from registry.domain.people.keys import holds

PREDICATE = "urn:forebear:version-signature:v1"


class UnverifiedError(Exception):
    """Why a signature does not count, as a sentence that begins in the middle of a line."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a signature that was found right says: the digest of each type of evidence that it covers, and the key."""

    evidence: Mapping[str, str]
    key: str


def vouchable(evidence: Iterable[EvidenceValue], artifact: Digest) -> dict[str, str]:
    """By type, the digest of the newest evidence about these bytes that the registry recorded, signatures left out.

    The check of the bytes is left out too: it is made again at each vote.
    """
    found = (one for one in evidence if one.subject == artifact and is_own(one))
    return {one.type: str(one.digest) for one in found if one.type not in {SIGNATURE, INTEGRITY}}


def is_own(one: EvidenceValue) -> bool:
    """True for what the registry recorded or made itself."""
    return one.id.startswith(RECORDED) or one.added_by == SYSTEM


def signature_body(
    ref: VersionRef,
    artifact: Digest,
    evidence: Mapping[str, str],
    *,
    key: str,
    sign: Callable[[bytes], bytes],
    at: datetime,
) -> dict[str, object]:
    """The content of a piece of evidence of the type `signature`."""
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": str(ref), "digest": {"sha256": artifact.hex}}],
        "predicateType": PREDICATE,
        "predicate": {"signedAt": f"{at:%Y-%m-%dT%H:%M:%SZ}", "evidence": dict(sorted(evidence.items()))},
    }
    payload = json.dumps(statement, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    return {"covers": _covers(evidence), "key": key, "envelope": dict(envelope(payload, key, sign))}


def _covers(evidence: Iterable[str]) -> str:
    """The types of evidence that a signature covers, for people."""
    return ", ".join(sorted(evidence))


def newest_signature(evidence: Iterable[EvidenceValue], artifact: Digest) -> EvidenceValue | None:
    """The last signature that the registry recorded about these bytes."""
    found = [one for one in evidence if (one.type, one.added_by, one.subject) == (SIGNATURE, SYSTEM, artifact)]
    return found[-1] if found else None


def unsigned(item: EvidenceValue, case: Case) -> str | None:
    """Why `item` does not count as signed, for a sentence about it; None where the registry's signature covers it."""
    if not is_own(item):
        return "is not signed: the registry signs what it records itself"
    signature = item if item.type == SIGNATURE else newest_signature(case.evidence, case.bound.artifact)
    if signature is None:
        return "is not signed yet: the registry signs when a promotion is requested"
    try:
        vouched = verified(signature.body, case.keys, case.candidate.ref, case.bound.artifact)
    except UnverifiedError as error:
        return f"cannot be trusted: {error}"
    if item.type == SIGNATURE or vouched.evidence.get(item.type) == str(item.digest):
        return None
    return f"is not what the registry signed ({signature.id})"


def verified(body: Mapping[str, Any], keys: Mapping[str, str], ref: VersionRef, artifact: Digest) -> Vouched:
    """What the signature says. Raises: UnverifiedError where it is not right, or is about anything else."""
    try:
        signed = body["envelope"]
        (signature,), payload = signed["signatures"], base64.b64decode(signed["payload"], validate=True)
        key, value = str(signature["keyid"]), base64.b64decode(signature["sig"], validate=True)
        text, statement = authenticated(payload).decode(), json.loads(payload)
        kind, predicate = signed["payloadType"], statement["predicate"]
        evidence = {str(name): str(digest) for name, digest in predicate["evidence"].items()}
        (subject,) = statement["subject"]
        about = (subject["name"], subject["digest"]["sha256"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise UnverifiedError("its signature cannot be read") from error
    if key not in keys:
        raise UnverifiedError(f"it is signed by the key {key[:80]}, which is none of this registry")
    if not holds(keys[key], value.hex(), text):
        raise UnverifiedError(f"the signature is not that of the key {key[:80]}")
    if (kind, statement.get("_type"), statement.get("predicateType")) != (PAYLOAD, STATEMENT, PREDICATE):
        raise UnverifiedError("what is signed is no statement about a version and its evidence")
    if (body.get("covers"), body.get("key")) != (_covers(evidence), key):
        raise UnverifiedError("what is shown of the signature is not what was signed")
    if about != (str(ref), artifact.hex):
        raise UnverifiedError(f"the signature is about {str(about[0])[:80]} with other files or another name")
    return Vouched(evidence, key)
