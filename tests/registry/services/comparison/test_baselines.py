"""Baselines: what a transfer is compared with, run by the same worker, kept as answers, judged by one rule."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.codec import to_json
from registry.domain.comparison.answers import Arms, read_arms
from registry.domain.comparison.records import skipped_of, verdict_of
from registry.domain.comparison.verdict import ArmKind, Outcome, TransferVerdict
from registry.domain.names import Name, Reference
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepDetail, StepState
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.errors import BadRecipeError, IntegrityError, NoSpaceError, NotFoundError, PolicyRefusedError
from registry.ports.transfers import AdapterOffer, TransferJob
from registry.services.catalog.verbs import Catalog
from registry.services.comparison.arm_recipes import RATES
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.governance.verbs import Promotions
from registry.services.transfers.running import run_step, work_folder
from registry.services.transfers.verbs import Transfers
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.adapters.dvc.worlds import draw
from tests.fakes.clock import FakeClock
from tests.fakes.plugins import FakeEngine, FakePlugins
from tests.fakes.predicting import OFFER, PredictingAdapter
from tests.registry.services.registries import open_context

TABLE = "text,label\n" + "".join(f"review {n},{'good' if n % 2 else 'bad'}\n" for n in range(600))
RECIPE = """\
schema: forebear/recipe/v1
output: text/reviews
method: fine_tuning
source: models:/library/bert
data: {train: {dataset: datasets:/data/reviews}}
seed: 7
"""
DATA = "data: {train: {dataset: datasets:/data/reviews}}"
ELSEWHERE = RECIPE.replace(
    DATA, "data: {train: datasets:/data/reviews, test: {dataset: datasets:/data/reviews, split: validation}}"
)
"""Tested on other rows."""
CHILD = Reference.parse("models:/text/reviews")


@pytest.fixture
def adapter() -> PredictingAdapter:
    return PredictingAdapter()


@pytest.fixture
def context(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path, adapter: PredictingAdapter) -> Context:
    """A home with a source model and six hundred reviews; steps run at once."""
    plugins = FakePlugins(fake_adapter=adapter, fake_engine=FakeEngine())
    context = open_context(open_uow, clock, tmp_path / "home", role="admin", plugins=plugins)
    source = draw(tmp_path / "bert", {"model.safetensors": "weights"})
    Catalog(context).import_model(ImportModel(Name("library", "bert"), str(source)))
    data = draw(tmp_path / "data", {"reviews.csv": TABLE}) / "reviews.csv"
    Datasets(context).add(AddDataset(Name("data", "reviews"), str(data), licence="cc0-1.0"))
    plugins.fake_engine.work = lambda step_id: run_step(context, step_id)
    return context


def compared(context: Context, recipe: str = RECIPE, seeds: int = 3) -> StepDetail:
    return Transfers(context).submit(recipe, baselines=True, seeds=seeds)


def verdict(step: StepDetail) -> TransferVerdict:
    found = verdict_of(step.manifest)
    assert found is not None
    return found


def record(step: StepDetail) -> Mapping[str, Any]:
    assert step.manifest is not None
    facts = cast("Mapping[str, Mapping[str, Any]]", step.manifest["facts"])
    return facts["baselines"]


def answers(context: Context, step: StepDetail) -> Arms:
    return read_arms(context.blobs.open(Digest.parse(record(step)["answers"]["digest"])).read())


def ran(adapter: PredictingAdapter) -> list[tuple[Method, int, float, bool]]:
    """Every job: its method, seed and rate, and whether it saw test data."""
    return [(j.recipe.method, j.recipe.seed, j.recipe.optimizer.lr, "test" in j.data) for j in adapter.jobs]


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


def test_from_scratch_has_the_budget_and_head_of_the_transfer_and_no_frozen_layer(
    context: Context, adapter: PredictingAdapter
) -> None:
    compared(context, RECIPE + "epochs: 4\nbatch_size: 24\nhead: mlp\nfreeze: {until: encoder.layer.1}\n")
    transfer, fresh = adapter.jobs[0].recipe, adapter.jobs[-4].recipe
    assert fresh.method is Method.PRETRAINING
    assert (fresh.epochs, fresh.batch_size, fresh.head) == (4, 24, transfer.head)
    assert (fresh.freeze.what, fresh.optimizer.backbone_lr) == ("none", None)
    assert adapter.jobs[-4].sources == adapter.jobs[0].sources


def test_a_helpful_source_is_called_positive(context: Context) -> None:
    step = compared(context)
    found = verdict(step)
    assert step.summary.state is StepState.SUCCEEDED
    assert found.outcome is Outcome.POSITIVE
    assert [(score.arm, score.seeds) for score in found.scores] == [
        (ArmKind.TRANSFER, (7, 8, 9)),
        (ArmKind.SCRATCH, (7, 8, 9)),
        (ArmKind.PROBE, (7, 8, 9)),
        (ArmKind.CONSTANT, (0,)),
    ]
    assert [part.name for part in found.slices] == ["class bad", "class good"]
    assert skipped_of(step.manifest) == {"production": "no version is in production"}


def test_a_harmful_source_is_called_negative(context: Context, adapter: PredictingAdapter) -> None:
    adapter.shares |= {Method.FINE_TUNING: 0.6, Method.PRETRAINING: 0.9}
    assert verdict(compared(context)).outcome is Outcome.NEGATIVE


def test_no_difference_is_inconclusive(context: Context, adapter: PredictingAdapter) -> None:
    adapter.shares |= {Method.FINE_TUNING: 0.9, Method.PRETRAINING: 0.9}
    assert verdict(compared(context)).outcome is Outcome.INCONCLUSIVE


def test_without_baselines_there_is_no_verdict(context: Context, adapter: PredictingAdapter) -> None:
    step = Transfers(context).submit(RECIPE)
    assert len(adapter.jobs) == 1
    assert verdict_of(step.manifest) is None
    with pytest.raises(NotFoundError, match="has no verdict"):
        Transfers(context).verdict(step.summary.id)


def test_the_answers_of_every_arm_are_kept_and_give_the_same_verdict_again(context: Context) -> None:
    step = compared(context)
    arms = answers(context, step)
    assert [(arm.arm, arm.seed) for arm in arms.arms if arm.arm is ArmKind.SCRATCH] == [
        (ArmKind.SCRATCH, seed) for seed in (7, 8, 9)
    ]
    assert arms.arms[3].facts["learning_rate"] == 1e-3
    assert (arms.rows.split, len(arms.rows.keys)) == ("test", 120)
    assert Transfers(context).verdict(step.summary.id) == verdict(step)
    with Transfers(context).answers(step.summary.id) as stream:
        assert read_arms(stream.read()) == arms


def test_a_manifest_that_says_other_than_the_answers_is_told(context: Context) -> None:
    step = compared(context)
    forged = json.loads(json.dumps(to_json(step.manifest)))
    forged["facts"]["baselines"]["verdict"]["outcome"] = "negative"
    with context.write() as uow:
        uow.steps.set_manifest(step.summary.id, json.dumps(forged).encode(), Digest.of(b"forged"))
        uow.commit_unaudited()
    with pytest.raises(IntegrityError, match="give positive now, and not what its manifest holds"):
        Transfers(context).verdict(step.summary.id)


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


def test_a_rate_at_which_scratch_diverges_is_left_out(context: Context, adapter: PredictingAdapter) -> None:
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


def test_arms_learn_from_labels_as_the_recipe_says_and_leave_the_ways_of_its_method(
    context: Context, adapter: PredictingAdapter
) -> None:
    said = "params: {class_weights: balanced, shots: 9, preset: bit_hyperrule, lp_ft: true}\n"
    compared(context, RECIPE + said)
    fresh, probe = adapter.jobs[-4].recipe.params, adapter.jobs[-1].recipe.params
    for params in (fresh, probe):
        assert (params["class_weights"], params["shots"]) == ("balanced", 9)
    assert "lp_ft" not in fresh
    assert (probe["preset"], probe["layer"]) == ("none", "last")


def test_a_recipe_that_exports_features_has_nothing_to_compare(context: Context) -> None:
    recipe = RECIPE.replace("fine_tuning", "feature_extraction") + "params: {export: npz}\n"
    with pytest.raises(BadRecipeError, match="exports features answers no test row"):
        compared(context, recipe)


@pytest.mark.parametrize("seeds", [0, 2, 21])
def test_too_few_and_too_many_seeds_are_refused(seeds: int, context: Context, adapter: PredictingAdapter) -> None:
    with pytest.raises(BadRecipeError, match=f"Baselines with {seeds} seeds cannot be compared. Give --seeds 3 to 20"):
        compared(context, seeds=seeds)
    assert adapter.jobs == []


def test_without_test_data_there_is_nothing_to_compare_on(context: Context) -> None:
    data = "data: {train: datasets:/data/reviews, validation: datasets:/data/reviews}"
    with pytest.raises(BadRecipeError, match="this recipe has none"):
        compared(context, RECIPE.replace(DATA, data))


def test_an_adapter_that_cannot_train_from_scratch_is_refused_before_anything_runs(
    context: Context, adapter: PredictingAdapter
) -> None:
    adapter.offer = AdapterOffer(OFFER.name, OFFER.modalities, OFFER.methods - {Method.PRETRAINING}, OFFER.metrics)
    with pytest.raises(BadRecipeError, match="The adapter transformers cannot train from scratch"):
        compared(context)


# --- the version in production -------------------------------------------------------------------------------------


def put_into_production(context: Context, number: int) -> None:
    reference = Reference.parse(f"models:/text/reviews/{number}")
    ref = Catalog(context).version(reference).summary.ref
    with context.write() as uow:
        uow.catalog.set_alias("production", ref, protected=True, by="ana", at=context.clock.now())
        uow.commit(Event("alias.set", str(ref), {}))


def test_the_version_in_production_is_compared_by_the_answers_it_has_given(
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


# --- governance ----------------------------------------------------------------------------------------------------


POLICY = """
apiVersion: governance/v1
kind: PromotionPolicy
metadata: {name: proved, version: 1}
applies_to: {priority: 1, when: subject.kind == "model_version"}
roles: {developer: {groups: [developer]}}
stages: [registered, candidate]
evidence_types: {transfer_verdict: {predicate: 'urn:forebear:transfer-verdict:v1', producer: system}}
transitions:
  - id: to-candidate
    from: registered
    to: candidate
    gates:
      - {id: helps, require: transfer.verdict == "positive" && transfer.gain_low.scratch > 0.1 && transfer.seeds >= 3}
