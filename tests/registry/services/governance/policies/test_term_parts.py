"""The terms of a policy file become values: the whole language is read, and what a term cannot hold is named."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.policies.terms import Conditional, PostReview, RenewalTimes, Tier, Waivers
from registry.errors import BadPolicyError
from registry.services.governance.policies.document import read_policy
from tests.registry.services.governance.mistakes import DEFAULT

WHOLE = Path(__file__).with_name("whole_language.yaml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def whole() -> Policy:
    return read_policy(WHOLE, new=True)


def test_the_whole_language_is_read_into_values(whole: Policy) -> None:
    assert whole.maps_to[-1] == "SR26-2"
    assert [rule.tier for rule in whole.risk_tiers] == list(Tier)
    assert whole.duties.distinct_across_stages == (frozenset({"validated", "production"}),)
    assert whole.policy_change.quorum == 2
    assert whole.votes.expires == timedelta(days=90)
    assert whole.votes.signed
    assert "veto" in whole.votes.comment_required_for
    production = whole.transitions[2]
    assert production.wait == timedelta(hours=1)
    assert production.conditional == Conditional(True, 3, timedelta(days=30), "revoke")
    assert production.evidence[0].verify == "signature"
    assert whole.transitions[1].evidence[0].bound_to == ("artifact", "eval_dataset", "base_model")
    assert whole.waivers == Waivers("risk_owner", 2, timedelta(days=30), inherit=False)


def test_renewal_and_emergency_are_read_into_values(whole: Policy) -> None:
    assert whole.reattest is not None
    days = {Tier.HIGH: 90, Tier.MEDIUM: 180, Tier.LOW: 365}
    after = {tier: timedelta(days=some) for tier, some in days.items()}
    assert whole.reattest.stages == {"production": RenewalTimes(after, timedelta(days=14), "suspend")}
    assert "licence_changed" in whole.reattest.triggers
    assert whole.emergency is not None
    assert whole.emergency.expires == timedelta(hours=24)
    assert whole.emergency.never_skips == ("no-recall", "safe-formats")
    assert whole.emergency.post_review == PostReview(timedelta(days=3), "risk_owner", 2, ("invoker",), "suspend")


def test_facts_that_are_named_otherwise_elsewhere_are_read_by_their_names_here(whole: Policy) -> None:
    gates = {gate.id: str(gate.require) for move in whole.transitions for gate in move.gates}
    assert gates["safe-formats"] == "evidence.scan.executable_files == 0"
    assert gates["regression"] == "metrics.macro_f1 >= baseline.macro_f1 - params.max_drop"
    assert gates["fairness"] == "metrics.worst_group_gap <= 0.05"
    assert gates["licence-fit"] == "(licence.conflicts.commercial + licence.conflicts.derivatives) == 0"
    assert str(whole.risk_tiers[1].when) == 'subject.restrictions.exists(r, r.class == "use-restrictions")'


def test_evidence_that_every_registry_knows_is_taken_where_the_file_reads_it_and_leaves_it_out(whole: Policy) -> None:
    use, provider = whole.evidence_types["intended_use"], whole.evidence_types["provider_file"]
    assert use.form.startswith("decides_about_people (true or false, required), exposure (internal or external, req")
    assert use.producers == provider.producers == ("developer",)


@pytest.mark.parametrize(
    ("term", "sentence"),
    [
        ("votes: {values: [approve]}", "people must be able to approve and to reject"),
        ("votes: {comment_required_for: []}", "a rejection always has a comment"),
        ("votes: {bound_to: [artifact_digest]}", "votes are bound to all of artifact_digest, lineage_digest"),
        ("votes: {carry_over: always}", "expected 'never'"),
        ("waivers: {role: risk-owner, quorum: 1}", "expected a number of at least 2"),
        ("waivers: {role: risk-owner, scope: [gate_id]}", "a waiver is for one gate and one version"),
        ("waivers: {role: risk-owner, inherit: true}", "expected False"),
        ("reattest: {production: {tier_hihg: P1D}}", "there is no key 'reattest.production.tier_hihg'"),
        ("risk_tier: [{tier: highest, when: 'true'}]", "expected 'high', 'medium' or 'low'"),
    ],
)
def test_a_term_that_could_be_read_as_less_than_it_says_is_refused(term: str, sentence: str) -> None:
    with pytest.raises(BadPolicyError) as refusal:
        read_policy(f"{DEFAULT}\n{term}\n")
    assert sentence in refusal.value.message
