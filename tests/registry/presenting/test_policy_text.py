"""What a policy says stands beside each check that it asks for."""

from __future__ import annotations

from registry.presenting.policy_text import excerpts
from registry.services.governance.policies.stored import default_policy_text


def test_each_check_of_a_transition_has_the_lines_that_ask_for_it() -> None:
    found = excerpts(default_policy_text(), "validated", "production")
    assert found["evidence", "validation"] == "{type: validation, max_age: P90D}"
    assert found["approval", "risk-owner"] == "{role: risk-owner, quorum: 1}"
    assert found["gate", "no-worse"] == (
        "id: no-worse\nwhen: has(baseline.accuracy)\n"
        "require: metrics.accuracy >= baseline.accuracy - params.max_drop\n"
        "message: No worse than the version in production"
    )
    assert ("gate", "better-than-guessing") not in found, "another transition asks for that"


def test_a_renewal_has_the_lines_of_every_way_into_the_stage() -> None:
    found = excerpts(default_policy_text(), "", "production")
    assert ("gate", "no-worse") in found
    assert excerpts(default_policy_text(), "validated", "nowhere") == {}
    assert excerpts("just text", "a", "b") == {}
