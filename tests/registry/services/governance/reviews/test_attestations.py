"""Approvals that end: announced, ended early by events, renewed by the people of the policy, or suspended."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.domain.catalog.models import Status
from registry.domain.governance.promotion import RequestState
from registry.domain.governance.recalls import Level, NewRecall
from registry.domain.governance.reviews.attestations import Attestation, Trigger
from registry.domain.governance.reviews.findings import NewFinding, Severity
from registry.domain.governance.reviews.inbox import Errand
from registry.domain.names import VersionRef
from registry.errors import InvalidError, PolicyRefusedError
from registry.services.audit.verbs import Audit
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.recalls.verbs import Recalls
from registry.services.governance.reviews.attestations import call
from registry.services.governance.reviews.due import overdue
from registry.services.governance.reviews.verbs import Reviews
from tests.registry.services.governance.reviews.test_conditions import status
from tests.registry.services.teams import Team, bring_to, put_in_force, ref_of

TRIGGERS = "dataset_recalled, base_model_recalled, licence_changed, policy_major_change, drift_alert, finding_critical"
RULE = f"""
reattest:
  production: {{tier_high: P90D, tier_medium: P180D, grace: P14D}}
  triggers: [{TRIGGERS}]
"""
TEXT = default_policy_text().replace("version: 3", "version: 4", 1)
WITH_RENEWAL = TEXT + RULE


@pytest.fixture
def renewing(team: Team) -> Team:
    put_in_force(team, WITH_RENEWAL)
    return team


def reviews(team: Team, who: str) -> Reviews:
    return Reviews(team.context(who))


def held(team: Team, ref: VersionRef) -> Attestation:
    (value,) = reviews(team, "guest").attestations(ref_of(ref))
    return value


def promoted(team: Team, **fields: object) -> VersionRef:
    ref = team.publish(**fields)  # type: ignore[arg-type]  # of the fake
    bring_to(team, ref, "production")
    return ref


def tick(team: Team) -> list[str]:
    return [one.message for one in reviews(team, "ana").tick().settled]


def agrees(team: Team) -> bool:
    """What the log says and what the database has are the same."""
    return Audit(team.context("root")).verify(state=True).differences == ()


def measured_again(team: Team, ref: VersionRef) -> None:
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})


def test_people_are_asked_before_and_a_version_that_nobody_approves_again_is_suspended_once(renewing: Team) -> None:
    team, start = renewing, renewing.clock.now()
    ref = promoted(team)
    given = held(team, ref).since
    assert held(team, ref).due_at == given + timedelta(days=90)
    assert tick(team) == []
    for days in (60, 76, 87, 90):
        team.clock.set_by(given + timedelta(days=days) - team.clock.now() - timedelta(microseconds=1))
        assert tick(team) == [], "never early"
        team.clock.set_by(timedelta(microseconds=1))
        (said,) = tick(team)
        assert said.startswith(f"The approval of {ref} in production ends on 2027-02-21")
        assert tick(team) == []
    team.clock.set_by(given + timedelta(days=104) - team.clock.now() - timedelta(microseconds=1))
    assert (tick(team), overdue(team.context("ana"))) == ([], 0)
    team.clock.set_by(timedelta(microseconds=1))
    assert overdue(team.context("ana")) == 1
    (said,) = tick(team)
    assert said.startswith(f"Suspended {ref}: its approval in production (req-")
    assert status(team, ref)[0] is Status.SUSPENDED
    team.clock.set_by(start - team.clock.now())
    assert tick(team) == []
    assert team.actions(str(ref)).count("attestation.due") == 4
    assert team.actions(str(ref)).count("attestation.lapsed") == 1
    assert agrees(team)


def test_a_machine_that_slept_says_it_once_and_suspends_at_its_first_look(renewing: Team) -> None:
    ref = promoted(renewing)
    renewing.clock.forward(days=400)
    assert len(tick(renewing)) == 2
    assert status(renewing, ref)[0] is Status.SUSPENDED
    assert tick(renewing) == []


def test_the_same_people_approve_it_again_on_the_facts_of_today(renewing: Team) -> None:
    team = renewing
    ref = promoted(team)
    team.clock.forward(days=92)
    tick(team)
    (waiting,) = reviews(team, "ben").inbox().waiting
    assert (waiting.errand, waiting.title) == (Errand.VOTE, f"{ref} to attest:production")
    assert waiting.due == held(team, ref).due_at
    with pytest.raises(PolicyRefusedError, match="ana uploaded this version"):
        reviews(team, "ana").attest(ref_of(ref))
    half = reviews(team, "ben").attest(ref_of(ref))
    assert "Evidence validation is 92 days old" in " ".join(half.verdict.reasons)
    measured_again(team, ref)
    assert reviews(team, "ben").attest(ref_of(ref)).summary.state is RequestState.OPEN
    done = reviews(team, "carla").attest(ref_of(ref), comment="as good as before")
    assert done.summary.state is RequestState.PROMOTED
    assert team.promotions("guest").explain(done.summary.id).replayed == done.verdict
    assert (team.stage(ref), team.alias("vision/digits")) == ("production", ref)
    assert held(team, ref).due_at == team.clock.now() + timedelta(days=90)
    assert held(team, ref).request == done.summary.id
    assert tick(team) == []
    assert agrees(team)


def test_approving_a_lapsed_version_again_ends_the_suspension_that_this_was_the_reason_of(renewing: Team) -> None:
    team = renewing
    ref = promoted(team)
    team.clock.forward(days=105)
    tick(team)
    measured_again(team, ref)
    reviews(team, "ben").attest(ref_of(ref))
    reviews(team, "carla").attest(ref_of(ref))
    assert status(team, ref)[0] is Status.ACTIVE
    assert agrees(team)


def test_approving_it_again_lifts_no_suspension_that_somebody_else_gave_it(renewing: Team) -> None:
    team = renewing
    ref = promoted(team)
    team.clock.forward(days=105)
    tick(team)
    Recalls(team.context("root")).open(NewRecall(str(ref), Level.QUARANTINE, "looked at"))
    measured_again(team, ref)
    reviews(team, "ben").attest(ref_of(ref))
    reviews(team, "carla").attest(ref_of(ref))
    assert status(team, ref)[0] is not Status.ACTIVE


def test_a_version_that_leaves_its_stage_needs_no_approval_there_any_more(renewing: Team) -> None:
    team = renewing
    ref = promoted(team)
    team.clock.forward(days=61)
    tick(team)
    team.promotions("carla").approve(team.promotions("ana").request(ref_of(ref), "retired").summary.id)
    assert team.stage(ref) == "retired"
    assert reviews(team, "guest").attestations() == []
    assert team.promotions("ana").requests(reference=ref_of(ref), state=RequestState.OPEN).items == []
    team.clock.forward(days=100)
    assert tick(team) == []
    assert agrees(team)


def test_events_ask_for_a_new_approval_at_once(renewing: Team) -> None:
    team = renewing
    ref = promoted(team)
    now = team.clock.now()
    finding = NewFinding("it says seven to everything", Severity.CRITICAL, "ana", "2026-12-24")
    reviews(team, "ben").add_finding(ref_of(ref), finding)
    assert held(team, ref).due_at == now
    assert held(team, ref).cause.endswith("is critical")
    (said,) = tick(team)
    assert "is critical. Approve it again in req-" in said
    assert agrees(team)


def test_a_finding_that_is_not_critical_asks_for_nothing(renewing: Team) -> None:
    ref = promoted(renewing)
    finding = NewFinding("slow", Severity.HIGH, "ana", "2026-12-24")
    reviews(renewing, "ben").add_finding(ref_of(ref), finding)
    assert held(renewing, ref).cause == ""


def test_the_recall_of_a_base_model_asks_for_the_approval_of_what_was_made_from_it(renewing: Team) -> None:
    team = renewing
    parent = team.publish("library/net", accuracy=None)
    ref = promoted(team, parents=[parent])
    Recalls(team.context("root")).open(NewRecall(str(parent), Level.ADVISORY, "look at it"))
    assert held(team, ref).due_at == team.clock.now()
    assert agrees(team)


def test_a_new_version_of_the_policy_asks_for_the_approval_of_what_was_approved_under_an_older(renewing: Team) -> None:
    team = renewing
    ref = promoted(team)
    put_in_force(team, WITH_RENEWAL.replace("version: 4", "version: 5", 1))
    assert held(team, ref).cause == "Version 5 of policy default is in force"
    assert agrees(team)


def test_drift_is_reported_by_a_program_and_a_changed_licence_reaches_what_was_made(renewing: Team) -> None:
    team = renewing
    parent = team.publish("library/net", accuracy=None)
    ref = promoted(team, parents=[parent])
    assert reviews(team, "ana").report_for_attestation(ref_of(parent), "drift_alert", reason="moved") == []
    assert held(team, ref).cause == ""
    (reached,) = reviews(team, "robot").report_for_attestation(ref_of(parent), "licence_changed", reason="NC now")
    assert (reached.ref, reached.cause) == (ref, "NC now")
    with pytest.raises(InvalidError, match="'dataset_recalled' is nothing to report"):
        reviews(team, "ana").report_for_attestation(ref_of(ref), "dataset_recalled", reason="x")
    with pytest.raises(InvalidError):
        reviews(team, "ana").report_for_attestation(ref_of(ref), "drift_alert", reason=" ")
    assert agrees(team)


def test_a_trigger_that_the_policy_does_not_name_asks_for_nothing(team: Team) -> None:
    put_in_force(team, TEXT + "\nreattest: {production: {tier_high: P90D}}\n")
    ref = promoted(team)
    with team.open_uow(actor="ana", write=True) as uow:
        assert list(call(uow, [ref], Trigger.DRIFT_ALERT, "moved", team.clock.now())) == []
    assert held(team, ref).cause == ""


def test_a_changed_due_date_in_the_database_is_seen_by_the_log(renewing: Team) -> None:
    team = renewing
    ref = promoted(team)
    with team.open_uow(actor="root", write=True) as uow:
        value = uow.reviews.attestation(ref)
        assert value is not None
        uow.reviews.save_attestation(value.called("x", team.clock.now()))
        uow.commit_unaudited()
    (difference,) = Audit(team.context("root")).verify(state=True).differences
    assert f"attestation of {ref}" in difference
