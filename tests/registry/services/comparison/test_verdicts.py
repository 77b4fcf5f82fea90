"""The verdict: kept with its answers, computed from them again, and read by policies."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lineage import Digest
from registry.domain.codec import to_json
from registry.domain.comparison.answers import read_arms
from registry.domain.comparison.records import verdict_of
from registry.domain.comparison.verdict import ArmKind
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.data import AddDataset
from registry.errors import IntegrityError, InvalidError, NotFoundError, PolicyRefusedError
from registry.services.catalog.verbs import Catalog
from registry.services.context import Context
from registry.services.data.verbs import Datasets
from registry.services.governance.verbs import Promotions
from registry.services.transfers.verbs import Transfers
from tests.fakes.predicting import PredictingAdapter
from tests.registry.services.comparison.comparing import CHILD, DATA, RECIPE, answers, compared, record, verdict
from tests.registry.services.reviews import REVIEWS


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


def test_a_manifest_that_differs_from_the_answers_is_reported(context: Context) -> None:
    step = compared(context)
    forged = json.loads(json.dumps(to_json(step.manifest)))
    forged["facts"]["baselines"]["verdict"]["outcome"] = "negative"
    with context.write() as uow:
        uow.steps.set_manifest(step.summary.id, json.dumps(forged).encode(), Digest.of(b"forged"))
        uow.commit_unaudited()
    with pytest.raises(IntegrityError, match="give positive now, and not what its manifest holds"):
        Transfers(context).verdict(step.summary.id)


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


def test_a_gate_reads_the_facets_of_a_verdict(context: Context, adapter: PredictingAdapter) -> None:
    gate = 'transfer.facets.benefit == "shown" && transfer.facets.non_inferior == "shown" && transfer.detectable < 0.2'
    Promotions(context).publish_policy(POLICY.replace('transfer.verdict == "positive"', gate))
    adapter.shares |= {Method.FEATURE_EXTRACTION: 0.9}
    compared(context)
    with pytest.raises(PolicyRefusedError, match="Gate helps: "):
        Promotions(context).request(CHILD, "candidate")
    adapter.shares |= {Method.FEATURE_EXTRACTION: 0.7}
    compared(context)
    assert Promotions(context).request(replace(CHILD, number=2), "candidate").summary.state == "promoted"


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


def test_a_gate_that_reads_a_number_fails_where_there_is_no_verdict(
    context: Context, adapter: PredictingAdapter
) -> None:
    Promotions(context).publish_policy(POLICY.replace('transfer.verdict == "positive" && ', ""))
    adapter.constant = frozenset({Method.PRETRAINING})
    compared(context)
    with pytest.raises(PolicyRefusedError, match=r"'\w+' is missing"):
        Promotions(context).request(CHILD, "candidate")


def test_the_verdict_is_evidence_of_the_registry_itself_bound_to_the_bytes_of_the_version(context: Context) -> None:
    step = compared(context)
    (item,) = [e for e in Promotions(context).evidence(CHILD) if e.type == "transfer_verdict"]
    assert (item.added_by, item.body["verdict"], item.file_name) == ("system", "positive", "arms.jsonl")
    assert item.subject == Catalog(context).version(CHILD).summary.digest
    assert item.file == Digest.parse(record(step)["answers"]["digest"])


def test_the_second_verdict_on_the_same_test_rows_has_wider_intervals_and_says_so(context: Context) -> None:
    Promotions(context).publish_policy(POLICY.replace("transfer.seeds >= 3", "transfer.looks <= 1.0"))
    first, second = verdict(compared(context)), verdict(step := compared(context))
    assert (first.looks, second.looks) == (1, 2)
    assert second.level == pytest.approx(1 - 0.1 / 6)
    one, two = first.gap(ArmKind.SCRATCH), second.gap(ArmKind.SCRATCH)
    assert one is not None
    assert two is not None
    assert two.gain.low < one.gain.low < one.gain.high < two.gain.high
    assert Transfers(context).verdict(step.summary.id) == second
    with pytest.raises(PolicyRefusedError, match="Gate helps: "):
        Promotions(context).request(replace(CHILD, number=2), "candidate")


def test_test_rows_in_groups_are_compared_by_group(context: Context, tmp_path: Path) -> None:
    table = "text,label,book\n" + "".join(f"review {n},{'good' if n % 2 else 'bad'},{n // 5}\n" for n in range(600))
    (tmp_path / "books.csv").write_text(table)
    Datasets(context).add(AddDataset(REVIEWS, str(tmp_path / "books.csv"), group_column="book"))
    step = compared(context)
    assert verdict(step).groups == 24
    assert len(set(answers(context, step).rows.groups)) == 24
    assert Transfers(context).verdict(step.summary.id) == verdict(step)


def test_test_rows_of_one_class_end_a_step_before_it_trains(
    context: Context, adapter: PredictingAdapter, tmp_path: Path
) -> None:
    rows = "".join(
        f"review {n},{'good' if n % 2 else 'bad'},{'train' if n % 2 or n > 9 else 'test'}\n" for n in range(60)
    )
    (tmp_path / "split.csv").write_text("text,label,split\n" + rows)
    Datasets(context).add(AddDataset(REVIEWS, str(tmp_path / "split.csv")))
    recipe = RECIPE.replace(DATA, "data: {train: datasets:/data/reviews, test: datasets:/data/reviews}")
    with pytest.raises(InvalidError, match="All 5 test rows have the label 'bad'"):
        compared(context, recipe)
    assert Transfers(context).search().items[0].state is StepState.FAILED
    assert not adapter.jobs
