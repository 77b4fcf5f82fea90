"""Baselines: what a transfer is compared with, run by the same worker, kept as answers, judged by one rule."""

from __future__ import annotations

from typing import cast

import pytest

from registry.domain.audit import Event
from registry.domain.comparison.records import skipped_of
from registry.domain.comparison.verdict import ArmKind, Outcome
from registry.domain.names import Reference
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepState
from registry.errors import BadRecipeError, NoSpaceError
from registry.ports.transfers import TransferJob
from registry.services.catalog.verbs import Catalog
from registry.services.comparison.arm_recipes import RATES
from registry.services.context import Context
from registry.services.governance.verbs import Promotions
from registry.services.transfers.running import work_folder
from registry.services.transfers.verbs import Transfers
from tests.fakes.plugins import FakePlugins
from tests.fakes.predicting import PredictingAdapter
from tests.registry.services.comparison.comparing import CHILD, DATA, RECIPE, answers, compared, ran, verdict

ELSEWHERE = RECIPE.replace(
    DATA, "data: {train: datasets:/data/reviews, test: {dataset: datasets:/data/reviews, split: validation}}"
)
"""Tested on other rows."""


def test_every_arm_runs_with_every_seed_and_only_the_chosen_rate_sees_test_data(
    context: Context, adapter: PredictingAdapter
) -> None:
    compared(context)
    tune, probe, fresh = Method.FINE_TUNING, Method.FEATURE_EXTRACTION, Method.PRETRAINING
    assert ran(adapter) == [
        *[(tune, seed, 5e-4, True) for seed in (7, 8, 9)],
        *[(fresh, 7, rate, False) for rate in RATES["adamw"]],
        *[(fresh, seed, 1e-3, True) for seed in (7, 8, 9)],
        *[(probe, seed, 3e-3, True) for seed in (7, 8, 9)],
    ]


def test_a_helpful_source_gives_a_positive_verdict(context: Context) -> None:
    step = compared(context)
    found = verdict(step)
    assert step.summary.state is StepState.SUCCEEDED
    assert found.outcome is Outcome.POSITIVE
    assert [(score.arm, score.seeds) for score in found.scores] == [
        (ArmKind.TRANSFER, (7, 8, 9)),
        (ArmKind.SCRATCH, (7, 8, 9)),
        (ArmKind.PROBE, (7, 8, 9)),
        (ArmKind.CONSTANT, (0,)),
        (ArmKind.CLASSICAL, (0,)),
    ]
    assert [part.name for part in found.slices] == ["class bad", "class good"]
    assert skipped_of(step.manifest) == {"production": "no version is in production"}


def test_a_classical_model_that_is_better_is_said_and_one_that_cannot_learn_is_left_out(context: Context) -> None:
    plugins = cast("FakePlugins", context.plugins)
    plugins.fake_classical.share = 1.0
    found = verdict(compared(context))
    assert found.outcome is Outcome.POSITIVE
    assert found.reasons[-1].startswith("a classical model without any source is better: accuracy -0.")
    plugins.fake_classical.share = None
    step = compared(context)
    assert verdict(step).score(ArmKind.CLASSICAL) is None
    assert skipped_of(step.manifest)["classical"] == "No classical model here learns such labels"


def test_a_harmful_source_gives_a_negative_verdict(context: Context, adapter: PredictingAdapter) -> None:
    adapter.shares |= {Method.FINE_TUNING: 0.6, Method.PRETRAINING: 0.9}
    assert verdict(compared(context)).outcome is Outcome.NEGATIVE


def test_no_difference_is_inconclusive(context: Context, adapter: PredictingAdapter) -> None:
    adapter.shares |= {Method.FINE_TUNING: 0.9, Method.PRETRAINING: 0.9}
    assert verdict(compared(context)).outcome is Outcome.INCONCLUSIVE


def test_nothing_of_the_arms_but_their_answers_stays(context: Context) -> None:
    step = compared(context)
    assert list(work_folder(context.home, step.summary.id).iterdir()) == []


def test_a_worker_that_was_stopped_goes_on_after_the_arms_that_ended(
    context: Context, adapter: PredictingAdapter
) -> None:
    def stop(job: TransferJob) -> None:
        if job.recipe.method is Method.FEATURE_EXTRACTION and job.recipe.seed == 8:
            raise NoSpaceError("no memory for a batch of 64")

    adapter.before = stop
    with pytest.raises(NoSpaceError):
        compared(context)
    step_id = Transfers(context).search().items[0].id
    before = len(adapter.jobs)
    adapter.before = lambda job: None
    step = Transfers(context).resume(step_id)
    assert step.summary.state is StepState.SUCCEEDED
    assert [(method, seed) for method, seed, *_ in ran(adapter)[before:]] == [
        (Method.FINE_TUNING, 7),  # from its last checkpoint, which is its end
        (Method.FEATURE_EXTRACTION, 8),
        (Method.FEATURE_EXTRACTION, 9),
    ]
    assert verdict(step).outcome is Outcome.POSITIVE


def test_a_learning_rate_at_which_training_from_scratch_diverges_is_left_out(
    context: Context, adapter: PredictingAdapter
) -> None:
    adapter.diverges = frozenset({1e-3})
    step = compared(context)
    facts = next(arm.facts for arm in answers(context, step).arms if arm.arm is ArmKind.SCRATCH)
    assert facts["learning_rate"] == 3e-4
    assert cast("dict[str, object]", facts["validated"])["0.001"] is None


