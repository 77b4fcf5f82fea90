"""Verdicts of earlier versions that cannot be trusted are marked void, say why, and are never evidence."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from lineage import Digest
from registry.domain.codec import to_json
from registry.domain.comparison.scoring import verdict_on
from registry.domain.comparison.validity import BROKEN, CHECK, CONSTANT
from registry.domain.comparison.verdict import Outcome
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepDetail
from registry.domain.verbs.registry import Problem
from registry.errors import PolicyRefusedError
from registry.services.audit.verbs import Audit
from registry.services.catalog.verbs import Catalog
from registry.services.comparison.voiding import VoidVerdict, void_untrusted
from registry.services.context import Context
from registry.services.doctor import examine
from registry.services.governance.verbs import Promotions
from registry.services.transfers.verbs import Transfers
from tests.fakes.predicting import PredictingAdapter
from tests.registry.services.comparison.comparing import CHILD, answers, compared, verdict

HEADER = b'{"stem.bn.running_mean":{"dtype":"F32","shape":[8],"data_offsets":[0,32]}}'
POLICY = """
apiVersion: governance/v1
kind: PromotionPolicy
metadata: {name: unharmed, version: 1}
applies_to: {priority: 1, when: subject.kind == "model_version"}
roles: {developer: {groups: [developer]}}
stages: [registered, candidate]
evidence_types: {transfer_verdict: {predicate: 'urn:forebear:transfer-verdict:v1', producer: system}}
transitions:
  - id: to-candidate
    from: registered
    to: candidate
    gates:
      - {id: unharmed, require: transfer.verdict != "negative"}
"""


def earlier(context: Context, change: Callable[[dict[str, Any]], object] = lambda manifest: None) -> StepDetail:
    """A step with the verdict that a version that checked nothing recorded, from the same answers."""
    step = compared(context)
    arms = answers(context, step)
    plain = [
        replace(one, facts={k: v for k, v in one.facts.items() if k not in {CHECK, BROKEN, CONSTANT}})
        for one in arms.arms
    ]
    arms = replace(arms, arms=tuple(plain))
    digest, size = context.blobs.put(io.BytesIO(arms.write()))
    manifest = json.loads(json.dumps(to_json(step.manifest)))
    record = manifest["facts"]["baselines"]
    del record["checked"]
    record |= {"verdict": to_json(verdict_on(arms)), "answers": {"digest": str(digest), "size": size}}
    change(manifest)
    with context.write() as uow:
        uow.steps.set_manifest(step.summary.id, json.dumps(manifest).encode(), Digest.of(b"earlier"))
        uow.commit_unaudited()
    return Transfers(context).step(step.summary.id)


def reasons(found: Sequence[VoidVerdict]) -> list[str]:
    return [one.reason for one in found]


@pytest.fixture
def void(context: Context, adapter: PredictingAdapter) -> StepDetail:
    """A positive verdict whose from-scratch baseline gave every row the same answer, marked void."""
    adapter.constant = frozenset({Method.PRETRAINING})
    adapter.shares |= {Method.FINE_TUNING: 1.0}
    step = earlier(context)
    assert verdict(step).outcome is Outcome.POSITIVE
    (one,) = void_untrusted(context)
    assert one.reason.startswith("its from-scratch baseline gave every row the same answer (seed 7, 8, 9)")
    return Transfers(context).step(step.summary.id)


def test_a_verdict_on_a_baseline_with_one_answer_is_void_with_its_reason_in_the_audit_log(
    context: Context, void: StepDetail
) -> None:
    (entry,) = Audit(context).search(action="verdict.voided").items
    assert (entry.subject, entry.detail["reason"]) == (void.summary.id, void.verdict_void)
    found = Transfers(context).verdict(void.summary.id)
    assert found.outcome is Outcome.VOID
    assert found.sentence == f"The verdict is void: {void.verdict_void}"
    assert found.gaps == verdict(void).gaps


def test_marking_twice_writes_nothing(context: Context, void: StepDetail) -> None:
    before = Audit(context).search().items
    assert void_untrusted(context) == []
    assert Audit(context).search().items == before


def test_a_void_verdict_is_no_evidence_and_no_gate_counts_it(context: Context, void: StepDetail) -> None:
    Promotions(context).publish_policy(POLICY)
    with pytest.raises(PolicyRefusedError, match="'verdict' is missing"):
        Promotions(context).request(CHILD, "candidate")
    assert "transfer_verdict" not in {item.type for item in Promotions(context).evidence(CHILD)}


def test_a_version_is_shown_with_its_void_verdict_and_the_doctor_lists_it(context: Context, void: StepDetail) -> None:
    assert f"The verdict is void: {void.verdict_void}" in Catalog(context).version(CHILD).notes
    (problem,) = [one for one in examine(context) if one.check == "verdicts"]
    assert problem == Problem(
        "warning",
        "verdicts",
        f"The verdict on models:/text/reviews/1 ({void.summary.id}) is void: {void.verdict_void}. "
        "Run its recipe again with --baselines",
    )


def test_a_verdict_that_is_not_marked_yet_is_an_error_to_the_doctor(
    context: Context, adapter: PredictingAdapter
) -> None:
    adapter.constant = frozenset({Method.PRETRAINING})
    earlier(context)
    (problem,) = [one for one in examine(context) if one.check == "verdicts"]
    assert problem.level == "error"
    assert "Mark it with forebear init --upgrade" in problem.message


def test_verdicts_on_models_with_running_statistics_are_void(context: Context, adapter: PredictingAdapter) -> None:
    adapter.weights = len(HEADER).to_bytes(8, "little") + HEADER + bytes(32)
    earlier(context)
    (reason,) = reasons(void_untrusted(context))
    assert reason.startswith("its model has running statistics")


def test_verdicts_on_adabn_are_void(context: Context) -> None:
    earlier(context, lambda manifest: manifest["recipe"]["params"].update(align="adabn"))
    (reason,) = reasons(void_untrusted(context))
    assert reason.startswith("adabn replaced the running statistics")


def test_a_verdict_whose_answers_are_gone_cannot_be_checked_and_is_void(context: Context) -> None:
    gone = str(Digest.of(b"gone"))
    earlier(context, lambda manifest: manifest["facts"]["baselines"]["answers"].update(digest=gone))
    assert reasons(void_untrusted(context)) == ["its stored answers cannot be read, so it cannot be checked"]


def test_a_sound_verdict_of_an_earlier_version_still_counts(context: Context) -> None:
    step = earlier(context)
    assert void_untrusted(context) == []
    assert Transfers(context).verdict(step.summary.id).outcome is Outcome.POSITIVE


def test_verdicts_whose_arms_were_checked_stay_whatever_their_models_are(
    context: Context, adapter: PredictingAdapter
) -> None:
    adapter.weights = len(HEADER).to_bytes(8, "little") + HEADER + bytes(32)
    compared(context)
    assert void_untrusted(context) == []
    assert [one for one in examine(context) if one.check == "verdicts"] == []
