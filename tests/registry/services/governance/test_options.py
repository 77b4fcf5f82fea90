"""What may follow for a version, and what the person who reads a request can do with it."""

from __future__ import annotations

from registry.domain.governance.promotion import StageMove
from registry.domain.paging import PageRequest
from tests.registry.services.teams import Team, bring_to, put_in_force, ref_of


def test_each_stage_that_may_follow_comes_with_its_policy_and_what_is_missing(team: Team) -> None:
    ref = team.publish(card=None)
    (option,) = team.promotions("ana").options(ref_of(ref))
    assert (option.stage, option.policy, option.alias, option.request) == ("candidate", "default/3", None, None)
    assert option.reasons == ("Evidence model_card is missing",)
    assert not option.can_request, "no vote can bring a model card"


def test_an_option_names_the_request_that_is_open_already(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    (before,) = team.promotions("ana").options(ref_of(ref))
    assert (before.stage, before.can_request, before.request) == ("validated", True, None)
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    (option,) = team.promotions("guest").options(ref_of(ref))
    assert option.request == request
    assert option.reasons == ("0 of 1 validator approvals",)


def test_only_the_policy_in_force_says_what_may_follow(team: Team) -> None:
    ref = team.publish()
    text = team.promotions("root").policy("default").text
    narrow = text.replace("name: default", "name: narrow").replace("priority: 0", "priority: 9")
    other = narrow.replace("when: subject.kind", "when: subject.name == 'a/b' && subject.kind")
    put_in_force(team, other)
    assert [option.policy for option in team.promotions("ana").options(ref_of(ref))] == ["default/3"]


def test_a_version_in_its_last_stage_has_no_options(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "production")
    team.promotions("carla").approve(team.promotions("ana").request(ref_of(ref), "retired").summary.id)
    assert list(team.promotions("ana").options(ref_of(ref))) == []


def test_a_person_sees_the_types_of_evidence_that_they_may_add(team: Team) -> None:
    ref = team.publish()
    taken = {
        who: [kind.name for kind in team.promotions(who).evidence_types(ref_of(ref))] for who in ("ana", "ben", "carla")
    }
    assert taken == {"ana": ["model_card", "other"], "ben": ["validation", "other"], "carla": []}


def test_a_policy_names_its_roles_and_the_moves_between_stages(team: Team) -> None:
    (policy,) = team.promotions("guest").policies()
    assert policy.roles == {
        "developer": ("developer",),
        "validator": ("validator",),
        "risk-owner": ("risk-owner",),
    }
    assert policy.moves[0] == StageMove("registered", "candidate")
    assert len(policy.moves) == 5
    assert team.promotions("guest").policy("default") == policy


def test_the_requests_of_one_version_are_found_behind_any_number_of_others(team: Team) -> None:
    first = team.publish()
    opened = team.promotions("ana").request(ref_of(first), "candidate").summary
    second = team.publish()
    team.promotions("ana").request(ref_of(second), "candidate")
    for _ in range(3):
        team.promotions("ana").withdraw(team.promotions("ana").request(ref_of(second), "validated").summary.id)
    page = team.promotions("ana").requests(reference=ref_of(first), page=PageRequest(2))
    assert ([found.id for found in page.items], page.next_cursor) == ([opened.id], None)


def test_a_gate_says_which_values_it_compared(team: Team) -> None:
    ref = team.publish(accuracy=0.42)
    bring_to(team, ref, "candidate")
    verdict = team.promotions("ana").request(ref_of(ref), "validated").verdict
    (gate,) = [check for check in verdict.checks if check.kind == "gate"]
    assert gate.values == "0.42 < 0.45"
    assert gate.message.startswith("The accuracy is clearly above the majority-class baseline: 0.42 < 0.45")
