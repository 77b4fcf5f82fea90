"""Emergencies: a fresh sign-in, an incident, what is never passed over, and the review that has to follow."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.domain.audit import Event
from registry.domain.catalog.models import Status
from registry.domain.governance.promotion import RequestDetail, RequestState
from registry.domain.governance.recalls import Level, NewRecall
from registry.domain.governance.reviews.bypasses import Emergency
from registry.domain.governance.reviews.inbox import Errand
from registry.domain.names import VersionRef
from registry.errors import ConflictError, InvalidError, NotFoundError, PolicyRefusedError, UnauthenticatedError
from registry.services.audit.verbs import Audit
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.recalls.verbs import Recalls
from registry.services.governance.reviews.emergencies import is_told, lapsing_emergencies, objections_to_review
from registry.services.governance.reviews.verbs import Reviews
from tests.registry.services.governance.reviews.test_conditions import status
from tests.registry.services.teams import Team, bring_to, grant, put_in_force, ref_of

RULE = """
emergency:
  role: risk-owner
  allowed: [promote, rollback_to_previously_approved]
  never_skips: [claims-stand]
  expires: PT24H
  post_review: {within: P3D, role: validator, quorum: 2}
"""
WITH_EMERGENCY = default_policy_text().replace("version: 3", "version: 4", 1) + RULE


@pytest.fixture
def open_team(team: Team) -> Team:
    put_in_force(team, WITH_EMERGENCY)
    return team


def reviews(team: Team, who: str) -> Reviews:
    return Reviews(team.context(who))


def token(team: Team, who: str) -> str:
    return team.people(who).create_token(who, label="anew").secret


def declare(team: Team, ref: VersionRef, who: str = "carla", **changes: str) -> RequestDetail:
    said = {"incident": "INC-7", "reason": "version 1 is down", "token": token(team, who), **changes}
    return reviews(team, who).promote_in_emergency(ref_of(ref), "production", **said)


def declared(team: Team) -> tuple[VersionRef, RequestDetail, Emergency]:
    """A version without evidence and votes, which carla has put into production."""
    ref = team.publish()
    bring_to(team, ref, "validated")
    done = declare(team, ref)
    (emergency,) = reviews(team, "guest").emergencies(ref_of(ref))
    return ref, done, emergency


def test_an_emergency_promotes_without_votes_and_names_what_it_passed_over(open_team: Team) -> None:
    team = open_team
    ref, done, emergency = declared(team)
    assert (done.summary.state, team.stage(ref), team.alias("vision/digits")) == ("promoted", "production", ref)
    passed = [
        check.id for check in done.verdict.checks if "Passed over in the emergency INC-7 by carla" in check.message
    ]
    assert passed == ["validation", "validation-passed", "validator", "risk-owner"]
    assert team.promotions("guest").explain(done.summary.id).replayed == done.verdict
    assert (emergency.by, emergency.incident, emergency.request) == ("carla", "INC-7", done.summary.id)
    assert emergency.due_at == team.clock.now() + timedelta(hours=24), "it expires before its review is due"
    assert str(emergency).startswith("carla promoted it in the emergency INC-7 without votes")
    assert Audit(team.context("root")).verify(state=True).differences == ()


def test_an_emergency_that_nobody_reviews_suspends_itself_once(open_team: Team) -> None:
    team = open_team
    ref, _, emergency = declared(team)
    team.clock.set_by(emergency.due_at - team.clock.now() - timedelta(microseconds=1))
    assert reviews(team, "ana").tick().settled == ()
    team.clock.set_by(timedelta(microseconds=1))
    (settled,) = reviews(team, "ana").tick().settled
    assert settled.message.startswith(f"Suspended {ref}: the emergency INC-7 ({emergency.id}) was not reviewed by")
    assert status(team, ref)[0] is Status.SUSPENDED
    assert reviews(team, "ana").tick().settled == ()
    with pytest.raises(ConflictError, match="too late"):
        reviews(team, "ben").review_emergency(emergency.id, comment="fine")
    assert Audit(team.context("root")).verify(state=True).differences == ()


def test_two_people_who_had_no_hand_in_it_review_it_and_then_it_stays(open_team: Team) -> None:
    team = open_team
    ref, _, emergency = declared(team)
    grant(team, "carla", "validator")
    grant(team, "ana", "validator")
    for who, why in (
        ("carla", "carla declared it"),
        ("ana", "ana made the version"),
        ("robot", "robot is a service account"),
        ("dora", "dora does not hold the role validator"),
    ):
        with pytest.raises(PolicyRefusedError, match=why):
            reviews(team, who).review_emergency(emergency.id, comment="fine")
    assert [item.errand for item in reviews(team, "ben").inbox().waiting] == [Errand.EMERGENCY]
    assert reviews(team, "ben").review_emergency(emergency.id, comment="seen").reviewed_at is None
    with pytest.raises(PolicyRefusedError, match="ben has reviewed it already"):
        reviews(team, "ben").review_emergency(emergency.id, comment="again")
    assert reviews(team, "vera").review_emergency(emergency.id, comment="seen").reviewed_at == team.clock.now()
    team.clock.forward(days=30)
    assert reviews(team, "ana").tick().settled == ()
    assert status(team, ref)[0] is Status.ACTIVE
    with team.open_uow(actor="root") as uow:
        assert lapsing_emergencies(uow, team.clock.now()) == []
        person = uow.people.get("guest")
        assert person is not None
        assert objections_to_review(uow, emergency, person) == ("guest does not hold the role validator",)
    assert Audit(team.context("root")).verify(state=True).differences == ()


def test_a_review_by_somebody_who_lost_the_role_since_does_not_count(open_team: Team) -> None:
    team = open_team
    _, _, emergency = declared(team)
    reviews(team, "ben").review_emergency(emergency.id, comment="seen")
    team.people("root").revoke("ben", "validator")
    assert reviews(team, "vera").review_emergency(emergency.id, comment="seen").reviewed_at is None
    grant(team, "dora", "validator")
    assert reviews(team, "dora").review_emergency(emergency.id, comment="seen").reviewed_at == team.clock.now()


def test_an_emergency_takes_a_fresh_sign_in_of_the_same_person_an_incident_and_a_reason(open_team: Team) -> None:
    team = open_team
    ref = team.publish()
    bring_to(team, ref, "validated")
    old = team.people("carla").create_token("carla", label="old")
    team.people("carla").revoke_token(old.summary.id)
    for wrong in ("", "fbr_no", token(team, "ben"), old.secret):
        with pytest.raises(UnauthenticatedError, match="a fresh sign-in"):
            declare(team, ref, token=wrong)
    for missing in ("incident", "reason"):
        with pytest.raises(InvalidError):
            declare(team, ref, **{missing: " "})
    assert team.stage(ref) == "validated"


def test_an_emergency_is_in_the_inbox_of_those_whom_the_policy_has_told_while_it_is_open(team: Team) -> None:
    put_in_force(
        team, WITH_EMERGENCY.replace("  expires: PT24H", "  expires: PT24H\n  notify: [developer, risk-owner]")
    )
    ref, _, emergency = declared(team)
    for who, title in (
        ("dora", [f"{ref} was promoted without votes"]),
        ("ben", [f"Review of {ref}"]),
        ("carla", []),
        ("guest", []),
    ):
        assert [item.title for item in reviews(team, who).inbox().waiting] == title, who
    with team.open_uow(actor="root") as uow:
        dora = uow.people.get("dora")
        assert dora is not None
        assert is_told(uow, emergency, dora)
    team.clock.forward(days=2)
    reviews(team, "ana").tick()
    assert reviews(team, "dora").inbox().waiting == ()


def test_what_is_not_waivable_and_what_the_policy_never_skips_holds_in_an_emergency(open_team: Team) -> None:
    team = open_team
    parent = team.publish("library/net", accuracy=None)
    ref = team.publish(parents=[parent])
    bring_to(team, ref, "validated")
    with team.open_uow(actor="root", write=True) as uow:
        uow.catalog.set_status(parent, Status.RECALLED, "poisoned", at=team.clock.now())
        uow.commit(Event("model_version.recalled", str(parent), {}))
    with pytest.raises(PolicyRefusedError, match="even in the emergency INC-7 by carla: No ancestor is recalled"):
        declare(team, ref)
    assert team.stage(ref) == "validated"
    fresh = team.publish("vision/fresh")
    with pytest.raises(PolicyRefusedError, match="production follows validated or production"):
        declare(team, fresh)


def test_a_rejection_that_stands_is_not_passed_over(open_team: Team) -> None:
    team = open_team
    ref = team.publish()
    bring_to(team, ref, "validated")
    request = team.promotions("ana").request(ref_of(ref), "production").summary.id
    with pytest.raises(ConflictError, match="is open: req-"):
        declare(team, ref)
    team.promotions("ben").reject(request, comment="it leaks")
    with pytest.raises(PolicyRefusedError, match="it leaks"):
        declare(team, ref)


def test_only_who_the_policy_names_and_nobody_who_made_it_declares_an_emergency(open_team: Team) -> None:
    team = open_team
    ref = team.publish()
    bring_to(team, ref, "validated")
    grant(team, "ana", "risk-owner")
    with pytest.raises(PolicyRefusedError, match="ana made the version"):
        declare(team, ref, "ana")
    with pytest.raises(PolicyRefusedError, match="ben does not hold the role risk-owner"):
        declare(team, ref, "ben")


def test_a_policy_without_emergencies_has_none(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    with pytest.raises(PolicyRefusedError, match="Policy default/3 allows no promotion in an emergency"):
        declare(team, ref)


def test_what_was_replaced_since_is_closed_and_not_suspended(open_team: Team) -> None:
    team = open_team
    ref, _, emergency = declared(team)
    team.promotions("carla").approve(team.promotions("ana").request(ref_of(ref), "retired").summary.id)
    team.clock.forward(days=2)
    (settled,) = reviews(team, "ana").tick().settled
    assert settled.message.startswith(f"Closed {emergency.id}")
    assert status(team, ref)[0] is Status.ACTIVE
    assert RequestState.PROMOTED is team.promotions("guest").request_detail(emergency.request).summary.state


def test_a_rollback_makes_no_approval_of_an_emergency_that_nobody_reviewed(open_team: Team) -> None:
    ref, _, emergency = declared(open_team)
    with pytest.raises(NotFoundError, match="never approved"):
        reviews(open_team, "carla").roll_back(ref_of(ref), comment="so that it stays")
    reviews(open_team, "ben").review_emergency(emergency.id, comment="right")
    reviews(open_team, "vera").review_emergency(emergency.id, comment="right")
    assert reviews(open_team, "carla").roll_back(ref_of(ref), comment="back").summary.state is RequestState.PROMOTED


def test_a_second_emergency_does_not_prolong_the_first(open_team: Team) -> None:
    ref, _, emergency = declared(open_team)
    open_team.clock.set_by(emergency.due_at - open_team.clock.now() - timedelta(hours=1))
    declare(open_team, ref, incident="INC-8")
    open_team.clock.forward(hours=1)
    reviews(open_team, "ana").tick()
    assert status(open_team, ref)[0] is Status.SUSPENDED


def test_a_recall_moves_no_alias_to_what_came_there_in_an_emergency_that_nobody_reviewed(open_team: Team) -> None:
    team = open_team
    declared(team)
    newest = team.publish()
    bring_to(team, newest, "production")
    Recalls(team.context("root")).open(NewRecall(str(newest), Level.RECALL, "no consent"))
    assert team.alias("vision/digits") == newest


def test_a_review_by_somebody_who_lost_the_role_is_listed_and_no_longer_counted(open_team: Team) -> None:
    team = open_team
    ref, _, emergency = declared(team)
    reviews(team, "ben").review_emergency(emergency.id, comment="seen")
    assert reviews(team, "guest").emergency(emergency.id).counted == 1
    team.people("root").revoke("ben", "validator")
    for one in (reviews(team, "guest").emergency(emergency.id), *reviews(team, "guest").emergencies(ref_of(ref))):
        assert [(given.person, given.counts) for given in one.reviews] == [("ben", False)]
        assert str(one).endswith("unless 2 people review it before; 0 have")
