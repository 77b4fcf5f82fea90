"""What a policy decides, rule by rule: what denies, who may vote, which votes and evidence count."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.domain.catalog.models import Status
from registry.domain.codec import from_json, to_json
from registry.domain.governance.case import Ancestors, Case, Contribution, Standing
from registry.domain.governance.policies.together import matching
from registry.domain.governance.promotion import Verdict, VoteValue
from registry.domain.manifests import canonical_json
from registry.services.governance.policies.document import read_policy
from tests.builders import digest
from tests.registry.policy_cases import CANDIDATE, EVIDENCE, NOW, PEOPLE, bindings, case, evidence, policy, vote

RULES = policy()


def failed(verdict: Verdict) -> set[str]:
    return {check.id for check in verdict.checks if not check.passed}


def test_a_candidate_with_everything_passes_and_every_check_is_listed() -> None:
    verdict = RULES.judge(case(RULES))
    assert verdict.allowed
    assert verdict.reasons == ()
    assert [(check.kind, check.id) for check in verdict.checks] == [
        ("policy", "policy"),
        ("order", "order"),
        ("status", "status"),
        ("evidence", "eval_report"),
        ("evidence", "validation"),
        ("gate", "no-recall"),
        ("gate", "quality"),
        ("approval", "validator"),
        ("approval", "risk-owner"),
    ]


def test_a_refusal_carries_every_reason_at_once() -> None:
    verdict = RULES.judge(
        case(
            RULES,
            items=(),
            approvals=(),
            status=Status.SUSPENDED,
            metrics={"accuracy": 0.51, "baseline_accuracy": 0.5},
            ancestors=Ancestors(recalled=1),
        )
    )
    assert verdict.reasons == (
        "The version is suspended, not active",
        "Evidence eval_report is missing",
        "Evidence validation is missing",
        "Gate no-recall: lineage.recalled = 1 (lineage.recalled == 0)",
        "Better than guessing: 0.51 < 0.55 (metrics.accuracy >= metrics.baseline_accuracy + params.min_margin)",
        "0 of 1 validator approvals",
        "0 of 1 risk-owner approvals",
    )


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": Status.RECALLED}, "The version is recalled, not active"),
        ({"status": Status.DEPRECATED}, "The version is deprecated, not active"),
        ({"stage": "registered"}, "Stage order: production follows candidate, and the version is registered"),
        ({"target": "retired"}, "Stage order: no transition leads to retired, and the version is candidate"),
        ({"target": "prodution"}, "Unknown stage 'prodution', did you mean 'production'?"),
        ({"metrics": {}}, "'accuracy' is missing"),
        ({"items": EVIDENCE[:1]}, "Evidence validation is missing"),
        (
            {"items": (EVIDENCE[0], evidence("validation", by="vera", days_old=31))},
            "31 days old; at most 30 days are allowed",
        ),
        ({"items": (EVIDENCE[0], evidence("validation", by="vera", about="other bytes"))}, "validation is missing"),
        ({"items": (EVIDENCE[0], evidence("validation", by="guest"))}, "validation is missing"),
        ({"items": (evidence("eval_report", by="ana"), EVIDENCE[1])}, "eval_report is missing"),
        ({"ancestors": Ancestors(recalled=1)}, "Gate no-recall: lineage.recalled = 1"),
    ],
)
def test_whatever_is_missing_or_wrong_is_denied_by_name(changes: dict[str, Any], reason: str) -> None:
    verdict = RULES.judge(case(RULES, **changes))
    assert not verdict.allowed
    assert any(reason in said for said in verdict.reasons), verdict.reasons


@pytest.mark.parametrize(
    ("require", "reason"),
    [
        ("metrics.f1 > 0.5", "'f1' is missing"),
        ('transfer.verdict == "positive"', "'verdict' is missing"),
        ("evidence.scan.files == 0", "'scan' is missing"),
        ('metrics.accuracy > "high"', "values of different types"),
        ("metrics.accuracy", "it gives '0.9', not true or false"),
        ("1 / lineage.recalled == 1", "it divides by zero"),
        ('subject.name.matches("(")', "not a regular expression"),
        ("9223372036854775807 + 1 > 0", "its number is too large"),
    ],
)
def test_a_gate_that_cannot_be_told_denies_with_the_reason(require: str, reason: str) -> None:
    rules = policy(("lineage.recalled == 0", f"'{require}'"))
    verdict = rules.judge(case(rules))
    assert failed(verdict) == {"no-recall"}
    assert reason in verdict.reasons[0]


@pytest.mark.parametrize(
    "old",
    ["{type: eval_report}", "{id: no-recall,", "{role: risk-owner, quorum: 1}"],
    ids=["evidence", "gate", "approval"],
)
def test_a_condition_that_cannot_be_told_denies_rather_than_asking_for_less(old: str) -> None:
    new = old.replace("}", ", when: metrics.f1 > 0.5}") if "}" in old else old + " when: metrics.f1 > 0.5,"
    rules = policy((old, new))
    assert any("is unknown whether" in reason for reason in rules.judge(case(rules)).reasons)


def test_a_transition_whose_every_demand_falls_away_passes_nothing() -> None:
    rules = policy(
        ("evidence: [{type: model_card}]", ""),
        ("require: licence.unknown == 0", "require: licence.unknown == 0, when: lineage.depth > 100"),
    )
    verdict = rules.judge(case(rules, stage="registered", target="candidate", approvals=()))
    assert verdict.reasons == ("Transition to-candidate has no rule that applies here, so it is refused",)


def test_no_matching_policy_means_no_policy_in_force() -> None:
    elsewhere = policy(('subject.kind == "model_version"', 'subject.task == "translation"'))
    assert matching([], case) == (None, "No policy has been published")
    found, why = matching([elsewhere], case)
    assert found is None
    assert why == "No policy applies to models:/vision/digits/2"


def test_a_policy_that_might_match_keeps_those_after_it_out() -> None:
    unclear = policy(('subject.kind == "model_version"', "metrics.f1 > 0.5"), ("priority: 1", "priority: 9"))
    found, why = matching([RULES, unclear], case)
    assert found is None
    assert "'f1' is missing" in why


def test_the_matching_policy_of_the_highest_priority_is_in_force() -> None:
    high = policy(("priority: 1", "priority: 9"), ("name: team", "name: zebra"))
    narrow = policy(("priority: 1", "priority: 99"), ('subject.kind == "model_version"', "lineage.depth > 3"))
    found, _ = matching([RULES, high, narrow], case)
    assert found is high


def test_an_open_request_is_judged_by_its_policy_only_while_that_applies() -> None:
    rules = policy(('subject.kind == "model_version"', 'subject.task == "image-classification"'))
    other = case(rules, subject=replace(CANDIDATE.subject, task="segmentation"))
    assert failed(rules.judge(other)) == {"policy"}


def test_a_decision_is_a_function_of_its_case_and_replays_from_json() -> None:
    before = case(RULES, approvals=("vito",))
    stored = canonical_json(to_json(before))
    again = from_json(Case, json.loads(stored))
    assert RULES.judge(again) == RULES.judge(before)
    assert canonical_json(to_json(again)) == stored


@pytest.mark.parametrize("part", ["artifact", "lineage", "policy", "evidence"])
def test_a_vote_on_another_state_of_things_is_stale_and_does_not_count(part: str) -> None:
    bound = bindings(RULES)
    stale = vote("vito", replace(bound, **{part: digest("something else")}))
    verdict = RULES.judge(case(RULES, votes=(stale, vote("rolf", bound))))
    assert verdict.reasons == (
        f"0 of 1 validator approvals (the approval of vito is stale because the {part} changed since)",
    )


def test_a_role_taken_away_voids_a_pending_vote() -> None:
    people = PEOPLE | {"vito": Standing(frozenset({"developer"}))}
    assert failed(RULES.judge(case(RULES, people=people))) == {"validator"}


def test_a_role_given_later_does_not_make_an_old_vote_count() -> None:
    votes = (vote("vito", bindings(RULES), roles=("developer",)), vote("rolf", bindings(RULES)))
    assert failed(RULES.judge(case(RULES, votes=votes))) == {"validator"}


@pytest.mark.parametrize(
    ("approvals", "missing"),
    [
        (("vito", "rolf"), set()),
        (("vito", "vito"), {"risk-owner"}),
        (("vito", "robot"), {"risk-owner"}),
        (("vito", "ana"), {"risk-owner"}),
        (("vera", "rolf"), {"validator"}),
        (("both",), {"risk-owner"}),
        (("both", "vito"), set()),
        (("both", "rolf"), set()),
        (("guest", "rolf"), {"validator"}),
        (("robot", "ana"), {"validator", "risk-owner"}),
    ],
    ids=lambda value: "+".join(sorted(value)) or "nothing missing",
)
def test_a_quorum_counts_distinct_people_who_had_no_hand_in_it(approvals: tuple[str, ...], missing: set[str]) -> None:
    assert failed(RULES.judge(case(RULES, approvals=approvals))) == missing


@pytest.mark.parametrize("deed", list(Contribution))
def test_every_kind_of_contribution_bars_from_voting(deed: Contribution) -> None:
    contributors = {deed: frozenset({"vito"})}
    verdict = RULES.judge(case(RULES, contributors=contributors))
    assert failed(verdict) == {"validator"}
    objection = RULES.electorate(case(RULES, contributors=contributors)).objections("vito")
    assert objection == (f"vito {deed.deed}: nobody approves their own work",)


def test_one_person_may_fill_two_roles_where_the_policy_says_so() -> None:
    rules = policy(("stages:", "separation_of_duties: {distinct_people_per_stage: false}\nstages:"))
    assert rules.judge(case(rules, approvals=("both",))).allowed


def test_service_accounts_vote_where_the_policy_says_so() -> None:
    rules = policy(("stages:", "separation_of_duties: {service_accounts_may_vote: true}\nstages:"))
    assert rules.judge(case(rules, approvals=("robot", "rolf"))).allowed


def test_a_role_may_be_that_of_the_owners() -> None:
    rules = policy(
        ("{role: risk-owner, quorum: 1}", "{role: owner, quorum: 1}"),
        ("stages:", "separation_of_duties: {no_self_approval: false}\nstages:"),
    )
    assert failed(rules.judge(case(rules, approvals=("vito",)))) == {"owner"}
    votes = (vote("vito", bindings(rules)), vote("ana", bindings(rules), roles=("owner",)))
    assert rules.judge(case(rules, votes=votes)).allowed


def test_where_two_rows_fire_for_a_role_the_larger_quorum_holds() -> None:
    subject = replace(CANDIDATE.subject, tags={"external": "yes"})
    verdict = RULES.judge(case(RULES, subject=subject))
    assert verdict.reasons == ("1 of 2 validator approvals",)
    assert RULES.judge(case(RULES, subject=subject, approvals=("vito", "both", "rolf"))).allowed


def test_the_order_of_the_rows_does_not_matter() -> None:
    one, two = "{role: validator, quorum: 1}", "{role: validator, quorum: 2, when: '\"external\" in subject.tags'}"
    rules = policy((one, "{role: validator, quorum: 3, when: lineage.depth >= 0}"), (two, one))
    assert rules.judge(case(rules)).reasons == ("1 of 3 validator approvals",)


def test_evidence_counts_until_it_expires() -> None:
    items = (EVIDENCE[0], evidence("validation", by="vera", days_old=30))
    assert RULES.judge(case(RULES, items=items)).allowed
    assert not RULES.judge(case(RULES, items=items, now=NOW + timedelta(microseconds=1))).allowed


def test_a_rejection_blocks_even_when_it_is_stale_until_its_author_approves() -> None:
    bound = bindings(RULES)
    rejection = vote("both", replace(bound, evidence=digest("before")), VoteValue.REJECT, comment="leaks")
    votes = (rejection, vote("vito", bound), vote("rolf", bound))
    assert RULES.judge(case(RULES, votes=votes)).reasons == ("both rejected it: leaks",)
    later = vote("both", bound, minute=5)
    assert RULES.judge(case(RULES, votes=(*votes, later))).allowed
    early = replace(later, at=rejection.at - timedelta(days=1))
    assert RULES.judge(case(RULES, votes=(*votes, early))).allowed, (
        "their order decides which is the newest, not the clock"
    )
    assert not RULES.judge(case(RULES, votes=(later, *votes))).allowed


def test_the_newest_evidence_of_a_type_is_the_one_that_is_judged() -> None:
    rules = policy(("lineage.recalled == 0", 'evidence.validation.result == "pass"'))
    items = (*EVIDENCE, evidence("validation", by="vera", days_old=0.5, result="fail"))
    assert failed(rules.judge(case(rules, items=items))) == {"no-recall"}


def test_numbers_of_evidence_and_parameters_mix_in_arithmetic() -> None:
    rules = policy(
        ("lineage.recalled == 0", "evidence.validation.errors + params.slack <= 4.5"),
        ("{min_margin: 0.05}", "{min_margin: 0.05, slack: 2.5}"),
    )
    items = (EVIDENCE[0], evidence("validation", by="vera", errors=2))
    assert rules.judge(case(rules, items=items)).allowed


def test_the_protected_version_can_be_compared_with() -> None:
    rules = policy(("lineage.recalled == 0", "'!has(baseline.accuracy) || metrics.accuracy >= baseline.accuracy'"))
    assert rules.judge(case(rules)).allowed
    assert failed(rules.judge(case(rules, baseline={"accuracy": 0.95}))) == {"no-recall"}


# --- laws ----------------------------------------------------------------------------------------------------------

_people = st.sampled_from(sorted(PEOPLE))
_items = st.lists(
    st.builds(
        evidence,
        st.sampled_from(["eval_report", "validation", "model_card"]),
        by=st.sampled_from(["system", "ana", "vera", "guest"]),
        days_old=st.sampled_from([-1, 1, 40]),
    ),
    max_size=4,
    unique_by=lambda item: item.id,
).map(tuple)


@given(items=_items, approvals=st.lists(_people, max_size=5).map(tuple), data=st.data())
@settings(max_examples=200, deadline=None)
def test_law_taking_evidence_or_an_approval_away_never_turns_a_refusal_into_a_permission(
    items: tuple[Any, ...], approvals: tuple[str, ...], data: st.DataObject
) -> None:
    base = data.draw(st.sampled_from([(), EVIDENCE]))
    whole = case(RULES, items=(*base, *items), approvals=approvals)
    before = RULES.judge(whole)
    fewer_items = tuple(item for item in whole.evidence if data.draw(st.booleans()))
    fewer_votes = tuple(given for given in whole.votes if data.draw(st.booleans()))
    bound = bindings(RULES, fewer_items)
    after = RULES.judge(replace(whole, evidence=fewer_items, votes=fewer_votes, bound=bound))
    assert before.allowed or not after.allowed


@given(approvals=st.lists(_people, max_size=5).map(tuple), rejecters=st.lists(_people, min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_law_with_an_open_rejection_nothing_passes(approvals: tuple[str, ...], rejecters: list[str]) -> None:
    bound = bindings(RULES)
    votes = [vote(who, bound) for who in approvals]
    votes += [vote(who, bound, VoteValue.REJECT, minute=10) for who in rejecters]
    assert not RULES.judge(case(RULES, votes=tuple(votes))).allowed


@given(approvals=st.lists(_people, max_size=6).map(tuple))
@settings(max_examples=100, deadline=None)
def test_law_a_verdict_does_not_depend_on_the_order_of_votes_or_evidence(approvals: tuple[str, ...]) -> None:
    there = case(RULES, approvals=approvals)
    back = replace(there, votes=there.votes[::-1], evidence=there.evidence[::-1])
    assert RULES.judge(there) == RULES.judge(back)


def test_time_alone_can_turn_a_permission_into_a_refusal() -> None:
    assert failed(RULES.judge(case(RULES, now=NOW + timedelta(days=31)))) == {"validation"}


# --- decisions of earlier releases ---------------------------------------------------------------------------------

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.case.json")), ids=lambda path: path.stem)
def test_a_decision_of_an_earlier_release_is_read_and_judged_the_same_for_ever(path: Path) -> None:
    rules = read_policy(path.with_name(path.name.replace(".case.json", ".policy.yaml")).read_text(encoding="utf-8"))
    verdict = rules.judge(from_json(Case, json.loads(path.read_bytes())))
    assert verdict.allowed
    assert [check.id for check in verdict.checks] == [
        *("policy", "order", "status", "validation", "no-recall", "validator", "risk-owner"),
    ]
