"""A policy is tried on decisions that were taken before it is published, and what nobody recorded is not assumed."""

from __future__ import annotations

import pytest

from registry.domain.governance.replays import ChangedTerm
from registry.errors import BadPolicyError, InvalidError
from tests.registry.services.governance.insider import NEXT
from tests.registry.services.teams import Team, bring_to, ref_of

STRICTER = NEXT.replace("params.min_margin\n        message: The acc", "0.6\n        message: The acc", 1)
ELSEWHERE = NEXT.replace('subject.kind == "model_version"', 'subject.task == "translation"', 1)
WIDER = NEXT.replace("require: 'lineage.unresolved == 0'", "require: 'size(ancestors) >= 0'", 1)


def history(team: Team, text: str, days: int = 90) -> list[tuple[str, str, str]]:
    trial = team.promotions("ana").test_policy(text, days=days)
    assert trial.complete
    return [(one.target, one.before, one.after) for one in trial.differences]


def test_a_policy_that_changes_nothing_makes_no_difference_to_the_decisions_taken(team: Team) -> None:
    bring_to(team, team.publish(), "production")
    trial = team.promotions("guest").test_policy(NEXT)
    assert (trial.policy, trial.judged, trial.differences) == ("default/4", 3, ())


def test_a_stricter_policy_names_the_promotions_that_it_would_have_refused(team: Team) -> None:
    bring_to(team, team.publish(accuracy=0.9), "validated")
    (found,) = team.promotions("ana").test_policy(STRICTER).differences
    assert (found.target, found.before, found.after) == ("validated", "promoted", "refused")
    assert "0.9 < 1" in found.reasons[0]


def test_a_rejected_request_stays_refused_under_a_looser_policy(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    team.promotions("ben").reject(request, comment="no")
    assert history(team, NEXT.replace("params.min_margin\n", "0.0\n", 1)) == []


def test_decisions_that_the_policy_would_not_judge_are_told_as_such(team: Team) -> None:
    bring_to(team, team.publish(), "candidate")
    assert history(team, ELSEWHERE) == [("candidate", "promoted", "not judged by this policy")]


def test_what_was_not_recorded_when_a_decision_was_taken_is_not_assumed(team: Team) -> None:
    bring_to(team, team.publish(), "candidate")
    (found,) = team.promotions("ana").test_policy(WIDER).differences
    assert found.after == "refused"
    assert "this was not recorded when the case was stored" in found.reasons[0]


def test_older_decisions_than_were_asked_for_are_left_out(team: Team) -> None:
    bring_to(team, team.publish(), "candidate")
    team.clock.forward(days=31)
    assert history(team, ELSEWHERE, days=30) == []
    assert history(team, ELSEWHERE, days=32) != []
    with pytest.raises(InvalidError, match="A history of 0 days cannot be tried"):
        history(team, NEXT, days=0)


def test_a_policy_is_tried_on_one_version(team: Team) -> None:
    ref = team.publish(accuracy=0.9)
    bring_to(team, ref, "candidate")
    trial = team.promotions("ana").test_policy(STRICTER, against=ref_of(ref))
    (found,) = trial.differences
    assert (found.subject, found.target) == (str(ref), "validated")
    assert "0.9 < 1" in found.after
    assert "0.9 < 1" not in found.before
    assert [one.version for one in team.promotions("ana").policies()] == [3]


def test_a_file_with_mistakes_is_not_tried(team: Team) -> None:
    with pytest.raises(BadPolicyError):
        team.promotions("ana").test_policy("stages: []")


def test_the_difference_of_two_policies_names_each_place_once(team: Team) -> None:
    old = NEXT.replace("version: 4", "version: 3", 1)
    new = NEXT.replace("max_drop: 0.02", "max_drop: 0.5").replace("      - {type: provenance}\n", "", 1)
    developer, owner = "  developer:  {groups: [developer]}\n", "  risk-owner: {groups: [risk-owner]}\n"
    moved = new.replace(developer, "", 1).replace(owner, owner + developer, 1)
    assert team.promotions("ana").diff_policies(old, moved) == (
        ChangedTerm("metadata.version", "3", "4"),
        ChangedTerm("params.max_drop", "0.02", "0.5"),
        ChangedTerm("transitions[to-candidate].evidence[provenance].type", "provenance", ""),
    )
