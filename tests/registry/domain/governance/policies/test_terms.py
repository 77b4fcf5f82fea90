"""Risk tiers, evidence that must be signed and bound, votes that expire: each against somebody who cheats."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from registry.domain.governance.ancestry import Ancestry
from registry.domain.governance.case import Candidate
from registry.domain.governance.policies.terms import Tier
from registry.domain.governance.promotion import Verdict
from tests.builders import digest
from tests.registry.policy_cases import CANDIDATE, EVIDENCE, bindings, case, evidence, policy, vote

TIERS = """risk_tier:
  - {tier: high, when: 'subject.use.exposure == "external"'}
  - {tier: medium, when: 'subject.restrictions.exists(r, r.class == "no-commercial-use")'}
  - {tier: low, when: 'true'}
stages:"""
USE = "  validation: {predicate: 'urn:test:validation'"
DECLARED = "  intended_use: {predicate: 'urn:test:use', producer: [developer]}\n" + USE
TIERED = policy(
    ("stages:", TIERS),
    (USE, DECLARED),
    ("""'"external" in subject.tags'""", """'tier == "high"'"""),
)
INTERNAL = evidence("intended_use", by="ana", exposure="internal")
EXTERNAL = evidence("intended_use", by="ana", exposure="external")
KNOWN = replace(
    CANDIDATE, ancestry=Ancestry(restrictions=(), bases={"eval_dataset": (digest("data"),), "base_model": ()})
)


def failed(verdict: Verdict) -> str:
    return " | ".join(verdict.reasons)


def test_the_first_tier_whose_condition_holds_is_that_of_the_version() -> None:
    assert TIERED.tier(case(TIERED, items=(*EVIDENCE, EXTERNAL), candidate=KNOWN)) is Tier.HIGH
    assert TIERED.tier(case(TIERED, items=(*EVIDENCE, INTERNAL), candidate=KNOWN)) is Tier.LOW


def test_who_says_nothing_about_the_use_has_the_highest_tier() -> None:
    found = case(TIERED, candidate=KNOWN)
    assert TIERED.tier(found) is Tier.HIGH
    (line,) = [check.message for check in TIERED.judge(found).checks if check.kind == "tier"]
    assert line.startswith("Risk tier high: it is unknown whether the rule for high applies: 'exposure' is missing")
    assert "1 of 2 validator approvals" in failed(TIERED.judge(found))


def test_a_use_that_somebody_without_the_role_declares_lowers_no_tier() -> None:
    declared = evidence("intended_use", by="guest", exposure="internal")
    assert TIERED.tier(case(TIERED, items=(*EVIDENCE, declared), candidate=KNOWN)) is Tier.HIGH


def test_restrictions_that_were_not_recorded_are_not_taken_for_none() -> None:
    unread = replace(CANDIDATE, ancestry=None)
    assert TIERED.tier(case(TIERED, items=(*EVIDENCE, INTERNAL), candidate=unread)) is Tier.HIGH


def test_a_version_for_which_no_rule_holds_has_the_highest_tier() -> None:
    rules = policy(("stages:", "risk_tier: [{tier: low, when: 'false'}]\nstages:"))
    assert rules.tier(case(rules)) is Tier.HIGH
    assert policy().tier(case(policy())) is Tier.HIGH


def asked(term: str, *, body: dict[str, Any], candidate: Candidate = KNOWN) -> str:
    rules = policy(("max_age: P30D", term))
    items = (EVIDENCE[0], evidence("validation", by="vera", **body))
    return failed(rules.judge(case(rules, items=items, candidate=candidate)))


def test_evidence_that_calls_itself_signed_is_not_signed() -> None:
    body: dict[str, object] = {"verified": True, "signature": "MEUCIQ", "signed": True}
    assert "Evidence validation is not signed: the registry signs what it records itself" in asked(
        "verify: signature", body=body
    )


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"eval_dataset": str(digest("data"))}, ""),
        ({"result": "pass"}, "Evidence validation does not name the eval_dataset that it is about"),
        ({"eval_dataset": str(digest("easier"))}, "Evidence validation is about another eval_dataset"),
        ({"eval_dataset": [str(digest("data"))]}, "Evidence validation is about another eval_dataset"),
    ],
)
def test_a_report_about_easier_data_is_no_report_about_this_version(body: dict[str, object], sentence: str) -> None:
    found = asked("bound_to: [artifact, eval_dataset]", body=body)
    assert (sentence in found) if sentence else not found


@pytest.mark.parametrize("unknown", [KNOWN, replace(KNOWN, ancestry=None)])
def test_evidence_cannot_be_bound_to_a_parent_that_nobody_knows(unknown: Candidate) -> None:
    found = asked("bound_to: [base_model]", body={"base_model": str(digest("any"))}, candidate=unknown)
    assert "Evidence validation cannot be bound to base_model: the registry knows none of this version" in found


def test_the_registrys_own_report_is_bound_to_the_data_of_its_step() -> None:
    rules = policy(("- {type: eval_report}", "- {type: eval_report, bound_to: [eval_dataset]}"))
    assert not failed(rules.judge(case(rules, candidate=KNOWN)))
    assert "cannot be bound to eval_dataset" in failed(rules.judge(case(rules)))


def test_an_approval_that_is_saved_up_expires() -> None:
    rules = policy(("stages:", "votes: {expires: P90D}\nstages:"))
    bound = bindings(rules)
    old = vote("vito", bound, at=case(rules).now - timedelta(days=91))
    found = case(rules, votes=(old, vote("rolf", bound)))
    because = "0 of 1 validator approvals (the approval of vito is stale because approvals expire after 90 days)"
    assert because in failed(rules.judge(found))
    assert not rules.electorate(found).stands("vito")
    again = replace(found, votes=(*found.votes, vote("vito", bound)))
    assert rules.judge(again).allowed
