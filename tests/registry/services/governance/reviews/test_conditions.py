"""Approval with conditions: what may be attached, and what an overdue condition does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.domain.catalog.models import Status
from registry.domain.governance.promotion import RequestDetail, RequestState, VoteValue
from registry.domain.governance.reviews.findings import NewFinding, Severity
from registry.domain.names import VersionRef
from registry.errors import InvalidError, PolicyRefusedError
from registry.services.audit.verbs import Audit
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.reviews.conditions import broken_conditions
from registry.services.governance.reviews.verbs import Reviews
from tests.registry.services.teams import Team, bring_to, put_in_force, ref_of

WITH_CONDITIONS = (
    default_policy_text()
    .replace("version: 3", "version: 4", 1)
    .replace(
        "    to: production\n    evidence:",
        "    to: production\n    conditional: {allowed: true, max_open_findings: 2, max_due: P30D}\n    evidence:",
    )
)
CONDITION = NewFinding("retrain with slanted sevens", Severity.MEDIUM, "ana", "2026-12-01")


def asked(team: Team, name: str = "vision/digits") -> tuple[VersionRef, str]:
    """A version that lacks the two approvals for production, under the policy with conditions."""
    with team.open_uow(actor="root") as uow:
        newest = uow.governance.policy("default")
    if newest is not None and newest.version == 3:
        put_in_force(team, WITH_CONDITIONS)
    ref = team.publish(name)
    bring_to(team, ref, "validated")
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    return ref, team.promotions("ana").request(ref_of(ref), "production").summary.id


def promoted(team: Team) -> tuple[VersionRef, str, RequestDetail]:
    ref, request = asked(team)
    team.promotions("ben").approve(request)
    return ref, request, team.promotions("carla").approve(request, conditions=[CONDITION])


def status(team: Team, ref: VersionRef) -> tuple[Status, str]:
    with team.open_uow(actor="root") as uow:
        version = uow.catalog.version(ref)
    assert version is not None
    return version.summary.status, version.status_reason


def test_an_approval_with_conditions_promotes_and_leaves_findings_with_an_owner_and_a_day(team: Team) -> None:
    ref, request, decided = promoted(team)
    assert (decided.summary.state, team.stage(ref)) == (RequestState.PROMOTED, "production")
    (finding,) = decided.findings
    assert (finding.condition, finding.raised_by, finding.owner, finding.request) == (True, "carla", "ana", request)
    vote = decided.votes[-1]
    assert (vote.value, vote.conditions) == (VoteValue.APPROVE_WITH_CONDITIONS, (finding.id,))
    assert team.actions(str(ref))[-4:-1] == [
        "promotion.approved_with_conditions",
        "finding.raised",
        "model_version.promoted",
    ]
    assert team.promotions("guest").explain(request).replayed.allowed
    assert Audit(team.context("root")).verify(state=True).differences == ()


def test_an_overdue_condition_revokes_the_promotion_and_suspends_the_version_once(team: Team) -> None:
    ref, request, decided = promoted(team)
    (finding,) = decided.findings
    reviews = Reviews(team.context("ana"))
    team.clock.set_by(finding.due_at - team.clock.now() - timedelta(seconds=1))
    assert reviews.tick().settled == (), "never before its day is over"
    team.clock.forward(days=3)
    (settled,) = reviews.tick().settled
    assert settled.subject == str(ref)
    assert settled.message.startswith(f"Suspended {ref}: finding {finding.id} (medium, for ana, due 2026-12-02")
    assert reviews.tick().settled == ()
    now, reason = status(team, ref)
    assert (now, f"the approval of carla for {request} is revoked" in reason) == (Status.SUSPENDED, True)
    assert team.promotions("guest").request_detail(request).summary.state is RequestState.REVOKED
    assert team.promotions("guest").explain(request).replayed.allowed, "the decision was right when it was made"
    assert team.actions(str(ref))[-2:] == ["promotion.revoked", "model_version.suspended"]
    assert Audit(team.context("root")).search(action="promotion.revoked").items[0].actor == "system"
    assert Audit(team.context("root")).verify(state=True).differences == ()


def test_a_condition_that_was_met_in_time_changes_nothing(team: Team) -> None:
    ref, _, decided = promoted(team)
    Reviews(team.context("carla")).resolve_finding(decided.findings[0].id, comment="seen")
    team.clock.forward(days=60)
    assert Reviews(team.context("ana")).tick().settled == ()
    assert status(team, ref)[0] is Status.ACTIVE


def test_a_condition_that_is_met_too_late_has_revoked_the_promotion_all_the_same(team: Team) -> None:
    ref, request, decided = promoted(team)
    team.clock.forward(days=60)
    Reviews(team.context("carla")).resolve_finding(decided.findings[0].id, comment="seen late")
    assert status(team, ref)[0] is Status.SUSPENDED
    assert team.promotions("guest").request_detail(request).summary.state is RequestState.REVOKED


def test_a_clock_that_is_set_back_revokes_nothing_again_and_takes_nothing_back(team: Team) -> None:
    ref, _, _ = promoted(team)
    team.clock.set_by(timedelta(days=30))
    assert len(Reviews(team.context("ana")).tick().settled) == 1
    team.clock.set_by(-timedelta(days=30))
    assert Reviews(team.context("ana")).tick().settled == ()
    assert status(team, ref)[0] is Status.SUSPENDED


def test_an_approval_of_an_open_request_does_not_count_once_its_condition_is_overdue(team: Team) -> None:
    _, request = asked(team)
    carla, ben = team.promotions("carla"), team.promotions("ben")
    (finding,) = carla.approve(request, conditions=[CONDITION]).findings
    team.clock.set_by(finding.due_at - team.clock.now())
    voted = ben.approve(request)
    assert voted.summary.state is RequestState.OPEN
    assert any("its condition, finding" in reason for reason in voted.verdict.reasons)
    assert Reviews(team.context("carla")).inbox().stale[0].id == request
    assert Reviews(team.context("ana")).tick().settled == (), "nothing was promoted, so nothing is revoked"


def test_a_version_that_is_not_in_its_stage_any_more_is_not_suspended(team: Team) -> None:
    ref, request, _ = promoted(team)
    retire = team.promotions("ana").request(ref_of(ref), "retired").summary.id
    team.promotions("carla").approve(retire)
    team.clock.forward(days=60)
    (settled,) = Reviews(team.context("ana")).tick().settled
    assert settled.message.startswith(f"Revoked {request}")
    assert status(team, ref)[0] is Status.ACTIVE


def test_a_policy_says_whether_how_many_and_how_late_conditions_may_be(team: Team) -> None:
    plain = team.publish("vision/plain")
    bring_to(team, plain, "candidate")
    request = team.promotions("ana").request(ref_of(plain), "validated").summary.id
    with pytest.raises(PolicyRefusedError, match="takes no approval with conditions"):
        team.promotions("ben").approve(request, conditions=[CONDITION])
    _, request = asked(team)
    with pytest.raises(PolicyRefusedError, match="0 findings are open already, and 2 may be"):
        team.promotions("carla").approve(request, conditions=[CONDITION] * 3)
    late = NewFinding("later", Severity.LOW, "ana", "2026-12-31")
    with pytest.raises(PolicyRefusedError, match="due by 2026-12-23 at the latest"):
        team.promotions("carla").approve(request, conditions=[late])
    with pytest.raises(InvalidError, match="is past"):
        team.promotions("carla").approve(request, conditions=[NewFinding("x", Severity.LOW, "ana", "2026-11-01")])
    with pytest.raises(PolicyRefusedError, match="nobody approves their own work"):
        team.promotions("ana").approve(request, conditions=[CONDITION])
    with team.open_uow(actor="root") as uow:
        assert uow.reviews.findings_about(plain) == []
        assert broken_conditions(uow, team.clock.now()) == []


def test_a_rollback_does_not_keep_a_version_whose_condition_is_overdue(team: Team) -> None:
    ref, request, decided = promoted(team)
    Reviews(team.context("carla")).roll_back(ref_of(ref), comment="back")
    team.clock.set_by(decided.findings[0].due_at - team.clock.now())
    Reviews(team.context("ana")).tick()
    assert status(team, ref)[0] is Status.SUSPENDED
    assert team.promotions("ana").request_detail(request).summary.state is RequestState.REVOKED
