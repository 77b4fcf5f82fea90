"""The main metric of a task, against a constant answer and the version in production; larger is better."""

from __future__ import annotations

import pytest

from registry.domain.governance.conditions.problems import UnanswerableError
from registry.services.governance.quality import forgetting, quality
from tests.builders import metric
from tests.registry.services.governance.test_ancestry import holds
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


def test_what_was_forgotten_is_the_most_that_was_lost_on_a_test_set_of_a_parent() -> None:
    parents = [
        [metric(0.9, data="digits"), metric(0.8, data="letters"), metric(0.7, data="signs")],
        [metric(0.95, data="digits"), metric(0.5, name="loss", data="words")],
    ]
    own = [metric(0.85, data="digits"), metric(0.79, data="letters"), metric(0.1, data="signs", split="validation")]
    assert forgetting(own, parents) == {
        "sets": 3.0,
        "unmeasured": 1.0,
        "worst": pytest.approx(0.1),
        "on": "digits test",
    }


def test_of_an_error_the_part_by_which_it_grew_is_forgotten() -> None:
    found = forgetting([metric(3.0, name="rmse")], [[metric(2.0, name="rmse")]])
    assert (found["worst"], found["unmeasured"]) == (0.5, 0.0)
    assert forgetting([metric(1.0, name="rmse")], [[metric(2.0, name="rmse")]])["worst"] == -0.5


def test_nothing_is_said_of_forgetting_where_no_parent_was_tested_and_no_loss_where_nothing_was_measured() -> None:
    assert forgetting([metric(0.9)], [[], [metric(0.3, name="loss")]]) == {}
    assert forgetting([metric(0.9, data="other")], [[metric(0.9)]]) == {"sets": 1.0, "unmeasured": 1.0}
    assert forgetting([metric(float("nan"))], [[metric(0.9)]]) == {"sets": 1.0, "unmeasured": 1.0}


def test_a_gate_bounds_what_a_descendant_forgets_on_the_test_data_of_every_ancestor(team: Team) -> None:
    source = team.publish("library/net", measured=[metric(0.97, data="digits")])
    middle = team.publish("vision/middle", parents=[source], measured=[metric(0.9, data="letters")])
    kept = [metric(0.96, data="digits"), metric(0.95, data="letters")]
    good = team.publish("vision/good", parents=[middle], measured=kept)
    bad = team.publish("vision/bad", parents=[middle], measured=[metric(0.8, data="digits")])
    budget = "forgetting.worst <= 0.02 && forgetting.unmeasured == 0"
    assert holds(team, good, budget)
    assert not holds(team, bad, "forgetting.worst <= 0.02")
    assert holds(team, bad, 'forgetting.unmeasured == 1 && forgetting.on == "digits test" && forgetting.sets == 2')
    with pytest.raises(UnanswerableError, match="'worst' is missing"):  # made from no model: denied
        holds(team, source, budget)
    assert holds(team, source, "!has(forgetting.sets)")
