"""Promotion as people do it, over a real database: what is refused, what is written, and what moves."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

import pytest

from registry.domain.audit import Event
from registry.domain.governance.promotion import RequestDetail, RequestState
from registry.errors import (
    BadReferenceError,
    ConflictError,
    InvalidError,
    NotFoundError,
    PermissionDeniedError,
    PolicyRefusedError,
    RegistryError,
)
from registry.services.governance.verbs import Promotions
from tests.builders import model_ref
from tests.registry.services.teams import Team, bring_to, ref_of

MISSING_RESULT = (
    "The newest validation report has the result pass: 'validation' is missing (evidence.validation.result == \"pass\")"
)


def test_a_promotion_to_production_from_refusal_to_alias(either_team: Team) -> None:
    team = either_team
    ref = team.publish()
    ana, ben, carla = (team.promotions(who) for who in ("ana", "ben", "carla"))

    with pytest.raises(PolicyRefusedError) as jump:
        ana.request(ref_of(ref), "production")
    assert jump.value.reasons == (
        "Stage order: production follows validated or production, and the version is registered",
        "Evidence validation is missing",
        MISSING_RESULT,
        "0 of 1 validator approvals",
        "0 of 1 risk-owner approvals",
    )
    assert ana.request(ref_of(ref), "candidate").summary.state is RequestState.PROMOTED
    asked = ana.request(ref_of(ref), "validated", comment="better than guessing")
    assert asked.summary.state is RequestState.OPEN
    assert ben.approve(asked.summary.id, comment="yes").summary.state is RequestState.PROMOTED

    request = ana.request(ref_of(ref), "production").summary.id
    assert ana.request_detail(request).verdict.reasons == (
        "Evidence validation is missing",
        MISSING_RESULT,
        "0 of 1 validator approvals",
        "0 of 1 risk-owner approvals",
    )
    with pytest.raises(PolicyRefusedError) as own:
        ana.approve(request)
    assert own.value.reasons[0] == (
        "ana uploaded this version, ran the transfer that made it, requested this promotion and wrote a revision "
        "of its card: nobody approves their own work"
    )
    team.promotions("dora").add_evidence(
        ref_of(ref), "validation", {"result": "pass"}, file=io.BytesIO(b"%PDF"), file_name="report.pdf"
    )
    halfway = ben.approve(request)
    assert halfway.verdict.reasons == ("0 of 1 risk-owner approvals",)
    assert (team.stage(ref), team.alias("vision/digits")) == ("validated", None)

    done = carla.approve(request, comment="the risk is small")
    assert done.summary.state is RequestState.PROMOTED
    assert done.summary.closed_at is not None
    assert done.verdict.allowed
    assert [(vote.voter, vote.stale) for vote in done.votes] == [("ben", False), ("carla", False)]
    assert (team.stage(ref), team.alias("vision/digits")) == ("production", ref)
    assert team.actions(str(ref)) == [
        "model_version.transferred",
        "promotion.requested",
        "model_version.promoted",
        "promotion.requested",
        "promotion.approved",
        "model_version.promoted",
        "promotion.requested",
        "evidence.added",
        "promotion.approved",
        "promotion.approved",
        "model_version.promoted",
        "alias.moved",
    ]


def test_an_unapproved_version_stays_where_it_is_and_nothing_is_written(team: Team) -> None:
    ref = team.publish(card=None, manifest=False, licence="other")
    before = team.actions()
    with pytest.raises(PolicyRefusedError) as refusal:
        team.promotions("ana").request(ref_of(ref), "candidate")
    assert refusal.value.reasons == (
        "Evidence model_card is missing",
        "Evidence provenance is missing",
        "The licence of the version and of every ancestor is known: licence.unknown = 1 (licence.unknown == 0)",
    )
    assert team.actions() == before
    assert team.stage(ref) == "registered"
    assert team.promotions("ana").requests().items == []


@pytest.mark.parametrize("who", ["ana", "dora", "guest", "nobody", "robot", "root"])
def test_a_vote_that_would_not_count_is_refused_and_not_written(team: Team, who: str) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    before = team.actions()
    with pytest.raises((PolicyRefusedError, PermissionDeniedError)):
        team.promotions(who).approve(request)
    with pytest.raises((PolicyRefusedError, PermissionDeniedError)):
        team.promotions(who).reject(request, comment="no")
    assert team.actions() == before
    assert team.promotions("ana").request_detail(request).votes == ()


def test_a_service_account_sees_why_it_cannot_vote(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    with pytest.raises(PolicyRefusedError, match="robot is a service account, and service accounts do not vote"):
        team.promotions("robot").approve(request)


def test_whoever_checked_a_version_votes_on_it_and_whoever_described_it_does_not(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    request = team.promotions("dora").request(ref_of(ref), "production").summary.id
    team.promotions("ben").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    team.promotions("vera").add_evidence(ref_of(ref), "other", {"remark": "fine"})
    with pytest.raises(PolicyRefusedError, match="vera wrote evidence about it: nobody approves their own work"):
        team.promotions("vera").approve(request)
    assert team.promotions("ben").approve(request).votes[0].voter == "ben"


def test_new_evidence_makes_votes_stale_and_they_can_be_given_again(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    ana, ben, carla = (team.promotions(who) for who in ("ana", "ben", "carla"))
    request = ana.request(ref_of(ref), "production").summary.id
    ben.approve(request)
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    shown = ana.request_detail(request)
    assert [vote.stale for vote in shown.votes] == [True]
    assert "the approval of ben is stale because the evidence changed since" in shown.verdict.reasons[0]
    assert carla.approve(request).summary.state is RequestState.OPEN
    assert ben.approve(request).summary.state is RequestState.PROMOTED


def test_a_revised_card_is_new_evidence(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    ana, ben = team.promotions("ana"), team.promotions("ben")
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = ana.request(ref_of(ref), "production").summary.id
    ben.approve(request)
    with team.open_uow(actor="dora", write=True) as uow:
        uow.catalog.add_card(ref, "# Better words\n", by="dora", at=team.clock.now())
        uow.commit(Event("card.revised", str(ref), {}))
    assert ana.request_detail(request).votes[0].stale


def test_the_same_approval_twice_is_said_to_be_there_already(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    request = team.promotions("ana").request(ref_of(ref), "production").summary.id
    team.promotions("ben").approve(request)
    with pytest.raises(ConflictError, match="ben has approved"):
        team.promotions("ben").approve(request, comment="again")


def test_a_role_taken_away_voids_a_pending_vote_and_leaves_what_is_done(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    ana = team.promotions("ana")
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = ana.request(ref_of(ref), "production").summary.id
    team.promotions("ben").approve(request)
    team.people("root").revoke("ben", "validator")
    assert team.promotions("carla").approve(request).verdict.reasons == ("0 of 1 validator approvals",)
    assert team.stage(ref) == "validated"


def test_a_rejection_closes_the_request_and_needs_a_reason(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    with pytest.raises(InvalidError, match="A rejection needs a comment"):
        team.promotions("ben").reject(request, comment="  ")
    closed = team.promotions("ben").reject(request, comment="slanted sevens")
    assert closed.summary.state is RequestState.REJECTED
    assert "ben rejected it: slanted sevens" in closed.verdict.reasons
    with pytest.raises(PolicyRefusedError, match="It was rejected already"):
        team.promotions("vera").approve(request)
    assert team.stage(ref) == "candidate"


@pytest.mark.parametrize("comment", ["x" * 5000, "a\x00b", "\udcff"])
def test_a_comment_that_nothing_can_hold_is_refused_and_nothing_written(team: Team, comment: str) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    before = team.actions()
    with pytest.raises(InvalidError, match="The comment"):
        team.promotions("ana").request(ref_of(ref), "validated", comment=comment)
    assert team.actions() == before
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    for verb in (team.promotions("ben").approve, team.promotions("ben").reject):
        with pytest.raises(InvalidError, match="The comment"):
            verb(request, comment=comment)
    assert team.promotions("ana").request_detail(request).votes == ()


def test_a_request_is_withdrawn_by_its_author_or_an_admin(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    ana = team.promotions("ana")
    request = ana.request(ref_of(ref), "validated").summary.id
    with pytest.raises(PermissionDeniedError, match="dora did not open"):
        team.promotions("dora").withdraw(request)
    assert ana.withdraw(request).summary.state is RequestState.WITHDRAWN
    again = ana.request(ref_of(ref), "validated").summary.id
    assert team.promotions("root").withdraw(again).summary.state is RequestState.WITHDRAWN
    with pytest.raises(PolicyRefusedError, match="It was withdrawn already"):
        ana.withdraw(again)


def test_there_is_one_open_request_per_version_and_target(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    first = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    with pytest.raises(ConflictError, match=first):
        team.promotions("dora").request(ref_of(ref), "validated")


def test_two_last_approvals_at_once_promote_exactly_once(either_team: Team) -> None:
    team = either_team
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def approve(who: str) -> None:
        promotions = team.promotions(who)
        barrier.wait()
        try:
            outcomes.append(promotions.approve(request).summary.state.value)
        except RegistryError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=approve, args=(who,)) for who in ("ben", "vera")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["policy-refused", "promoted"]
    assert team.actions(str(ref)).count("model_version.promoted") == 2  # to candidate, then to validated
    assert team.actions(request) == ["promotion.decided"]


def test_an_approval_and_a_rejection_at_once_are_decided_one_after_the_other(either_team: Team) -> None:
    team = either_team
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def vote(who: str, verb: Callable[[Promotions], RequestDetail]) -> None:
        promotions = team.promotions(who)
        barrier.wait()
        try:
            outcomes.append(verb(promotions).summary.state.value)
        except RegistryError as error:
            outcomes.append(error.code)

    votes: list[tuple[str, Callable[[Promotions], RequestDetail]]] = [
        ("ben", lambda promotions: promotions.approve(request)),
        ("vera", lambda promotions: promotions.reject(request, comment="no")),
    ]
    threads = [threading.Thread(target=vote, args=pair) for pair in votes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) in (["policy-refused", "promoted"], ["policy-refused", "rejected"])
    assert team.stage(ref) == ("validated" if "promoted" in outcomes else "candidate")
    assert team.actions(request) == ["promotion.decided"]


@pytest.mark.parametrize(
    "verb",
    [
        lambda p, ref: p.request(ref, "candidate"),
        lambda p, ref: p.evidence(ref),
        lambda p, ref: p.add_evidence(ref, "other", {"a": 1}),
    ],
)
def test_what_is_not_there_and_what_is_no_model_is_refused(team: Team, verb: Callable[..., object]) -> None:
    with pytest.raises(NotFoundError):
        verb(team.promotions("ana"), ref_of(model_ref("no/such/1")))
    with pytest.raises(BadReferenceError, match="Only model versions are promoted"):
        verb(team.promotions("ana"), ref_of(team.add_data()))


def test_requests_are_found_by_model_and_state(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated").summary
    ana = team.promotions("ana")
    assert [found.id for found in ana.requests(name=ref.name, state=RequestState.OPEN).items] == [request.id]
    assert len(ana.requests(name=ref.name).items) == 2
    with pytest.raises(NotFoundError, match=r"There is no promotion request req-x\. .*forebear promote list"):
        ana.request_detail("req-x")
