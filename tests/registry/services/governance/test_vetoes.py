"""Vetoes, cooling-off time and different people for two stages, each against somebody who tries to get past it."""

from __future__ import annotations

import pytest

from registry.domain.names import VersionRef
from registry.errors import ConflictError, InvalidError, PolicyRefusedError
from registry.services.audit.verbs import Audit
from tests.registry.services.governance.insider import NEXT, candidate
from tests.registry.services.teams import Team, bring_to, grant, put_in_force, ref_of

VETO = NEXT.replace("stages: [", "votes: {values: [approve, reject, veto]}\nstages: [", 1)
WAIT = VETO.replace("    to: production\n    evidence", "    to: production\n    wait: PT1H\n    evidence", 1)
PEOPLE = "  distinct_people_per_stage: true"
APART = NEXT.replace(PEOPLE, "  distinct_across_stages: [[validated, production]]\n" + PEOPLE, 1)


def ready(team: Team, text: str) -> tuple[VersionRef, str]:
    """A request for production with its evidence, under the policy `text`."""
    put_in_force(team, text)
    ref = team.publish()
    bring_to(team, ref, "validated")
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    return ref, team.promotions("ana").request(ref_of(ref), "production").summary.id


def approve(team: Team, request: str, *people: str) -> None:
    for who in people:
        team.promotions(who).approve(request)


def test_a_veto_blocks_a_request_that_has_all_its_approvals(team: Team) -> None:
    ref, request = ready(team, VETO)
    detail = team.promotions("vera").veto(request, comment="the faces are in dispute")
    assert detail.summary.state == "open"
    approve(team, request, "ben", "carla")
    assert team.stage(ref) == "validated"
    assert any("vera vetoed it" in why for why in team.promotions("ana").request_detail(request).verdict.reasons)


def test_withdrawing_and_asking_again_does_not_lose_a_veto(team: Team) -> None:
    ref, request = ready(team, VETO)
    ana = team.promotions("ana")
    team.promotions("vera").veto(request, comment="the faces are in dispute")
    ana.withdraw(request)
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass", "note": "looked again"})
    with pytest.raises(PolicyRefusedError, match="vera vetoed it") as refusal:
        ana.request(ref_of(ref), "production")
    assert "The veto stands until it is overruled or taken back" in str(refusal.value)
    team.promotions("vera").overrule(request, comment="the consent was found")
    assert ana.request(ref_of(ref), "production").verdict


def test_a_veto_is_taken_back_by_a_vote_of_the_same_person(team: Team) -> None:
    ref, request = ready(team, VETO)
    team.promotions("vera").veto(request, comment="not yet")
    approve(team, request, "vera", "carla")
    assert team.stage(ref) == "production"


def test_one_person_cannot_overrule_a_veto(team: Team) -> None:
    grant(team, "dora", "risk-owner")
    one = VETO.replace("overruled_by: risk-owner, quorum: 2", "overruled_by: risk-owner, quorum: 1")
    ref, request = ready(team, one)
    team.promotions("vera").veto(request, comment="no")
    with pytest.raises(PolicyRefusedError):
        team.promotions("ana").overrule(request, comment="mine is better")
    team.promotions("carla").overrule(request, comment="settled")
    approve(team, request, "ben", "carla")
    assert team.stage(ref) == "validated"
    team.promotions("dora").overrule(request, comment="settled")
    team.promotions("ana").complete(request)
    assert team.stage(ref) == "production"
    assert "promotion.completed" in team.actions(str(ref))


def test_a_policy_without_vetoes_takes_none(team: Team) -> None:
    ref = candidate(team)
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    with pytest.raises(PolicyRefusedError, match="Policy default/3 has no veto"):
        team.promotions("ben").veto(request, comment="no")
    assert team.promotions("ben").request_detail(request).ballot.veto


def test_a_veto_needs_a_reason_and_is_given_once(team: Team) -> None:
    _, request = ready(team, VETO)
    vera = team.promotions("vera")
    with pytest.raises(InvalidError, match="A veto needs a comment"):
        vera.veto(request, comment=" ")
    vera.veto(request, comment="no")
    with pytest.raises(ConflictError, match="vera has vetoed"):
        vera.veto(request, comment="no again")
    assert Audit(team.context("root")).verify(state=True).differences == ()


def test_nobody_who_made_the_version_vetoes_it(team: Team) -> None:
    _, request = ready(team, VETO)
    with pytest.raises(PolicyRefusedError, match="nobody approves their own work"):
        team.promotions("ana").veto(request, comment="mine")


def test_the_last_approval_begins_the_cooling_off_time_and_nobody_skips_it(team: Team) -> None:
    ref, request = ready(team, WAIT)
    ana = team.promotions("ana")
    approve(team, request, "ben", "carla")
    assert team.stage(ref) == "validated"
    with pytest.raises(PolicyRefusedError, match="The cooling-off time of 1 hour ends"):
        ana.complete(request)
    team.clock.forward(minutes=59)
    with pytest.raises(ConflictError, match="has approved"):
        team.promotions("carla").approve(request)
    with pytest.raises(PolicyRefusedError):
        team.promotions("root").complete(request)
    team.clock.forward(minutes=2)
    ana.complete(request)
    assert team.stage(ref) == "production"


def test_a_veto_in_the_cooling_off_time_blocks(team: Team) -> None:
    ref, request = ready(team, WAIT)
    approve(team, request, "ben", "carla")
    team.promotions("vera").veto(request, comment="found something")
    team.clock.forward(days=2)
    with pytest.raises(PolicyRefusedError, match="vera vetoed it"):
        team.promotions("ana").complete(request)
    assert team.stage(ref) == "validated"


def test_evidence_that_is_added_while_it_cools_off_begins_it_anew(team: Team) -> None:
    ref, request = ready(team, WAIT)
    approve(team, request, "ben", "carla")
    team.clock.forward(hours=2)
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    with pytest.raises(PolicyRefusedError, match="begins with the last approval"):
        team.promotions("ana").complete(request)


def test_who_let_a_version_into_one_stage_does_not_let_it_into_the_other(team: Team) -> None:
    ref, request = ready(team, APART)  # ben let it into validated
    with pytest.raises(PolicyRefusedError, match="ben approved the way into validated"):
        team.promotions("ben").approve(request)
    assert team.promotions("ana").request_detail(request).voters["validator"] == ("vera",)
    approve(team, request, "vera", "carla")
    assert team.stage(ref) == "production"


def test_a_second_account_does_not_sign_for_the_other_stage(team: Team) -> None:
    _, request = ready(team, APART)
    team.people("root").link("vera", "ben")
    with pytest.raises(PolicyRefusedError, match="vera approved the way into validated"):
        team.promotions("vera").approve(request)
