"""What a version forgot is measured when its step ends, where the recipe or a policy asks for that."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from registry.domain.comparison.forgetting import Forgetting
from registry.domain.governance.promotion import CheckResult
from registry.domain.names import Name, Reference
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.data import AddDataset
from registry.errors import BadDataError, BadRecipeError
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.governance.verbs import Promotions
from registry.services.transfers.running import run_step
from registry.services.transfers.verbs import Transfers
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.adapters.dvc.worlds import draw
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeEngine, FakePlugins
from tests.fakes.predicting import PredictingAdapter
from tests.registry.services.reviews import open_with_reviews
from tests.registry.services.transfers.test_forgetting import CHILD, FILMS, PARENT

BOUNDED = """\
apiVersion: governance/v1
kind: PromotionPolicy
metadata: {name: bounded, version: 1}
applies_to: {when: subject.name != "text/free"}
roles: {admin: {groups: [admin]}}
stages: [registered, candidate]
transitions:
  - id: to-candidate
    from: registered
    to: candidate
    gates:
      - {id: forgets-little, when: has(forgetting.sets), require: forgetting.worst_high <= 0.2}
    approvals: [{role: admin, quorum: 1}]
"""
"""No version becomes a candidate that may have lost more than 20 points."""


@pytest.fixture
def adapter() -> PredictingAdapter:
    return PredictingAdapter()


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, adapter: PredictingAdapter) -> Context:
    """A home with films, reviews, and a model of reviews with nine of ten answers right; steps run at once."""
    plugins = FakePlugins(fake_adapter=adapter, fake_engine=FakeEngine())
    context = open_with_reviews(open_uow, clock, tmp_path, plugins, table=FILMS.replace("film", "review"))
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    file = draw(tmp_path / "films", {"films.csv": FILMS}) / "films.csv"
    Datasets(context).add(AddDataset(Name("data", "films"), str(file), licence="cc0-1.0"))
    Transfers(context).submit(PARENT)
    return context


def made(context: Context, recipe: str = CHILD) -> Forgetting:
    """What is on record as soon as the step has ended."""
    step = Transfers(context).submit(recipe).summary
    assert step.state is StepState.SUCCEEDED
    return Transfers(context).forgetting(step.id)


def gate_of(context: Context, version: str) -> CheckResult:
    detail = Promotions(context).request(Reference.parse(version), "candidate")
    return next(check for check in detail.verdict.checks if check.id == "forgets-little")


def test_a_recipe_that_asks_for_it_has_it_measured_at_the_end_of_its_step(context: Context) -> None:
    assert made(context).sets == ()
    (one,) = made(context, CHILD + "forgetting: true\n").sets
    assert (one.parent, one.data_label) == ("models:/text/reviews/1", "data/reviews/1")
    assert one.lost is not None


def test_a_gate_on_what_may_have_been_lost_is_answered_without_a_later_command(
    context: Context, adapter: PredictingAdapter
) -> None:
    Promotions(context).publish_policy(BOUNDED)
    kept = made(context)
    assert gate_of(context, kept.version).passed
    adapter.shares[Method.FINE_TUNING] = 0.8  # it loses ten points, and more than twenty are not ruled out
    lost = made(context, CHILD.replace("text/films", "text/other"))
    (one,) = lost.sets
    assert one.lost is not None
    assert one.lost.value == pytest.approx(0.1)
    refused = gate_of(context, lost.version)
    assert not refused.passed
    assert refused.values == f"{one.lost.high:.4g} > 0.2", refused.message


def test_a_policy_that_judges_another_model_asks_nothing_of_this_one(context: Context) -> None:
    Promotions(context).publish_policy(BOUNDED)
    assert made(context, CHILD.replace("text/films", "text/free")).sets == ()


def test_a_step_succeeds_where_nothing_can_be_measured_and_its_log_says_why(
    context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "forebear.worker"):
        assert made(context, PARENT + "forgetting: true\n").sets == ()
    assert "there is nothing to have forgotten" in caplog.text
    assert "forebear transfer forgetting models:/text/reviews/2 --measure" in caplog.text


def test_what_cannot_be_measured_at_the_end_is_on_record_with_the_reason(
    context: Context, adapter: PredictingAdapter
) -> None:
    def refuse(job: object) -> None:
        if adapter.jobs[-1].recipe.epochs == 0 or adapter.jobs[-1].recipe.method is Method.FEATURE_EXTRACTION:
            raise BadDataError("Cannot be read")

    adapter.before = refuse
    (one,) = made(context, CHILD + "forgetting: true\n").sets
    assert (one.lost, one.reason) == (None, "Cannot be read; by a probe: Cannot be read")


def test_a_step_in_several_processes_measures_nothing_and_says_so(
    context: Context, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(BadRecipeError, match="measured in one process"):
        Transfers(context).check(CHILD + "forgetting: true\nresources: {gpus: 2}\n")
    Promotions(context).publish_policy(BOUNDED)
    plugins = context.plugins
    assert isinstance(plugins, FakePlugins)
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id, launch="two")
    assert made(context).sets == ()
    assert "is not measured by a step in several processes" in caplog.text