"""


def test_a_gate_lets_a_proved_transfer_pass(context: Context) -> None:
    Promotions(context).publish_policy(POLICY)
    compared(context)
    assert Promotions(context).request(CHILD, "candidate").summary.state == "promoted"


def test_a_gate_stops_a_harmful_transfer_and_one_that_nobody_compared(
    context: Context, adapter: PredictingAdapter
) -> None:
    Promotions(context).publish_policy(POLICY)
    Transfers(context).submit(RECIPE)
    with pytest.raises(PolicyRefusedError, match=r"'\w+' is missing"):
        Promotions(context).request(CHILD, "candidate")
    adapter.shares |= {Method.FINE_TUNING: 0.6, Method.PRETRAINING: 0.9}
    compared(context)
    with pytest.raises(PolicyRefusedError, match="Gate helps: "):
        Promotions(context).request(CHILD, "candidate")


def test_the_verdict_is_evidence_of_the_registry_itself_bound_to_the_bytes_of_the_version(context: Context) -> None:
    step = compared(context)
    (item,) = [e for e in Promotions(context).evidence(CHILD) if e.type == "transfer_verdict"]
    assert (item.added_by, item.body["verdict"], item.file_name) == ("system", "positive", "arms.jsonl")
    assert item.subject == Catalog(context).version(CHILD).summary.digest
    assert item.file == Digest.parse(record(step)["answers"]["digest"])
