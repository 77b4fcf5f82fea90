"""The signature of the registry counts only where it is right, is about this version, and covers what is asked for."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from registry.domain.governance.case import RECORDED, SIGNATURE, SYSTEM, Case
from registry.domain.governance.promotion import EvidenceValue
from registry.domain.governance.reports.envelopes import envelope
from registry.domain.governance.vouching import UnverifiedError, signature_body, unsigned, verified, vouchable
from registry.domain.people.keys import new_key, public_key, sign
from tests.builders import NOW, digest, model_ref
from tests.registry.policy_cases import case, policy

PEM = new_key()
KEYS = {"registry+1": public_key(PEM)}
CASE = case(policy())
REF, ARTIFACT = CASE.candidate.ref, CASE.bound.artifact


def evidence(type_: str, *, by: str = SYSTEM, body: Any = None, id_: str = "") -> EvidenceValue:
    name = id_ or f"{RECORDED}{type_}"
    return EvidenceValue(name, REF, ARTIFACT, type_, digest(type_), body or {"a": 1}, None, None, NOW, by)


def body(covered: dict[str, str], **changes: Any) -> Any:
    given = {"ref": REF, "artifact": ARTIFACT, "key": "registry+1", "pem": PEM, **changes}
    return signature_body(
        given["ref"],
        given["artifact"],
        covered,
        key=given["key"],
        sign=lambda text: bytes.fromhex(sign(given["pem"], text.decode())),
        at=NOW,
    )


PROVENANCE, REPORT = evidence("provenance"), evidence("validation", by="vera", id_="ev-1")
RIGHT = body(vouchable([PROVENANCE, REPORT, evidence("integrity")], ARTIFACT))


def judged(*items: EvidenceValue) -> Case:
    return replace(CASE, evidence=items, keys=KEYS)


def test_what_the_registry_recorded_is_covered_and_what_people_added_is_not() -> None:
    signature = evidence(SIGNATURE, body=RIGHT, id_="ev-2")
    found = judged(PROVENANCE, REPORT, signature)
    assert unsigned(PROVENANCE, found) is None
    assert unsigned(signature, found) is None
    assert verified(RIGHT, KEYS, REF, ARTIFACT).evidence == {"provenance": str(digest("provenance"))}
    assert unsigned(REPORT, found) == "is not signed: the registry signs what it records itself"
    assert "is not what the registry signed" in str(unsigned(replace(PROVENANCE, digest=digest("other")), found))
    assert "is not what the registry signed" in str(unsigned(evidence("eval_report"), found))
    assert "is not signed yet" in str(unsigned(PROVENANCE, judged(PROVENANCE)))
    by_hand = replace(signature, added_by="vera")
    assert "is not signed yet" in str(unsigned(PROVENANCE, judged(PROVENANCE, by_hand)))


def altered(**changes: Any) -> Any:
    """A statement that was changed after it was signed."""
    payload = {**statement(), **changes}
    return with_envelope(payload=base64.b64encode(json.dumps(payload).encode()).decode())


def statement() -> Any:
    return json.loads(base64.b64decode(RIGHT["envelope"]["payload"]))


def with_envelope(**changes: Any) -> Any:
    return {**RIGHT, "envelope": {**RIGHT["envelope"], **changes}}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "cannot be read"),
        (with_envelope(payload="no base64!"), "cannot be read"),
        (with_envelope(signatures=[]), "cannot be read"),
        (with_envelope(payload=base64.b64encode(b"[]").decode()), "cannot be read"),
        ({**RIGHT, "covers": "eval_report, provenance"}, "is not what was signed"),
        (altered(predicate={"evidence": {"provenance": str(digest("other"))}}), "is not that of the key"),
        (body({}, pem=new_key()), "is not that of the key"),
        (body({}, key="other+2"), "which is none of this registry"),
        (body({}, ref=model_ref("vision/digits/9")), "is about models:/vision/digits/9"),
        (body({}, artifact=digest("other")), "with other files or another name"),
    ],
)
def test_a_signature_that_is_not_right_is_denied_with_the_reason(given: Any, why: str) -> None:
    with pytest.raises(UnverifiedError, match=why):
        verified(given, KEYS, REF, ARTIFACT)
    signature = evidence(SIGNATURE, body=given or {"x": 1}, id_="ev-2")
    assert "cannot be trusted" in str(unsigned(PROVENANCE, judged(PROVENANCE, signature)))
    assert "cannot be trusted" in str(unsigned(signature, judged(signature)))


def test_a_statement_of_another_kind_signed_by_the_registry_is_no_signature_on_a_version() -> None:
    payload = statement()
    other = json.dumps({**payload, "predicateType": "https://in-toto.io/attestation/svr/v0.2"}).encode()
    signed = {**RIGHT}
    signed["envelope"] = dict(envelope(other, "registry+1", lambda text: bytes.fromhex(sign(PEM, text.decode()))))
    with pytest.raises(UnverifiedError, match="no statement about a version and its evidence"):
        verified(signed, KEYS, REF, ARTIFACT)
