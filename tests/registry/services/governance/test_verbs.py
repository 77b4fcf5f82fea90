"""Promotion as people do it, over a real database: what is refused, what is written, and what moves."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable

import pytest

from lineage import Digest
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
from registry.services.audit.verbs import Audit
from registry.services.governance.verbs import Promotions
from tests.builders import model_ref
from tests.registry.services.houses import House, bring_to, ref_of

MISSING_RESULT = (
    "The newest validation report has the result pass: 'validation' is missing (evidence.validation.result == \"pass\")"
)


def test_a_promotion_to_production_from_refusal_to_alias(either_house: House) -> None:
    house = either_house
    ref = house.publish()
    ana, ben, carla = (house.promotions(who) for who in ("ana", "ben", "carla"))

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
        "ana uploaded this version, ran the transfer that made it, requested this promotion and edited its card last: "
        "nobody approves their own work"
    )
    ana.add_evidence(ref_of(ref), "validation", {"result": "pass"}, file=io.BytesIO(b"%PDF"), file_name="report.pdf")
    halfway = ben.approve(request)
    assert halfway.verdict.reasons == ("0 of 1 risk-owner approvals",)
    assert (house.stage(ref), house.alias("vision/digits")) == ("validated", None)

    done = carla.approve(request, comment="the risk is small")
    assert done.summary.state is RequestState.PROMOTED
    assert done.summary.closed_at is not None
    assert done.verdict.allowed
    assert [(vote.voter, vote.stale) for vote in done.votes] == [("ben", False), ("carla", False)]
    assert (house.stage(ref), house.alias("vision/digits")) == ("production", ref)
    assert house.actions(str(ref)) == [
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


def test_a_decision_replays_from_what_it_was_made_on(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "validated")
    ana, ben = house.promotions("ana"), house.promotions("ben")
    request = ana.request(ref_of(ref), "production").summary.id
    decided = ben.reject(request, comment="the test set has leaked")
    house.clock.forward(days=400)
    house.people("root").revoke("ben", "validator")
    house.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    assert ana.replay(request) == decided.verdict == ana.request_detail(request).verdict
    assert ana.request_detail(request) == decided
    with pytest.raises(NotFoundError):
        ana.replay(ana.request(ref_of(ref), "production").summary.id)


def test_the_audit_log_names_the_digest_of_what_a_decision_was_made_on(house: House) -> None:
    ref = house.publish()
    request = house.promotions("ana").request(ref_of(ref), "candidate").summary.id
    (entry,) = Audit(house.context("root")).search(subject=request).items
    assert entry.action == "promotion.decided"
    case = Digest.parse(str(entry.detail["case"]))
    assert Digest.of(house.blobs.kept[case]) == case


def test_an_unapproved_version_stays_where_it_is_and_nothing_is_written(house: House) -> None:
    ref = house.publish(card=None, manifest=False, licence="other")
    before = house.actions()
    with pytest.raises(PolicyRefusedError) as refusal:
        house.promotions("ana").request(ref_of(ref), "candidate")
    assert refusal.value.reasons == (
        "Evidence model_card is missing",
        "Evidence provenance is missing",
        "The licence of the version and of every ancestor is known: licence.unknown = 1 (licence.unknown == 0)",
    )
    assert house.actions() == before
    assert house.stage(ref) == "registered"
    assert house.promotions("ana").requests().items == []


@pytest.mark.parametrize("who", ["ana", "dora", "guest", "nobody", "robot", "root"])
def test_a_vote_that_would_not_count_is_refused_and_not_written(house: House, who: str) -> None:
    ref = house.publish()
    bring_to(house, ref, "candidate")
    request = house.promotions("ana").request(ref_of(ref), "validated").summary.id
    before = house.actions()
    with pytest.raises((PolicyRefusedError, PermissionDeniedError)):
        house.promotions(who).approve(request)
    with pytest.raises((PolicyRefusedError, PermissionDeniedError)):
        house.promotions(who).reject(request, comment="no")
    assert house.actions() == before
    assert house.promotions("ana").request_detail(request).votes == ()


def test_a_service_account_is_told_why_it_does_not_vote(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "candidate")
    request = house.promotions("ana").request(ref_of(ref), "validated").summary.id
    with pytest.raises(PolicyRefusedError, match="robot is a service account, and service accounts do not vote"):
        house.promotions("robot").approve(request)


def test_whoever_checked_a_version_votes_on_it_and_whoever_described_it_does_not(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "validated")
    request = house.promotions("dora").request(ref_of(ref), "production").summary.id
    house.promotions("ben").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    house.promotions("vera").add_evidence(ref_of(ref), "other", {"remark": "fine"})
    with pytest.raises(PolicyRefusedError, match="vera wrote evidence about it: nobody approves their own work"):
        house.promotions("vera").approve(request)
    assert house.promotions("ben").approve(request).votes[0].voter == "ben"


def test_new_evidence_makes_votes_stale_and_they_can_be_given_again(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "validated")
    ana, ben, carla = (house.promotions(who) for who in ("ana", "ben", "carla"))
    request = ana.request(ref_of(ref), "production").summary.id
    ben.approve(request)
    ana.add_evidence(ref_of(ref), "validation", {"result": "pass"})
    shown = ana.request_detail(request)
    assert [vote.stale for vote in shown.votes] == [True]
    assert "the approval of ben is stale because the evidence changed since" in shown.verdict.reasons[0]
    assert carla.approve(request).summary.state is RequestState.OPEN
    assert ben.approve(request).summary.state is RequestState.PROMOTED


def test_a_revised_card_is_new_evidence(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "validated")
    ana, ben = house.promotions("ana"), house.promotions("ben")
    ana.add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = ana.request(ref_of(ref), "production").summary.id
    ben.approve(request)
    with house.open_uow(actor="dora", write=True) as uow:
        uow.catalog.add_card(ref, "# Better words\n", by="dora", at=house.clock.now())
        uow.commit(Event("card.revised", str(ref), {}))
    assert ana.request_detail(request).votes[0].stale


def test_the_same_approval_twice_is_said_to_be_there_already(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "validated")
    request = house.promotions("ana").request(ref_of(ref), "production").summary.id
    house.promotions("ben").approve(request)
    with pytest.raises(ConflictError, match="ben has approved"):
        house.promotions("ben").approve(request, comment="again")


def test_a_role_taken_away_voids_a_pending_vote_and_leaves_what_is_done(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "validated")
    ana = house.promotions("ana")
    ana.add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = ana.request(ref_of(ref), "production").summary.id
    house.promotions("ben").approve(request)
    house.people("root").revoke("ben", "validator")
    assert house.promotions("carla").approve(request).verdict.reasons == ("0 of 1 validator approvals",)
    assert house.stage(ref) == "validated"


def test_a_rejection_closes_the_request_and_needs_a_reason(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "candidate")
    request = house.promotions("ana").request(ref_of(ref), "validated").summary.id
    with pytest.raises(InvalidError, match="A rejection needs a comment"):
        house.promotions("ben").reject(request, comment="  ")
    closed = house.promotions("ben").reject(request, comment="slanted sevens")
    assert closed.summary.state is RequestState.REJECTED
    assert "ben rejected it: slanted sevens" in closed.verdict.reasons
    with pytest.raises(PolicyRefusedError, match="It was rejected already"):
        house.promotions("vera").approve(request)
    assert house.stage(ref) == "candidate"


@pytest.mark.parametrize("comment", ["x" * 5000, "a\x00b", "\udcff"])
def test_a_comment_that_nothing_can_hold_is_refused_and_nothing_written(house: House, comment: str) -> None:
    ref = house.publish()
    bring_to(house, ref, "candidate")
    before = house.actions()
    with pytest.raises(InvalidError, match="the comment"):
        house.promotions("ana").request(ref_of(ref), "validated", comment=comment)
    assert house.actions() == before
    request = house.promotions("ana").request(ref_of(ref), "validated").summary.id
    for verb in (house.promotions("ben").approve, house.promotions("ben").reject):
        with pytest.raises(InvalidError, match="the comment"):
            verb(request, comment=comment)
    assert house.promotions("ana").request_detail(request).votes == ()


def test_a_request_is_withdrawn_by_its_author_or_an_admin(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "candidate")
    ana = house.promotions("ana")
    request = ana.request(ref_of(ref), "validated").summary.id
    with pytest.raises(PermissionDeniedError, match="dora did not open"):
        house.promotions("dora").withdraw(request)
    assert ana.withdraw(request).summary.state is RequestState.WITHDRAWN
    again = ana.request(ref_of(ref), "validated").summary.id
    assert house.promotions("root").withdraw(again).summary.state is RequestState.WITHDRAWN
    with pytest.raises(PolicyRefusedError, match="It was withdrawn already"):
        ana.withdraw(again)


def test_there_is_one_open_request_per_version_and_target(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "candidate")
    first = house.promotions("ana").request(ref_of(ref), "validated").summary.id
    with pytest.raises(ConflictError, match=first):
        house.promotions("dora").request(ref_of(ref), "validated")


def test_two_last_approvals_at_once_promote_exactly_once(either_house: House) -> None:
    house = either_house
    ref = house.publish()
    bring_to(house, ref, "candidate")
    request = house.promotions("ana").request(ref_of(ref), "validated").summary.id
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def approve(who: str) -> None:
        promotions = house.promotions(who)
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
    assert house.actions(str(ref)).count("model_version.promoted") == 2  # to candidate, then to validated
    assert house.actions(request) == ["promotion.decided"]


def test_an_approval_and_a_rejection_at_once_are_decided_one_after_the_other(either_house: House) -> None:
    house = either_house
    ref = house.publish()
    bring_to(house, ref, "candidate")
    request = house.promotions("ana").request(ref_of(ref), "validated").summary.id
    outcomes: list[str] = []
    barrier = threading.Barrier(2)

    def vote(who: str, verb: Callable[[Promotions], RequestDetail]) -> None:
        promotions = house.promotions(who)
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
    assert house.stage(ref) == ("validated" if "promoted" in outcomes else "candidate")
    assert house.actions(request) == ["promotion.decided"]


@pytest.mark.parametrize(
    "verb",
    [
        lambda p, ref: p.request(ref, "candidate"),
        lambda p, ref: p.evidence(ref),
        lambda p, ref: p.add_evidence(ref, "other", {"a": 1}),
    ],
)
def test_what_is_not_there_and_what_is_no_model_is_refused(house: House, verb: Callable[..., object]) -> None:
    with pytest.raises(NotFoundError):
        verb(house.promotions("ana"), ref_of(model_ref("no/such/1")))
    with pytest.raises(BadReferenceError, match="Only model versions are promoted"):
        verb(house.promotions("ana"), ref_of(house.add_data()))


def test_requests_are_found_by_model_and_state(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "candidate")
    request = house.promotions("ana").request(ref_of(ref), "validated").summary
    ana = house.promotions("ana")
    assert [found.id for found in ana.requests(name=ref.name, state=RequestState.OPEN).items] == [request.id]
    assert len(ana.requests(name=ref.name).items) == 2
    with pytest.raises(NotFoundError, match=r"There is no promotion request req-x\. .*forebear promote list"):
        ana.request_detail("req-x")
