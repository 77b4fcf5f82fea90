"""Who writes a policy writes cases beside it, each with its outcome, and hears which come out otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from registry.domain.governance.replays import PolicyDifference
from registry.errors import BadPolicyError
from tests.registry.services.teams import Team

ROOT = Path(__file__).parents[5]
TEAM = (ROOT / "examples/policies/team.yaml").read_text(encoding="utf-8")
CASES = (ROOT / "examples/policies/cases/team.yaml").read_text(encoding="utf-8")
PASSED = """
cases:
  - name: one
    from: candidate
    to: production
    evidence:
      validation: {by: vera, fields: {result: pass}}
    people: {vera: [validator], carla: [risk-owner], ben: [validator]}
    votes: {vera: approve, carla: approve}
    expect: refused
"""


def tried(team: Team, cases: str, policy: str = TEAM) -> tuple[PolicyDifference, ...]:
    return tuple(team.promotions("guest").test_policy_cases(policy, cases).differences)


def came_out(team: Team, *changes: tuple[str, str]) -> str:
    """What becomes of the case that lacks nothing, with some of it written otherwise."""
    text = PASSED
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return next((one.after for one in tried(team, text.replace("refused", "promoted"))), "promoted")


def test_every_case_that_ships_beside_the_policy_for_teams_comes_out_as_written(team: Team) -> None:
    trial = team.promotions("guest").test_policy_cases(TEAM, CASES)
    assert (trial.policy, trial.judged, trial.differences) == ("team/1", len(yaml.safe_load(CASES)["cases"]), ())


def test_every_case_that_ships_beside_the_example_of_the_whole_language_comes_out_as_written(team: Team) -> None:
    files = [ROOT / "examples/policies" / name for name in ("transfer.yaml", "cases/transfer.yaml")]
    trial = team.promotions("guest").test_policy_cases(*(file.read_text(encoding="utf-8") for file in files))
    assert (trial.policy, trial.judged, trial.differences) == ("transfer/1", 7, ())


def test_the_case_in_the_guide_is_one_of_those_that_ship() -> None:
    guide = (ROOT / "docs/policies.md").read_text(encoding="utf-8")
    (shown,) = yaml.safe_load(guide[guide.index("cases:\n  - name") :].partition("```")[0])["cases"]
    shipped = {one["name"]: one for one in yaml.safe_load(CASES)["cases"]}
    assert {**shown, "metrics": {"accuracy": 0.91}} == shipped[shown["name"]]


def test_a_case_that_comes_out_otherwise_is_told_with_what_was_expected(team: Team) -> None:
    (found,) = tried(team, PASSED)
    assert (found.subject, found.target, found.before, found.after) == ("one", "production", "refused", "promoted")


def test_a_case_that_is_refused_for_another_reason_than_was_written_is_told(team: Team) -> None:
    (found,) = tried(team, PASSED.replace("pass}", "fail}") + "    because: [no-recall]\n")
    assert (found.before, found.after) == ("refused by no-recall", "refused by validation-passed")
    assert "validation-passed" in found.reasons[0]


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        ("carla: approve", "ben: approve", "refused by risk-owner"),
        ("expect:", "made_by: [vera]\n    expect:", "refused by validation, validator"),
        ("expect:", "requested_by: carla\n    expect:", "refused by risk-owner"),
        ("expect:", "service_accounts: [carla]\n    expect:", "refused by risk-owner"),
        ("expect:", "voted: P91D\n    expect:", "refused by validator, risk-owner"),
        ("expect:", "status: suspended\n    expect:", "refused by status"),
        ("expect:", "findings: {critical: 1, low: 2}\n    expect:", "refused by findings"),
        ("expect:", "findings: {low: 2}\n    expect:", "promoted"),
        ("from: candidate", "from: registered", "refused by order"),
        ("by: vera", "by: carla", "refused by validation"),
    ],
)
def test_votes_evidence_and_status_of_a_case_count_as_they_do_in_a_request(
    team: Team, old: str, new: str, outcome: str
) -> None:
    came = came_out(team, (old, new))
    assert set(outcome.removeprefix("refused by ").split(", ")) <= set(came.removeprefix("refused by ").split(", "))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("cases: []", "1 or more"),
        (PASSED.replace("to: production", "too: production"), "too"),
        (PASSED.replace("expect: refused", "expect: maybe"), "promoted"),
        (PASSED + "    lineage: {recaled: 1}\n", "lineage has no recaled"),
        (PASSED.replace("refused", "promoted") + "    because: [no-recall]\n", "because names what refuses"),
        (PASSED + PASSED.partition("cases:")[2], "case 1 has the same name"),
    ],
)
def test_a_mistake_in_a_case_is_told_with_its_line(team: Team, text: str, sentence: str) -> None:
    with pytest.raises(BadPolicyError, match=sentence) as refused:
        tried(team, text)
    assert "Line " in str(refused.value)
