"""What `policy check` says of quorums and duties that the people of a registry can never fulfil."""

from __future__ import annotations

import pytest

from registry.errors import BadPolicyError
from registry.services.governance.policies.stored import default_policy_text
from tests.registry.services.teams import Team

OTHER = default_policy_text().replace("name: default", "name: other")
PRODUCTION = """      - {role: validator, quorum: 1}
      - {role: risk-owner, quorum: 1}"""


def warnings(team: Team, *changes: tuple[str, str]) -> tuple[str, ...]:
    text = OTHER
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return team.promotions("guest").check_policy(text).warnings


def test_the_default_policy_can_be_fulfilled_by_two_validators_a_risk_owner_and_developers(team: Team) -> None:
    assert warnings(team) == ()


def test_a_quorum_of_twenty_with_two_validators_is_said(team: Team) -> None:
    (said,) = warnings(team, (PRODUCTION, "      - {role: validator, quorum: 20}"))
    assert said == "Transition to-production needs 20 validator approvals: 2 people have the role validator"


def test_a_quorum_that_applies_only_sometimes_is_said_too(team: Team) -> None:
    row = "      - {role: validator, quorum: 3, when: 'subject.modality == \"image\"'}"
    assert warnings(team, (PRODUCTION, f"{PRODUCTION}\n{row}")) == (
        "Transition to-production needs 3 validator approvals: 2 people have the role validator",
    )


def test_two_roles_of_one_person_are_one_person_where_each_fills_one_role(team: Team) -> None:
    same = ("risk-owner: {groups: [risk-owner]}", "risk-owner: {groups: [validator]}")
    three = (PRODUCTION, PRODUCTION.replace("validator, quorum: 1", "validator, quorum: 2"))
    said = warnings(team, same, three)
    assert (
        "Transition to-production needs 1 risk-owner approvals: 2 people have the role risk-owner, and one" in said[0]
    )
    assert warnings(team, same, three, ("distinct_people_per_stage: true", "distinct_people_per_stage: false")) == ()


def test_service_accounts_fill_no_quorum(team: Team) -> None:
    text = (PRODUCTION, "      - {role: risk-owner, quorum: 2}")
    assert warnings(team, text)
    assert warnings(team, text, ("service_accounts_may_vote: false", "service_accounts_may_vote: true")) == ()


def test_an_owner_who_alone_fills_a_quorum_of_two_is_said(team: Team) -> None:
    owner = ("risk-owner: {groups: [risk-owner]}", "risk-owner: {users_from: subject.owners}")
    change = ("policy_change: {role: risk-owner", "policy_change: {role: validator")
    (said, *_) = warnings(team, owner, change, (PRODUCTION, "      - {role: risk-owner, quorum: 2}"))
    assert said == "Transition to-production needs 2 risk-owner approvals: 1 person has the role risk-owner"


def test_evidence_that_only_the_one_voter_could_add_is_said(team: Team) -> None:
    alone = ("[developer, validator]", "[validator]"), ("checking_evidence: [validation]", "checking_evidence: []")
    assert warnings(team, *alone) == (), "ben writes the report, vera approves"
    for who in ("ben", "robot"):
        team.people("root").revoke(who, "validator")
    said = warnings(team, *alone)
    assert [sentence.partition(" cannot be completed: whoever requests it or adds")[0] for sentence in said] == [
        "Transition to-validated",
        "Transition to-production",
    ]
    assert warnings(team) == (), "with a report that checks the version, vera may write it and approve"


@pytest.mark.parametrize("role", ["validater", "risk_owner", "developers"])
def test_a_role_that_looks_like_a_misspelt_one_is_refused_with_the_near_name(team: Team, role: str) -> None:
    near = {"validater": "validator", "risk_owner": "risk-owner", "developers": "developer"}[role]
    text = OTHER.replace(f"groups: [{near}]", f"groups: [{role}]", 1)
    assert role in text
    for verb in (team.promotions("guest").check_policy, team.promotions("root").publish_policy):
        with pytest.raises(BadPolicyError, match=f"nobody has the role '{role}', did you mean '{near}'"):
            verb(text)


def test_a_new_role_with_a_name_of_its_own_is_published_and_its_lack_of_holders_is_said(team: Team) -> None:
    published = team.promotions("root").publish_policy(OTHER.replace("groups: [risk-owner]", "groups: [legal]"))
    assert (
        "Transition to-production needs 1 risk-owner approvals: 0 people have the role risk-owner" in published.warnings
    )
