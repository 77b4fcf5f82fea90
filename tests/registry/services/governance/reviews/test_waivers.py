"""Waivers: one gate, these files, several people, a time; and nothing that is made from them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.domain.governance.promotion import RequestState
from registry.domain.governance.reviews.inbox import Errand
from registry.domain.governance.reviews.waivers import NewWaiver, Waiver
from registry.domain.names import VersionRef
from registry.errors import ConflictError, InvalidError, PermissionDeniedError, PolicyRefusedError
from registry.services.audit.verbs import Audit
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.reviews.verbs import Reviews
from registry.services.governance.reviews.waivers import objections_to
from tests.registry.services.teams import Team, bring_to, grant, put_in_force, ref_of

WITH_WAIVERS = default_policy_text().replace("version: 3", "version: 4", 1) + (
    "\nwaivers: {role: risk-owner, quorum: 2, max_duration: P30D}\n"
)
WISH = NewWaiver("better-than-guessing", "the test set is being mended", "2026-12-10")


@pytest.fixture
def open_team(team: Team) -> Team:
    """The team under the policy with waivers; vera is a second risk owner."""
    put_in_force(team, WITH_WAIVERS)
    grant(team, "vera", "risk-owner")
    return team


def reviews(team: Team, who: str) -> Reviews:
    return Reviews(team.context(who))


def asked(team: Team, accuracy: float = 0.42) -> tuple[VersionRef, Waiver]:
    """A version no better than guessing, and the waiver that somebody asks for it."""
    ref = team.publish(accuracy=accuracy)
    bring_to(team, ref, "candidate")
    return ref, reviews(team, "ana").ask_for_waiver(ref_of(ref), WISH)


def granted(team: Team) -> tuple[VersionRef, Waiver]:
    ref, waiver = asked(team)
    reviews(team, "carla").approve_waiver(waiver.id, comment="for two weeks")
    return ref, reviews(team, "vera").approve_waiver(waiver.id)


def test_a_gate_is_waived_once_two_people_agree_and_the_verdict_says_so(open_team: Team) -> None:
    team = open_team
    ref, waiver = asked(team)
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    assert reviews(team, "carla").approve_waiver(waiver.id).granted_at is None
    assert team.promotions("ben").approve(request).summary.state is RequestState.OPEN
    assert reviews(team, "vera").approve_waiver(waiver.id).granted_at == team.clock.now()
    stale = team.promotions("ana").request_detail(request)
    assert [vote.stale for vote in stale.votes] == [True]
    assert f"the gates that are waived for it were none and are better-than-guessing ({waiver.id})" in stale.warnings[0]
    decided = team.promotions("ben").approve(request)
    assert (decided.summary.state, team.stage(ref)) == (RequestState.PROMOTED, "validated")
    (gate,) = [check for check in decided.verdict.checks if check.id == "better-than-guessing"]
    assert gate.passed
    assert f"waived until 2026-12-11 00:00 UTC by carla and vera ({waiver.id}): the test set" in gate.message
    assert team.promotions("guest").explain(request).replayed == decided.verdict
    assert Audit(team.context("root")).verify(state=True).differences == ()


def test_who_asked_who_made_it_one_person_twice_and_services_do_not_waive(open_team: Team) -> None:
    team = open_team
    ref, waiver = asked(team)
    grant(team, "ana", "risk-owner")
    grant(team, "dora", "risk-owner")
    team.people("root").link("dora", "carla")
    reviews(team, "carla").approve_waiver(waiver.id)
    for who, why in (
        ("ana", "ana made the version; ana asked for it"),
        ("carla", "carla has approved it already"),
        ("dora", "dora has approved it already"),
        ("robot", "robot is a service account"),
        ("ben", "ben does not hold the role that waives gates: risk-owner"),
    ):
        with pytest.raises(PolicyRefusedError, match=why):
            reviews(team, who).approve_waiver(waiver.id)
    assert reviews(team, "guest").waiver(waiver.id).granted_at is None
    assert reviews(team, "vera").approve_waiver(waiver.id).granted_at is not None
    with pytest.raises(ConflictError, match="is in force already"):
        reviews(team, "vera").approve_waiver(waiver.id)
    other = reviews(team, "vera").ask_for_waiver(ref_of(ref), NewWaiver("claims-stand", "why", "2026-12-01"))
    with team.open_uow(actor="root") as uow:
        person = uow.people.get("vera")
        assert person is not None
        assert objections_to(uow, other, person, team.clock.now()) == ("vera asked for it",)


def test_an_approval_by_somebody_who_lost_the_role_or_is_who_asked_does_not_count(open_team: Team) -> None:
    team = open_team
    grant(team, "dora", "risk-owner")
    grant(team, "ben", "risk-owner")
    ref = team.publish(accuracy=0.42)
    bring_to(team, ref, "candidate")
    waiver = reviews(team, "ben").ask_for_waiver(ref_of(ref), WISH)
    reviews(team, "carla").approve_waiver(waiver.id)
    team.people("root").revoke("carla", "risk-owner")
    assert reviews(team, "vera").approve_waiver(waiver.id).granted_at is None
    team.people("root").link("vera", "ben")
    assert reviews(team, "dora").approve_waiver(waiver.id).granted_at is None


def test_a_waiver_is_for_these_files_and_descendants_say_that_their_parent_carries_it(open_team: Team) -> None:
    team = open_team
    ref, waiver = granted(team)
    child = team.publish("vision/child", accuracy=0.42, parents=[ref])
    bring_to(team, child, "candidate")
    request = team.promotions("ana").request(ref_of(child), "validated")
    assert any(check.id == "better-than-guessing" and not check.passed for check in request.verdict.checks)
    told = f"{ref}, from which this was made, carries a waiver: gate better-than-guessing is waived until 2026-12-11"
    assert [one for one in request.warnings if one.startswith(told)], request.warnings
    board = reviews(team, "guest").waivers(ref_of(child))
    assert (board.own, [one.id for one in board.ancestors]) == ((), [waiver.id])
    newer = team.publish(accuracy=0.42, content="other bytes")
    bring_to(team, newer, "candidate")
    again = team.promotions("ana").request(ref_of(newer), "validated")
    assert any(check.id == "better-than-guessing" and not check.passed for check in again.verdict.checks)
    team.clock.forward(days=40)
    assert reviews(team, "guest").waivers(ref_of(child)).ancestors == ()


def test_a_waiver_ends_with_its_last_day_or_when_it_is_ended(open_team: Team) -> None:
    team = open_team
    ref, waiver = granted(team)
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    team.clock.set_by(waiver.until_at - team.clock.now() - timedelta(microseconds=1))
    assert team.promotions("ana").request_detail(request).verdict.reasons == ("0 of 1 validator approvals",)
    team.clock.set_by(timedelta(microseconds=1))
    assert len(team.promotions("ana").request_detail(request).verdict.reasons) == 2
    team.clock.set_by(-timedelta(days=1))
    with pytest.raises(PermissionDeniedError):
        reviews(team, "ben").end_waiver(waiver.id, comment="no")
    with pytest.raises(InvalidError):
        reviews(team, "carla").end_waiver(waiver.id, comment=" ")
    assert reviews(team, "carla").end_waiver(waiver.id, comment="mended").ended_by == "carla"
    assert len(team.promotions("ana").request_detail(request).verdict.reasons) == 2
    with pytest.raises(ConflictError, match="is ended already"):
        reviews(team, "carla").end_waiver(waiver.id, comment="twice")
    assert Audit(team.context("root")).verify(state=True).differences == ()


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (NewWaiver("no-recall", "why", "2026-12-01"), "says that gate no-recall is not waivable"),
        (NewWaiver("no-wors", "why", "2026-12-01"), "has no gate 'no-wors', did you mean"),
        (NewWaiver("no-worse", "why", "2027-01-01"), "lasts until 2026-12-23 09:3. UTC at the longest"),
    ],
)
def test_what_the_policy_lets_nobody_waive_is_refused(open_team: Team, wish: NewWaiver, why: str) -> None:
    with pytest.raises(PolicyRefusedError, match=why):
        reviews(open_team, "ana").ask_for_waiver(ref_of(open_team.publish()), wish)


def test_a_policy_without_waivers_gives_none_and_a_day_that_is_past_is_refused(team: Team) -> None:
    ref = team.publish()
    with pytest.raises(PolicyRefusedError, match="Policy default/3 has no waivers"):
        reviews(team, "ana").ask_for_waiver(ref_of(ref), WISH)
    with pytest.raises(InvalidError, match="is past"):
        reviews(team, "ana").ask_for_waiver(ref_of(ref), NewWaiver("no-worse", "why", "2026-11-01"))
    with pytest.raises(PermissionDeniedError):
        reviews(team, "guest").ask_for_waiver(ref_of(ref), WISH)


def test_a_waiver_waits_in_the_inbox_of_those_who_can_agree_and_is_asked_for_once(open_team: Team) -> None:
    team = open_team
    ref, waiver = asked(team)
    assert [item.id for item in reviews(team, "carla").inbox().waiting if item.errand is Errand.WAIVER] == [waiver.id]
    assert reviews(team, "ana").inbox().waiting == ()
    with pytest.raises(ConflictError, match="or asks for it, already"):
        reviews(team, "dora").ask_for_waiver(ref_of(ref), WISH)
    assert reviews(team, "guest").waivers().own == (waiver,)
    team.clock.forward(days=40)
    assert reviews(team, "guest").waivers().own == ()
    with pytest.raises(ConflictError, match="is expired already"):
        reviews(team, "carla").approve_waiver(waiver.id)


def test_the_role_that_waives_gates_is_granted_by_two_people(open_team: Team) -> None:
    policy = WITH_WAIVERS.replace("version: 4", "version: 5").replace(
        "waivers: {role: risk-owner", "waivers: {role: legal"
    )
    put_in_force(open_team, policy.replace("roles:", "roles:\n  legal: {groups: [legal]}", 1))
    assert open_team.people("root").grant("dora", "legal").offered == ("legal",)
