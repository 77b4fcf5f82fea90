"""The insider publishes a second policy beside the strict one, to get the ways past a rule that it lacks."""

from __future__ import annotations

import pytest

from registry.domain.governance.reviews.waivers import NewWaiver
from registry.errors import PolicyRefusedError
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.reviews.verbs import Reviews
from tests.registry.services.teams import Team, bring_to, put_in_force, ref_of

LOOSE = """
waivers: {role: risk-owner, quorum: 2}
emergency: {role: risk-owner, allowed: [promote], post_review: {within: P30D, role: validator, quorum: 1}}
"""
BESIDE = default_policy_text().replace("name: default", "name: beside").replace("version: 3", "version: 1", 1) + LOOSE


def test_a_second_policy_brings_no_waiver_and_no_emergency_and_the_refusal_says_why(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    put_in_force(team, BESIDE)
    wish = NewWaiver("no-worse", "it is good enough", (team.clock.now()).strftime("%Y-12-31"))
    with pytest.raises(PolicyRefusedError) as refused:
        Reviews(team.context("ana")).ask_for_waiver(ref_of(ref), wish)
    assert "There are no waivers: of the policies that apply together, only beside has this" in str(refused.value)
    token = team.people("carla").create_token("carla", label="anew").secret
    with pytest.raises(PolicyRefusedError, match="There is no promotion in an emergency: of the policies that apply"):
        Reviews(team.context("carla")).promote_in_emergency(
            ref_of(ref), "production", incident="INC-7", reason="now", token=token
        )
    assert team.stage(ref) == "validated"
    shown = team.promotions("ana").request(ref_of(ref), "production").warnings
    assert sum("of the policies that apply together, only beside has this" in one for one in shown) == 2
