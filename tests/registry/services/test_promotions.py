"""Promotion as people do it, over a real database: what is refused, what is written, and what moves."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from lineage import Digest
from registry.domain.audit import Event
from registry.domain.catalog import Status
from registry.domain.names import Reference, VersionRef
from registry.domain.promotion import RequestDetail, RequestState
from registry.domain.transfers import Method
from registry.errors import (
    BadReferenceError,
    ConflictError,
    IntegrityError,
    InvalidError,
    NotFoundError,
    PermissionDeniedError,
    PolicyRefusedError,
    RegistryError,
)
from registry.services.audit import Audit
from registry.services.policies import default_policy_text
from registry.services.promotions import Promotions, protected_aliases
from registry.storage.database import Database
from registry.storage.tables import policy
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import model_ref
from tests.fakes.clock import FakeClock
from tests.registry.services.houses import House, furnish


@pytest.fixture
def house(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> House:
    return furnish(House(open_uow, clock, tmp_path))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def either_house(request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path) -> House:
    """The same house over both databases, for what depends on locks."""
    database: Database = request.getfixturevalue(f"{request.param}_database")
    return furnish(House(database.factory(clock), clock, tmp_path))


def ref_of(ref: VersionRef) -> Reference:
    return Reference(ref.kind, ref.name, ref.number)


def bring_to(house: House, ref: VersionRef, stage: str) -> None:
    """Walk a version up to `stage` as people do."""
    ana, ben, carla = (house.promotions(who) for who in ("ana", "ben", "carla"))
    house.clock.forward(minutes=1)
    ana.request(ref_of(ref), "candidate")
    if stage == "candidate":
        return
    ben.approve(ana.request(ref_of(ref), "validated").summary.id)
    if stage == "validated":
        return
    ana.add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = ana.request(ref_of(ref), "production").summary.id
    ben.approve(request)
    carla.approve(request)
    assert house.stage(ref) == "production"


def test_a_promotion_to_production_from_refusal_to_alias(either_house: House) -> None:
    house = either_house
    ref = house.publish()
    ana, ben, carla = (house.promotions(who) for who in ("ana", "ben", "carla"))

    with pytest.raises(PolicyRefusedError) as jump:
        ana.request(ref_of(ref), "production")
    assert jump.value.reasons == (
        "production follows validated or production, and the version is registered",
        "the evidence validation is missing",
        "0 of 1 validator approvals",
        "0 of 1 risk-owner approvals",
    )
    assert ana.request(ref_of(ref), "candidate").summary.state is RequestState.PROMOTED
    asked = ana.request(ref_of(ref), "validated", comment="better than guessing")
    assert asked.summary.state is RequestState.OPEN
    assert ben.approve(asked.summary.id, comment="yes").summary.state is RequestState.PROMOTED

    request = ana.request(ref_of(ref), "production").summary.id
    assert ana.request_detail(request).verdict.reasons == (
        "the evidence validation is missing",
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
        "the evidence model_card is missing",
        "the evidence provenance is missing",
        "The licence of the version and of every ancestor is known (licence.unknown == 0)",
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


def test_whoever_writes_evidence_does_not_vote_on_it(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "validated")
    request = house.promotions("dora").request(ref_of(ref), "production").summary.id
    house.promotions("ben").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    with pytest.raises(PolicyRefusedError, match="ben wrote evidence about it: nobody approves their own work"):
        house.promotions("ben").approve(request)
    assert house.promotions("vera").approve(request).votes[0].voter == "vera"


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
    with pytest.raises(InvalidError, match="a rejection needs a comment"):
        house.promotions("ben").reject(request, comment="  ")
    closed = house.promotions("ben").reject(request, comment="slanted sevens")
    assert closed.summary.state is RequestState.REJECTED
    assert "ben rejected it: slanted sevens" in closed.verdict.reasons
    with pytest.raises(PolicyRefusedError, match="it was rejected already"):
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
    with pytest.raises(PolicyRefusedError, match="it was withdrawn already"):
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


def test_the_protected_alias_moves_on_and_comes_back(house: House) -> None:
    one = house.publish()
    bring_to(house, one, "production")
    two = house.publish(accuracy=0.95)
    bring_to(house, two, "production")
    assert house.alias("vision/digits") == two
    back = house.promotions("ana").request(ref_of(one), "production").summary
    assert back.alias == "production"
    house.promotions("carla").approve(back.id)
    assert house.alias("vision/digits") == one
    again = house.promotions("ana").request(ref_of(one), "production").summary
    house.promotions("carla").approve(again.id)
    assert house.alias("vision/digits") == one
    assert "alias.dropped" not in house.actions(str(one))


def test_a_worse_version_is_held_against_the_one_in_production(house: House) -> None:
    bring_to(house, house.publish(accuracy=0.95), "production")
    worse = house.publish(accuracy=0.9)
    bring_to(house, worse, "validated")
    reasons = house.promotions("ana").request(ref_of(worse), "production").verdict.reasons
    assert any(reason.startswith("No worse than the version in production") for reason in reasons)


def test_a_retired_version_gives_up_the_protected_alias(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "production")
    request = house.promotions("ana").request(ref_of(ref), "retired").summary.id
    house.promotions("carla").approve(request)
    assert (house.stage(ref), house.alias("vision/digits")) == ("retired", None)
    assert house.actions(str(ref))[-1] == "alias.dropped"


def test_retiring_a_version_leaves_the_alias_of_its_successor_alone(house: House) -> None:
    one = house.publish()
    bring_to(house, one, "production")
    two = house.publish(accuracy=0.95)
    bring_to(house, two, "production")
    house.promotions("carla").approve(house.promotions("ana").request(ref_of(one), "retired").summary.id)
    assert (house.stage(one), house.alias("vision/digits")) == ("retired", two)


def test_a_recalled_ancestor_stops_a_promotion(house: House) -> None:
    parent = house.publish("library/net", accuracy=None)
    child = house.publish(parents=[parent])
    with house.open_uow(actor="root", write=True) as uow:
        uow.catalog.set_status(parent, Status.RECALLED, "poisoned", at=house.clock.now())
        uow.commit(Event("model_version.recalled", str(parent), {}))
    with pytest.raises(PolicyRefusedError, match="No ancestor is recalled or suspended"):
        house.promotions("ana").request(ref_of(child), "candidate")


def test_an_unknown_licence_anywhere_in_the_ancestry_stops_a_promotion(house: House) -> None:
    parent = house.publish("library/net", licence="other")
    child = house.publish(parents=[parent], data={"train": house.add_data()})
    with pytest.raises(PolicyRefusedError, match="of every ancestor is known"):
        house.promotions("ana").request(ref_of(child), "candidate")


def test_a_model_no_better_than_guessing_is_not_validated(house: House) -> None:
    ref = house.publish(accuracy=0.42)
    bring_to(house, ref, "candidate")
    reasons = house.promotions("ana").request(ref_of(ref), "validated").verdict.reasons
    assert reasons[0].startswith("The accuracy is clearly above that of always naming the commonest class")


def test_an_imported_model_is_validated_by_a_report_instead_of_metrics(house: House) -> None:
    ref = house.publish("library/net", accuracy=None, method=Method.IMPORT)
    bring_to(house, ref, "candidate")
    house.promotions("ana").add_evidence(ref_of(ref), "validation", {"checked": "weights"})
    request = house.promotions("ana").request(ref_of(ref), "validated").summary.id
    assert house.promotions("ben").approve(request).summary.state is RequestState.PROMOTED


# --- evidence ------------------------------------------------------------------------------------------------------


def test_card_provenance_and_metrics_are_on_record_without_anybody_adding_them(house: House) -> None:
    ref = house.publish()
    found = house.promotions("guest").evidence(ref_of(ref))
    assert [(item.type, item.added_by) for item in found] == [
        ("model_card", "ana"),
        ("provenance", "system"),
        ("eval_report", "system"),
    ]
    assert found[2].body["accuracy"] == 0.9
    bare = house.publish("vision/bare", accuracy=None, card=None, manifest=False)
    assert house.promotions("guest").evidence(ref_of(bare)) == ()


def test_evidence_keeps_its_file_and_is_bound_to_the_bytes(house: House) -> None:
    ref = house.publish()
    added = house.promotions("ana").add_evidence(
        ref_of(ref), "validation", {"errors": 3}, file=io.BytesIO(b"%PDF"), file_name="report.pdf"
    )
    assert added.file is not None
    assert house.blobs.open(added.file).read() == b"%PDF"
    assert house.promotions("guest").evidence(ref_of(ref))[-1] == added


@pytest.mark.parametrize(
    ("who", "type_", "reason"),
    [
        ("ana", "eval_report", "the evidence eval_report is recorded by the registry itself, from nobody else"),
        ("ana", "provenance", "recorded by the registry itself"),
        ("ana", "valdation", "the policy default knows no evidence 'valdation': did you mean 'validation'?"),
        ("carla", "validation", "is taken from a developer or a validator, and carla is none"),
    ],
)
def test_evidence_is_taken_only_from_its_producers(house: House, who: str, type_: str, reason: str) -> None:
    ref = house.publish()
    with pytest.raises(PolicyRefusedError) as refusal:
        house.promotions(who).add_evidence(ref_of(ref), type_, {"a": 1}, file=io.BytesIO(b"x"), file_name="x")
    assert reason in refusal.value.reasons[0]
    assert len(house.promotions("guest").evidence(ref_of(ref))) == 3
    assert not house.blobs.kept, "the file of refused evidence is not stored"


@pytest.mark.parametrize(
    ("body", "file_name", "reason"),
    [
        ({}, None, "the evidence says nothing"),
        ({"a": "x" * 70_000}, None, "larger than 65,536 bytes"),
        ({"a": float("nan")}, None, "cannot be written as canonical JSON"),
        ({"a": 2**60}, None, "cannot be written as canonical JSON"),
        ({"a": 1}, "../../etc/passwd", "is not a plain file name"),
        ({"a": 1}, "a\\b", "is not a plain file name"),
        ({"a": 1}, "", "the file name is empty"),
        ({"a": 1}, "\udcff.pdf", "the file name has control characters"),
        ({"a": "\udcff"}, None, "cannot be written as canonical JSON"),
    ],
)
def test_bad_evidence_is_refused(house: House, body: dict[str, object], file_name: str | None, reason: str) -> None:
    ref = house.publish()
    file = io.BytesIO(b"x") if file_name is not None else None
    with pytest.raises(InvalidError, match=reason):
        house.promotions("ana").add_evidence(ref_of(ref), "validation", body, file=file, file_name=file_name)
    assert len(house.promotions("ana").evidence(ref_of(ref))) == 3


# --- policies ------------------------------------------------------------------------------------------------------


def test_only_an_admin_publishes_and_the_version_only_grows(house: House) -> None:
    text = default_policy_text()
    with pytest.raises(PermissionDeniedError):
        house.promotions("ana").publish_policy(text.replace("version: 1", "version: 2"))
    with pytest.raises(ConflictError, match="version 1 of the policy default is published already"):
        house.promotions("root").publish_policy(text)
    published = house.promotions("root").publish_policy(text.replace("version: 1", "version: 3"))
    assert house.promotions("ana").policy("default") == published
    assert house.promotions("ana").policy("default", 1).text == text
    with pytest.raises(ConflictError):
        house.promotions("root").publish_policy(text.replace("version: 1", "version: 2"))
    with pytest.raises(NotFoundError, match="there is no version 2 of a policy default"):
        house.promotions("ana").policy("default", 2)
    assert [value.version for value in house.promotions("ana").policies()] == [3]


def test_a_policy_is_checked_without_being_published(house: House) -> None:
    text = default_policy_text().replace("name: default", "name: other")
    assert house.promotions("guest").check_policy(text).name == "other"
    assert [value.name for value in house.promotions("guest").policies()] == ["default"]


def test_s11_an_open_request_keeps_the_policy_that_it_was_opened_under(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "candidate")
    request = house.promotions("ana").request(ref_of(ref), "validated").summary.id
    stricter = default_policy_text().replace("version: 1", "version: 2").replace("quorum: 1", "quorum: 5")
    house.promotions("root").publish_policy(stricter)
    assert house.promotions("ben").approve(request).summary.state is RequestState.PROMOTED
    assert house.promotions("ana").request_detail(request).policy == "default/1"
    assert (
        house.promotions("ana").request(ref_of(ref), "production").verdict.reasons[-1] == "0 of 5 risk-owner approvals"
    )


def test_a_policy_of_higher_priority_takes_over_what_it_matches(house: House) -> None:
    sandbox = Path(__file__).parents[3] / "examples" / "policies" / "sandbox.yaml"
    house.promotions("root").publish_policy(sandbox.read_text(encoding="utf-8"))
    toy = house.publish("sandbox/toy", card=None, licence="other")
    request = house.promotions("ana").request(ref_of(toy), "tried").summary.id
    house.promotions("dora").approve(request)
    assert house.alias("sandbox/toy", "playground") == toy
    with house.open_uow(actor="ana") as uow:
        assert protected_aliases(uow) == {"production", "playground"}


def test_with_no_matching_policy_nothing_is_promoted_and_no_evidence_is_taken(
    open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path
) -> None:
    house = furnish(House(open_uow, clock, tmp_path))
    text = default_policy_text().replace("version: 1", "version: 2").replace('"model_version"', '"dataset_version"')
    house.promotions("root").publish_policy(text)
    ref = house.publish()
    with pytest.raises(PolicyRefusedError, match="no policy matches models:/vision/digits/1"):
        house.promotions("ana").request(ref_of(ref), "candidate")
    with pytest.raises(PolicyRefusedError, match="no policy matches"):
        house.promotions("ana").add_evidence(ref_of(ref), "validation", {"a": 1})


# --- references ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "verb",
    [
        lambda p, ref: p.request(ref, "candidate"),
        lambda p, ref: p.evidence(ref),
        lambda p, ref: p.add_evidence(ref, "validation", {"a": 1}),
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
    with pytest.raises(NotFoundError, match="there is no promotion request req-x"):
        ana.request_detail("req-x")


def test_a_policy_changed_in_the_database_is_noticed(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "candidate")
    request = house.promotions("ana").request(ref_of(ref), "validated").summary.id
    with house.open_uow(actor="root", write=True) as uow:
        connection = uow._connection
        assert connection is not None
        connection.execute(update(policy).values(text=policy.c.text + "# weaker\n"))
        uow.commit_unaudited()
    with pytest.raises(IntegrityError, match="is not what it was"):
        house.promotions("ben").approve(request)
