"""Evidence: what the registry has on record itself, and what it takes from whom."""

from __future__ import annotations

import io
import json

import pytest

from lineage import Digest
from registry.errors import (
    InvalidError,
    PolicyRefusedError,
)
from tests.registry.services.teams import Team, ref_of


def test_evidence_keeps_its_file_and_is_bound_to_the_bytes(team: Team) -> None:
    ref = team.publish()
    added = team.promotions("ana").add_evidence(
        ref_of(ref), "other", {"errors": 3}, file=io.BytesIO(b"%PDF"), file_name="report.pdf"
    )
    assert added.file is not None
    assert team.blobs.open(added.file).read() == b"%PDF"
    kept = team.promotions("guest").evidence(ref_of(ref))[-1]
    assert (kept.id, kept.body, kept.file, kept.file_name) == (added.id, {"errors": 3}, added.file, "report.pdf")
    assert added.warnings == ()


@pytest.mark.parametrize(
    ("who", "type_", "reason"),
    [
        ("ana", "eval_report", "Evidence eval_report is recorded by the registry itself; nobody can add it"),
        ("ana", "provenance", "recorded by the registry itself"),
        ("ana", "valdation", "Policy default has no evidence type 'valdation', did you mean 'validation'?"),
        ("carla", "validation", "Only a developer or a validator can add validation evidence; carla is not one"),
    ],
)
def test_evidence_is_taken_only_from_its_producers(team: Team, who: str, type_: str, reason: str) -> None:
    ref = team.publish()
    with pytest.raises(PolicyRefusedError) as refusal:
        team.promotions(who).add_evidence(ref_of(ref), type_, {"a": 1}, file=io.BytesIO(b"x"), file_name="x")
    assert reason in refusal.value.reasons[0]
    assert len(team.promotions("guest").evidence(ref_of(ref))) == 3
    assert not team.blobs.exists(Digest.of(b"x")), "the file of refused evidence is not stored"


@pytest.mark.parametrize(
    ("body", "file_name", "reason"),
    [
        ({}, None, "The evidence has no content"),
        ({"a": "x" * 70_000}, None, "larger than 65,536 bytes"),
        ({"a": [0.5] * 5_001}, None, "more than 5,000 values"),
        ({"a": {str(n): {"b": n} for n in range(1_700)}}, None, "more than 5,000 values"),
        ({"a": float("nan")}, None, "cannot be written as canonical JSON"),
        ({"a": 2**60}, None, "cannot be written as canonical JSON"),
        ({"a": 1}, "../../etc/passwd", "is not a plain file name"),
        ({"a": 1}, "a\\b", "is not a plain file name"),
        ({"a": 1}, "", "The file name is empty"),
        ({"a": 1}, "\udcff.pdf", "The file name has control characters"),
        ({"a": "\udcff"}, None, "text that is not valid Unicode"),
        ({"a": {"b": json.loads("[" * 40 + "]" * 40)}}, None, "more than 32 deep"),
    ],
)
def test_bad_evidence_is_refused(team: Team, body: dict[str, object], file_name: str | None, reason: str) -> None:
    ref = team.publish()
    file = io.BytesIO(b"x") if file_name is not None else None
    with pytest.raises(InvalidError, match=reason):
        team.promotions("ana").add_evidence(ref_of(ref), "other", body, file=file, file_name=file_name)
    assert len(team.promotions("ana").evidence(ref_of(ref))) == 3
