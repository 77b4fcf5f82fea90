"""The faults of evidence and votes that people met: a failing report, a lost vote, and votes that become stale."""

from __future__ import annotations

import pytest

from registry.domain.governance.promotion import RequestState
from registry.errors import InvalidError
from tests.registry.services.teams import Team, bring_to, grant, put_in_force, ref_of

STRICT = "checking_evidence: [validation]"


def make_strict(team: Team) -> None:
    """From now on whoever writes a validation report may not vote, and ben is the only validator."""
    text = team.promotions("root").policy("default").text
    put_in_force(team, text.replace("version: 3", "version: 4").replace(STRICT, "# none"))
    team.people("root").revoke("vera", "validator")


def test_a_failing_validation_report_and_two_approvals_promote_nothing(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    facts = {"result": "fail", "note": "do not ship"}
    team.promotions("dora").add_evidence(ref_of(ref), "validation", facts)
    request = team.promotions("ana").request(ref_of(ref), "production").summary.id
    team.promotions("ben").approve(request)
    shown = team.promotions("carla").approve(request)
    assert (shown.summary.state, team.stage(ref)) == (RequestState.OPEN, "validated")
    assert shown.verdict.reasons == (
        "The newest validation report has the result pass: evidence.validation.result = fail "
        '(evidence.validation.result == "pass")',
    )
    messages = [check.message for check in shown.verdict.checks]
    assert "Evidence validation provided: note = do not ship, result = fail" in messages


def test_a_newer_report_that_passes_is_judged_and_the_one_that_failed_is_named(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    for who, result in (("vera", "fail"), ("dora", "pass")):
        team.clock.forward(minutes=1)
        team.promotions(who).add_evidence(ref_of(ref), "validation", {"result": result})
    request = team.promotions("ana").request(ref_of(ref), "production")
    assert request.warnings == (
        "The newest validation evidence, by dora, has result = pass; an earlier one by vera has result = fail",
    )
    assert request.verdict.reasons == ("0 of 1 validator approvals", "0 of 1 risk-owner approvals")


@pytest.mark.parametrize(
    ("type_", "facts", "problem"),
    [
        ("validation", {"reslt": "pass"}, "unknown field 'reslt', did you mean 'result'"),
        ("validation", {"note": "fine"}, "result is required"),
        ("validation", {"result": "passed"}, "result must be pass or fail, not 'passed'"),
        ("model_card", {"result": "pass"}, "unknown field 'result': there are card; card is required"),
    ],
)
def test_evidence_that_does_not_fit_its_form_is_refused_with_the_form(
    team: Team, type_: str, facts: dict[str, object], problem: str
) -> None:
    ref = team.publish()
    before = team.actions()
    with pytest.raises(InvalidError) as refusal:
        team.promotions("dora").add_evidence(ref_of(ref), type_, facts)
    assert problem in refusal.value.message
    assert refusal.value.remedy.startswith(f"The form of {type_}: ")
    assert team.actions() == before


def test_with_one_validator_who_writes_the_report_the_default_policy_is_not_stuck(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    team.people("root").revoke("vera", "validator")
    added = team.promotions("ben").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    assert added.warnings == ()
    request = team.promotions("ana").request(ref_of(ref), "production")
    assert request.warnings == ()
    team.promotions("ben").approve(request.summary.id)
    assert team.promotions("carla").approve(request.summary.id).summary.state is RequestState.PROMOTED


def test_a_validator_learns_before_the_request_that_writing_the_report_costs_the_vote(team: Team) -> None:
    make_strict(team)
    ref = team.publish()
    bring_to(team, ref, "validated")
    (warning,) = team.promotions("ben").add_evidence(ref_of(ref), "validation", {"result": "pass"}).warnings
    assert warning == (
        "ben wrote evidence about it: nobody approves their own work. A promotion to production needs another voter: "
        "grant the role to someone else: forebear role grant PERSON validator"
    )
    (again,) = team.promotions("ana").request(ref_of(ref), "production").warnings
    assert again == (
        "A promotion to production needs 1 validator approval, and nobody can give it (ben wrote evidence about it: "
        "nobody approves their own work). Way out: grant the role to someone else: forebear role grant PERSON validator"
    )


def test_who_can_still_vote_is_named_when_somebody_loses_the_vote(team: Team) -> None:
    make_strict(team)
    grant(team, "vera", "validator")
    ref = team.publish()
    bring_to(team, ref, "validated")
    request = team.promotions("ana").request(ref_of(ref), "production")
    assert request.voters["validator"] == ("ben", "vera")
    (warning,) = team.promotions("ben").add_evidence(ref_of(ref), "validation", {"result": "pass"}).warnings
    assert warning.endswith("needs another voter: validator approvals can still come from vera")
    assert team.promotions("ana").request_detail(request.summary.id).voters["validator"] == ("vera",)


def test_a_vote_while_evidence_is_missing_is_taken_with_a_warning(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    request = team.promotions("ana").request(ref_of(ref), "production").summary.id
    voted = team.promotions("ben").approve(request)
    assert [vote.voter for vote in voted.votes] == ["ben"]
    assert voted.warnings == (
        "Evidence validation is still needed: an approval given now becomes stale when it is added, and must then be "
        "given again",
    )


def test_when_evidence_arrives_everybody_learns_whose_votes_are_stale(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    ana, ben = team.promotions("ana"), team.promotions("ben")
    request = ana.request(ref_of(ref), "production").summary.id
    ben.approve(request)
    assert ana.requests(state=RequestState.OPEN).items[0].stale_votes == ()
    team.clock.forward(minutes=1)
    stale = "The approval of ben is stale because the evidence changed since: ben needs to approve again"
    assert team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"}).warnings == (stale,)
    assert ana.request_detail(request).warnings == (stale,)
    assert ana.requests(state=RequestState.OPEN).items[0].stale_votes == ("ben",)
    team.clock.forward(minutes=1)
    assert ben.approve(request).warnings == ()
    assert ana.requests(state=RequestState.OPEN).items[0].stale_votes == ()
    team.promotions("carla").approve(request)
    assert ana.requests(state=RequestState.PROMOTED).items[0].stale_votes == ()
