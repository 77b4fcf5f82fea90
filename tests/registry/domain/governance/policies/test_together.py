"""Of several policies that apply, all must pass: nobody gets past one of them by adding another beside it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.domain.governance.policies.policy import Policy
from registry.domain.governance.policies.together import combined, matching
from tests.registry.policy_cases import NOW, bindings, case, policy, vote

NAME = ("name: team", "name: strict")
TEAM = policy()
STRICT = policy(
    NAME,
    ("require: licence.unknown == 0", "require: licence.unknown == 0, message: Known"),
    ("{id: no-recall, require: lineage.recalled == 0", "{id: no-recall, require: lineage.depth > 3"),
    ("{role: risk-owner, quorum: 1}", "{role: risk-owner, quorum: 2}"),
)


def in_force(*policies: Policy) -> Policy:
    found, why = matching(policies, case)
    assert found is not None, why
    return found


def reasons(rules: Policy) -> str:
    return " | ".join(rules.judge(case(rules)).reasons)


def test_all_policies_of_the_highest_priority_judge_and_each_must_pass() -> None:
    both = in_force(TEAM, STRICT)
    assert both.label == "strict/3+team/3"
    assert TEAM.judge(case(TEAM)).allowed
    assert "Gate no-recall: 0 ≤ 3 (lineage.depth > 3)" in reasons(both)
    assert "1 of 2 risk-owner approvals" in reasons(both)


def test_a_loose_policy_beside_a_strict_one_loosens_nothing() -> None:
    loose = policy(
        ("name: team", "name: a-loose"),
        ("stages:", "separation_of_duties: {no_self_approval: false, service_accounts_may_vote: true}\nstages:"),
        ("{role: risk-owner, quorum: 1}", "{role: validator, quorum: 1}"),
        ("{role: validator, quorum: 1}", "{role: validator, quorum: 1}"),
    )
    both = in_force(loose, TEAM)
    assert both.duties.no_self_approval
    assert both.duties.contributors == TEAM.duties.contributors
    assert not both.duties.service_accounts_may_vote
    assert both.electorate(case(both)).wanted == {"validator": 1, "risk-owner": 1}


def test_a_way_that_one_of_the_policies_does_not_have_is_closed() -> None:
    shorter = policy(("name: team", "name: short"), ("to: production", "to: retired"))
    assert "Stage order: no transition leads to production" in reasons(in_force(TEAM, shorter))


def test_a_lower_priority_does_not_judge_beside_a_higher_one() -> None:
    assert in_force(TEAM, policy(NAME, ("priority: 1", "priority: 2"))).label == "strict/3"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (("developer: {groups: [developer]}", "developer: {groups: [anybody]}"), "the role developer"),
        (("producer: system", "producer: [developer]"), "the evidence type eval_report"),
        (("min_margin: 0.05", "min_margin: 0.0"), "the parameter min_margin"),
        (("{production: production}", "{production: live}"), "the protected alias of production"),
    ],
)
def test_policies_that_contradict_each_other_let_nothing_through(change: tuple[str, str], what: str) -> None:
    found, why = matching([TEAM, policy(NAME, change)], case)
    assert found is None
    assert why == (
        f"Policies strict and team apply together, and cannot be judged together: they say different things of {what}"
    )


def test_policies_with_unlike_tiers_are_not_judged_by_the_lower_one() -> None:
    low = policy(("stages:", "risk_tier: [{tier: low, when: 'true'}]\nstages:"))
    high = policy(NAME, ("stages:", "risk_tier: [{tier: high, when: 'true'}]\nstages:"))
    assert matching([low, high], case)[0] is None


def test_terms_of_votes_are_the_stricter_of_both() -> None:
    one = policy(("stages:", "votes: {expires: P90D, values: [approve, reject, veto]}\nstages:"))
    two = policy(NAME, ("stages:", "votes: {expires: P30D, comment_required_for: [approve, reject]}\nstages:"))
    votes = combined([one, two]).votes
    assert votes.expires == timedelta(days=30)
    assert votes.values == {"approve", "reject", "veto"}
    assert votes.comment_required_for == {"approve", "reject"}


def test_terms_of_a_transition_are_the_stricter_of_both() -> None:
    soon = policy(("    to: production\n", "    to: production\n    wait: PT1H\n"))
    late = policy(NAME, ("    to: production\n", "    to: production\n    wait: P1D\n    conditional: {}\n"))
    production = combined([soon, late]).transitions[1]
    assert production.wait == timedelta(days=1)
    assert production.conditional is None
    renewed = "reattest: {production: {tier_high: %s, grace: %s}}\nstages:"
    often = policy(("stages:", renewed % ("P90D", "P14D")))
    seldom = policy(NAME, ("stages:", renewed % ("P365D", "P1D")))
    both = combined([often, seldom]).reattest
    assert both is not None
    assert dict(both.stages["production"].after) == {"high": timedelta(days=90)}
    assert both.stages["production"].grace == timedelta(days=1)


def test_a_vote_for_one_policy_is_none_for_two() -> None:
    both = in_force(TEAM, STRICT)
    alone = vote("vito", bindings(TEAM))
    assert both.electorate(case(both, votes=(alone,), now=NOW)).eligible() == {}


def test_gates_of_one_name_are_both_asked() -> None:
    ids = [gate.id for gate in combined([TEAM, STRICT]).transitions[1].gates]
    assert ids == ["no-recall", "quality", "strict-no-recall"]


EMERGENCY = (
    "emergency: {role: risk-owner, allowed: [%s], never_skips: [%s], post_review: {within: %s, role: validator}}"
)


def test_a_waiver_is_given_on_the_stricter_terms_of_both() -> None:
    long = policy(("stages:", "waivers: {role: risk-owner, max_duration: P90D}\nstages:"))
    short = policy(NAME, ("stages:", "waivers: {role: risk-owner, quorum: 3, max_duration: P7D}\nstages:"))
    waivers = combined([long, short]).waivers
    assert waivers is not None
    assert (waivers.quorum, waivers.max_duration) == (3, timedelta(days=7))


def test_an_emergency_may_do_what_both_allow_and_skips_what_neither_protects() -> None:
    one = policy(("stages:", EMERGENCY % ("promote, suspend", "quality", "P9D") + "\nstages:"))
    two = policy(
        NAME,
        ("stages:", EMERGENCY % ("promote, rollback_to_previously_approved", "no-recall", "P2D") + "\nstages:"),
        ("require: lineage.recalled == 0, waivable: false", "require: lineage.suspended == 0"),
    )
    both = combined([one, two])
    assert both.emergency is not None
    assert both.emergency.allowed == ("promote",)
    assert both.emergency.post_review is not None
    assert both.emergency.post_review.within == timedelta(days=2)
    assert {"quality", "no-recall", "strict-no-recall"} <= both._never_skipped()
    assert not both.left_out


@pytest.mark.parametrize(
    ("term", "text", "other"),
    [
        ("waivers", "waivers: {role: risk-owner}", "waivers: {role: validator}"),
        (
            "emergency",
            EMERGENCY % ("promote", "quality", "P2D"),
            EMERGENCY.replace("risk-owner", "owner") % ("promote", "quality", "P2D"),
        ),
        ("rejections", "rejections: {overruled_by: risk-owner}", "rejections: {overruled_by: validator}"),
    ],
)
def test_a_way_past_a_rule_that_only_one_policy_has_is_closed_and_said(term: str, text: str, other: str) -> None:
    with_it = policy(("stages:", f"{text}\nstages:"))
    for order in ([with_it, policy(NAME)], [policy(NAME), with_it]):
        both = combined(order)
        assert getattr(both, term) is None
        assert both.left_out[term].endswith("of the policies that apply together, only team has this")
    unlike = combined([with_it, policy(NAME, ("stages:", f"{other}\nstages:"))])
    assert getattr(unlike, term) is None
    assert unlike.left_out[term].endswith("each has other roles")
    assert combined([*[policy(NAME)] * 2, policy()]).left_out == {}


def test_an_approval_with_conditions_that_only_one_policy_allows_is_none_and_said() -> None:
    allowed = policy(("    to: production\n", "    to: production\n    conditional: {}\n"))
    both = combined([allowed, policy(NAME)])
    assert both.left_out == {
        "conditional to production": "There is no approval with conditions to production: of the policies that apply "
        "together, only team has this"
    }


def test_a_status_takes_the_approvals_of_each_policy_by_its_own_rule() -> None:
    """An insider publishes a policy under which nobody has to agree to a change of the status."""
    loose = policy(NAME, ("stages:", "status_changes: {approvals: [], emergency_stop: [owner]}\nstages:"))
    stopping = policy(("stages:", "status_changes: {emergency_stop: [validator], approvals: [{role: owner}]}\nstages:"))
    for order in ([TEAM, loose], [loose, TEAM]):
        way = combined(order).transition("production", "status:deprecated")
        assert way is not None
        assert {row.role for row in way.approvals} == {"validator", "risk-owner"}
    both = combined([loose, stopping])
    assert both.status_changes is not None
    assert set(both.status_changes.emergency_stop) == {"owner", "validator"}
    way = both.transition("production", "status:deprecated")
    assert way is not None
    assert [row.role for row in way.approvals] == ["owner"]
