"""The main metric of a task, against a constant answer and the version in production; larger is better."""

from __future__ import annotations

import pytest

from registry.services.governance.quality import quality
from tests.builders import metric
from tests.registry.services.teams import Team, bring_to, ref_of


def test_an_accuracy_is_compared_by_its_difference() -> None:
    found = quality({"accuracy": 0.9, "baseline_accuracy": 0.4, "rmse": 1.0}, {"accuracy": 0.95})
    assert found["metric"] == "accuracy"
    assert found["gain"] == pytest.approx(0.5)
    assert found["change"] == pytest.approx(-0.05)


def test_an_error_is_compared_by_the_part_of_it_that_is_saved() -> None:
    found = quality({"rmse": 1.0, "baseline_rmse": 4.0, "mae": 0.8, "baseline_mae": 3.0}, {"rmse": 2.0})
    assert (found["metric"], found["gain"], found["change"]) == ("rmse", 0.75, 0.5)


def test_nothing_is_said_without_a_baseline_or_beyond_an_error_of_nothing() -> None:
    assert quality({"accuracy": 0.9}, {}) == {}
    assert "gain" not in quality({"rmse": 1.0, "baseline_rmse": 0.0}, {})


@pytest.mark.parametrize(("rmse", "stage"), [(1.0, "validated"), (3.9, "candidate"), (5.0, "candidate")])
def test_a_regression_passes_the_default_policy_when_it_is_better_than_the_mean(
    team: Team, rmse: float, stage: str
) -> None:
    ref = team.publish(measured=[metric(rmse, name="rmse"), metric(4.0, name="baseline_rmse")])
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated")
    team.promotions("ben").approve(request.summary.id)
    assert team.stage(ref) == stage
    gate = next(check for check in request.verdict.checks if check.id == "better-than-constant")
    assert gate.passed is (stage == "validated")


def test_a_regression_that_is_worse_than_the_one_in_production_does_not_replace_it(team: Team) -> None:
    def regression(rmse: float) -> str:
        ref = team.publish(measured=[metric(rmse, name="rmse"), metric(4.0, name="baseline_rmse")])
        bring_to(team, ref, "validated")
        team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
        request = team.promotions("ana").request(ref_of(ref), "production").summary.id
        team.promotions("ben").approve(request)
        team.promotions("carla").approve(request)
        return team.stage(ref)

    assert regression(1.0) == "production"
    assert regression(1.01) == "production", "at most two hundredths of the error more"
    assert regression(1.5) == "validated"
