"""What a promotion found out about a version, as other tools read it: an in-toto statement in a signed envelope.

The predicate is the Simple Verification Result, version 0.2 (in-toto attestation framework, 2026-05).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace

from lineage import Digest
from registry.domain.governance.case import Case
from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.promotion import RequestSummary
from registry.domain.governance.reports.envelopes import STATEMENT

PREDICATE = "https://in-toto.io/attestation/svr/v0.2"


def statement(
    summary: RequestSummary, case: Case, policy: Policy, files: Iterable[tuple[str, Digest]], verifier: str
) -> bytes:
    """The statement about a version that was promoted, as JSON: what it is about, who says it, and what held.

    `files` are the names and digests of its files, each a subject of its own. A check that a waiver or an emergency
    passed over did not hold, and is not named.
    """
    held = policy.judge(replace(case, bypass=None, waivers=())).checks
    subjects = [(str(summary.ref), case.bound.artifact), *files]
    facts = {
        "_type": STATEMENT,
        "subject": [_described("name", name, digest) for name, digest in subjects],
        "predicateType": PREDICATE,
        "predicate": {
            "verifier": {
                "id": f"urn:{verifier.replace('/', ':')}:rules-{case.edition}",
                "policies": [
                    _described("uri", f"urn:forebear:policy:{one.label}", one.digest)
                    for one in policy.parts or (policy,)
                ],
            },
            "timeCreated": f"{case.now:%Y-%m-%dT%H:%M:%SZ}",
            "properties": [
                f"forebear:stage:{summary.to_stage}",
                *(f"forebear:{check.kind}:{check.id}" for check in held if check.passed),
            ],
        },
    }
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()


def _described(by: str, name: str, digest: Digest) -> Mapping[str, object]:
    return {by: name, "digest": {"sha256": digest.hex}}
