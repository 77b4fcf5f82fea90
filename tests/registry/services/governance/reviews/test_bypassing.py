"""A promotion without votes is a decision as any other: recorded, in the log, and refused while a request is open."""

from __future__ import annotations

import pytest

from registry.domain.governance.promotion import CheckResult
from registry.domain.governance.reviews.bypasses import Bypass, BypassKind, passed_over
from registry.errors import ConflictError
from registry.services.governance.reviews.verbs import Reviews
from tests.registry.services.governance.reviews.test_rollbacks import two_versions
from tests.registry.services.teams import Team, ref_of

FAILED = [
    CheckResult(kind, kind, False, f"no {kind}")
    for kind in ("policy", "order", "status", "rejection", "evidence", "wait")
]
FAILED += [CheckResult("kept", "gate", False, "no"), CheckResult("other", "gate", False, "no")]
FAILED += [CheckResult("validator", "approval", False, "0 of 1")]


@pytest.mark.parametrize(
    ("kind", "passed"),
    [
        (BypassKind.EMERGENCY, ["evidence", "wait", "other", "validator"]),
        (BypassKind.ROLLBACK, ["order", "evidence", "wait", "other", "validator"]),
    ],
)
def test_only_evidence_votes_and_waivable_gates_are_passed_over(kind: BypassKind, passed: list[str]) -> None:
    checks = passed_over(Bypass(kind, "carla", "down", "INC-7"), FAILED, {"kept"})
    assert [check.id for check in checks if check.passed] == passed
    assert all("Passed over" in check.message for check in checks if check.passed)
    assert len(checks) == len(FAILED)


def test_a_promotion_that_is_being_voted_on_is_withdrawn_first(team: Team) -> None:
    one, _ = two_versions(team)
    open_before = team.promotions("ana").request(ref_of(one), "production").summary.id
    with pytest.raises(ConflictError, match=open_before):
        Reviews(team.context("carla")).roll_back(ref_of(one), comment="now")
