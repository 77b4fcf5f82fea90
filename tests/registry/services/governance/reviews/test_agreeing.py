"""Emergencies that take two people: they wait, and no single person, by whatever account, makes them take effect."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.domain.governance.promotion import RequestDetail, RequestState
from registry.domain.governance.reviews.bypasses import Emergency
from registry.domain.governance.reviews.inbox import Errand
from registry.domain.names import VersionRef
from registry.domain.people.people import Scope
from registry.errors import ConflictError, PermissionDeniedError, PolicyRefusedError, UnauthenticatedError
from registry.services.audit.verbs import Audit
from registry.services.governance.policies.document import read_policy
from registry.services.governance.policies.satisfiable import unmet
from registry.services.governance.reviews.agreeing import objections_to_agreement
from registry.services.people.sessions import Sessions
from tests.registry.services.governance.reviews.test_emergencies import WITH_EMERGENCY, declare, reviews, token
from tests.registry.services.teams import Team, bring_to, grant, put_in_force, ref_of

TWO = WITH_EMERGENCY.replace(
    "  role: risk-owner\n  allowed: [promote", "  role: risk-owner\n  quorum: 2\n  allowed: [promote"
)


@pytest.fixture
def pair(team: Team) -> Team:
    """Carla and dora are both risk owners, and an emergency takes two of them."""
    put_in_force(team, TWO)
    grant(team, "dora", "risk-owner")
    return team


def waiting(team: Team) -> tuple[VersionRef, RequestDetail, Emergency]:
    ref = team.publish()
    bring_to(team, ref, "validated")
    opened = declare(team, ref)
    (emergency,) = reviews(team, "guest").emergencies(ref_of(ref))
    return ref, opened, emergency


def agree(team: Team, emergency: Emergency, who: str = "dora", secret: str | None = None) -> RequestDetail:
    secret = token(team, who) if secret is None else secret
    return reviews(team, who).agree_to_emergency(emergency.id, comment="I saw it too", token=secret)


def test_an_emergency_for_two_waits_is_shown_and_takes_effect_with_the_second_person(pair: Team) -> None:
    ref, opened, emergency = waiting(pair)
    assert (opened.summary.state, opened.emergency, pair.stage(ref)) == (RequestState.OPEN, emergency.id, "validated")
    assert (emergency.state, emergency.wanted_by) == ("waiting", ("carla",))
    assert str(emergency) in pair.promotions("guest").request_detail(opened.summary.id).warnings
    assert "takes effect when 2 people want it" in str(emergency)
    (item,) = [one for one in reviews(pair, "dora").inbox().waiting if one.errand is Errand.EMERGENCY]
    assert (item.id, item.title) == (emergency.id, f"Agreement to promote {ref} without votes")
    assert reviews(pair, "ben").inbox().waiting[0].errand is Errand.VOTE
    pair.clock.forward(hours=5)
    done = agree(pair, emergency)
    assert (done.summary.state, pair.stage(ref), pair.alias("vision/digits")) == ("promoted", "production", ref)
    assert any("Passed over in the emergency INC-7 by carla and dora" in check.message for check in done.verdict.checks)
    assert pair.promotions("guest").explain(opened.summary.id).replayed == done.verdict
    now = reviews(pair, "guest").emergency(emergency.id)
    assert (now.state, now.wanted_by, now.effective_at) == ("open", ("carla", "dora"), pair.clock.now())
    assert now.due_at == pair.clock.now() + timedelta(hours=24), "the time counts from when it took effect"
    assert pair.actions(str(ref)).count("emergency.agreed") == 1
    assert Audit(pair.context("root")).verify(state=True).differences == ()


def test_one_person_is_not_two_by_any_account_role_or_token(pair: Team) -> None:
    ref, _, emergency = waiting(pair)
    pair.clock.forward(minutes=5)
    pair.people("root").add("carla2", "Carla")
    grant(pair, "ana", "risk-owner")
    grant(pair, "guest", "risk-owner")
    pair.people("root").grant("carla2", "risk-owner")
    pair.people("ben").confirm("carla2", "risk-owner")
    for who, why in (
        ("carla", "carla wanted it already"),
        ("carla2", "carla2 has an account only since the emergency was declared"),
        ("ana", "ana made the version"),
        ("robot", "robot is a service account"),
        ("ben", "ben does not hold the role risk-owner"),
    ):
        with pytest.raises(PolicyRefusedError, match=why):
            agree(pair, emergency, who)
    limited = pair.people("dora").create_token("dora", label="ci", scope=Scope.CONTRIBUTE)
    for secret, why in (("", "no valid token"), (token(pair, "ben"), "no valid"), (limited.secret, "scope contribute")):
        with pytest.raises(UnauthenticatedError, match=why):
            agree(pair, emergency, "dora", secret)
    with pytest.raises(PermissionDeniedError, match="needs the scope"):
        agree_as_token(pair, emergency, limited.secret)
    pair.people("root").link("guest", "carla")
    with pytest.raises(PolicyRefusedError, match="guest wanted it already, and each person counts once"):
        agree(pair, emergency, "guest")
    assert (pair.stage(ref), reviews(pair, "guest").emergency(emergency.id).agreements) == ("validated", ())
    with pair.open_uow(actor="root") as uow:
        dora = uow.people.get("dora")
        assert dora is not None
        assert objections_to_agreement(uow, emergency, dora) == ()


def agree_as_token(team: Team, emergency: Emergency, secret: str) -> RequestDetail:
    """As somebody who signed in with a limited token, and types a full one."""
    actor = Sessions(team.context("dora")).authenticate(secret)
    acting = type(reviews(team, "dora"))(team.context_of(actor))
    return acting.agree_to_emergency(emergency.id, comment="", token=token(team, "dora"))


def test_who_lost_the_role_since_does_not_count(pair: Team) -> None:
    ref, _, emergency = waiting(pair)
    grant(pair, "guest", "risk-owner")
    pair.people("root").revoke("carla", "risk-owner")
    assert agree(pair, emergency).summary.state is RequestState.OPEN
    assert pair.stage(ref) == "validated"
    assert agree(pair, emergency, "guest").summary.state is RequestState.PROMOTED


def test_what_changed_since_it_was_declared_is_not_promoted(pair: Team) -> None:
    ref, opened, emergency = waiting(pair)
    pair.promotions("ben").add_evidence(ref_of(ref), "validation", {"result": "fail"})
    with pytest.raises(ConflictError, match="was declared on something else: the evidence"):
        agree(pair, emergency)
    pair.promotions("carla").withdraw(opened.summary.id)
    assert reviews(pair, "guest").emergency(emergency.id).state == "not agreed to"
    with pytest.raises(ConflictError, match="does not wait for anybody: it is not agreed to"):
        agree(pair, emergency)
    with pytest.raises(ConflictError, match="has not taken effect"):
        reviews(pair, "ben").review_emergency(emergency.id, comment="fine")
    assert reviews(pair, "dora").inbox().waiting == ()


def test_one_that_nobody_agrees_to_in_time_is_closed_with_its_request(pair: Team) -> None:
    ref, opened, emergency = waiting(pair)
    pair.clock.set_by(emergency.due_at - pair.clock.now())
    with pytest.raises(ConflictError, match="too late to agree"):
        agree(pair, emergency)
    (settled,) = reviews(pair, "ana").tick().settled
    assert (
        settled.message
        == f"Closed {emergency.id}: of the 2 people that the emergency INC-7 takes, only these wanted it: carla"
    )
    assert pair.promotions("guest").request_detail(opened.summary.id).summary.state is RequestState.WITHDRAWN
    assert (pair.stage(ref), reviews(pair, "ana").tick().settled) == ("validated", ())
    assert Audit(pair.context("root")).verify(state=True).differences == ()


def test_votes_promote_it_too_while_it_waits_and_then_it_is_an_approval_like_any_other(pair: Team) -> None:
    ref, opened, emergency = waiting(pair)
    pair.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    pair.promotions("ben").approve(opened.summary.id)
    grant(pair, "guest", "risk-owner")
    assert pair.promotions("guest").approve(opened.summary.id).summary.state is RequestState.PROMOTED
    assert reviews(pair, "guest").emergency(emergency.id).state == "not agreed to"
    pair.clock.forward(days=30)
    assert reviews(pair, "ana").tick().settled == ()
    assert Audit(pair.context("root")).verify(state=True).differences == ()


def test_where_an_emergency_takes_two_its_role_rolls_nothing_back_alone(pair: Team) -> None:
    text = TWO.replace("version: 4", "version: 5").replace(
        "{role: risk-owner, quorum: 1}", "{role: validator, quorum: 1}"
    )
    assert text.count("{role: validator, quorum: 1}") > 1
    put_in_force(pair, text)
    ref = pair.publish()
    bring_to(pair, ref, "validated")
    pair.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = pair.promotions("ana").request(ref_of(ref), "production").summary.id
    pair.promotions("ben").approve(request)
    assert pair.stage(ref) == "production"
    with pytest.raises(PolicyRefusedError, match="carla has none of the roles validator"):
        reviews(pair, "carla").roll_back(ref_of(ref), comment="back")


def test_policy_check_says_where_too_few_people_could_agree(team: Team) -> None:
    with team.open_uow(actor="root") as uow:
        told = list(unmet(uow, read_policy(TWO, new=True)))
    assert told == ["An emergency needs 2 people with the role risk-owner: there are 1"]