def test_where_scratch_diverges_at_every_rate_nothing_is_concluded(
    context: Context, adapter: PredictingAdapter
) -> None:
    adapter.diverges = frozenset(RATES["adamw"])
    step = compared(context)
    assert verdict(step).outcome is Outcome.INCONCLUSIVE
    assert skipped_of(step.manifest)["scratch"] == "from scratch the loss diverged at every learning rate"


def test_without_validation_data_the_middle_rate_is_taken(context: Context, adapter: PredictingAdapter) -> None:
    data = "data: {train: datasets:/data/reviews, test: datasets:/data/reviews}"
    compared(context, RECIPE.replace(DATA, data))
    assert {rate for method, _, rate, _ in ran(adapter) if method is Method.PRETRAINING} == {1e-3}


def test_a_transfer_that_is_a_plain_probe_is_its_own_probe(context: Context, adapter: PredictingAdapter) -> None:
    step = compared(context, RECIPE.replace("fine_tuning", "feature_extraction"))
    assert [method for method, *_ in ran(adapter)].count(Method.FEATURE_EXTRACTION) == 3
    gap = verdict(step).gap(ArmKind.PROBE)
    assert gap is not None
    assert (gap.gain.low, gap.gain.value, gap.gain.high) == (0, 0, 0)


# --- the version in production -------------------------------------------------------------------------------------


def put_into_production(context: Context, number: int) -> None:
    reference = Reference.parse(f"models:/text/reviews/{number}")
    ref = Catalog(context).version(reference).summary.ref
    with context.write() as uow:
        uow.catalog.set_alias("production", ref, protected=True, by="ana", at=context.clock.now())
        uow.commit(Event("alias.set", str(ref), {}))


def test_the_version_in_production_is_compared_by_its_stored_answers(
    context: Context, adapter: PredictingAdapter
) -> None:
    Transfers(context).submit(RECIPE)
    put_into_production(context, 1)
    adapter.jobs.clear()
    step = compared(context)
    score = verdict(step).score(ArmKind.PRODUCTION)
    assert score is not None
    assert score.mean.value == pytest.approx(0.9)
    assert len(adapter.jobs) == 12
    arm = next(arm for arm in answers(context, step).arms if arm.arm is ArmKind.PRODUCTION)
    assert arm.facts["version"] == "text/reviews/1"


def test_a_version_in_production_that_was_asked_other_rows_answers_these_as_it_is(
    context: Context, adapter: PredictingAdapter
) -> None:
    Transfers(context).submit(ELSEWHERE)
    put_into_production(context, 1)
    adapter.jobs.clear()
    step = compared(context)
    job = adapter.jobs[-1]
    assert (job.recipe.method, job.recipe.epochs) == (Method.FINE_TUNING, 0)
    assert [source.label for source in job.sources] == ["text/reviews/1"]
    assert verdict(step).score(ArmKind.PRODUCTION) is not None


def test_a_version_in_production_that_knows_other_classes_is_left_out_with_its_reason(
    context: Context, adapter: PredictingAdapter
) -> None:
    Transfers(context).submit(ELSEWHERE)
    put_into_production(context, 1)

    def refuse(job: TransferJob) -> None:
        if job.recipe.epochs == 0:
            raise BadRecipeError("its head has other classes")

    adapter.before = refuse
    step = compared(context)
    assert skipped_of(step.manifest) == {"production": "it cannot answer these rows: its head has other classes"}


# --- arms that cannot be compared ------------------------------------------------------------------------------------


def test_a_baseline_that_learnt_nothing_gives_no_verdict_and_no_evidence(
    context: Context, adapter: PredictingAdapter
) -> None:
    adapter.constant = frozenset({Method.PRETRAINING})
    step = compared(context)
    found = verdict(step)
    assert found.outcome is Outcome.NO_VERDICT
    assert found.sentence.startswith("No verdict: the from-scratch baseline is invalid: it gives every row the same")
    assert Transfers(context).verdict(step.summary.id) == found
    assert "transfer_verdict" not in {item.type for item in Promotions(context).evidence(CHILD)}


def test_a_model_that_has_learnt_may_give_every_row_the_same_answer(
    context: Context, adapter: PredictingAdapter
) -> None:
    adapter.constant = frozenset({Method.PRETRAINING})
    adapter.checks = {Method.PRETRAINING: {"metric": "accuracy", "learnt": True, "agrees": True}}
    adapter.shares |= {Method.FINE_TUNING: 1.0}
    assert verdict(compared(context)).outcome is Outcome.POSITIVE


def test_what_an_adapter_finds_on_training_rows_is_kept_with_each_arm(
    context: Context, adapter: PredictingAdapter
) -> None:
    check = {"metric": "accuracy", "evaluation": 0.5, "training": 0.9, "learnt": False, "agrees": False}
    adapter.checks = {Method.FINE_TUNING: check}
    step = compared(context)
    assert verdict(step).outcome is Outcome.NO_VERDICT
    assert set(verdict(step).invalid) == {ArmKind.TRANSFER}
    kept = [arm.facts.get("training_check") for arm in answers(context, step).arms if arm.arm is ArmKind.TRANSFER]
    assert kept == [{"train": check}] * 3
