"""An insider against a rejection, against who may vote, and against one version a stage: what holds."""

from __future__ import annotations

import pytest

from registry.domain.audit import Event
from registry.domain.catalog.models import Status
from registry.domain.names import VersionRef
from registry.domain.people.people import Person
from registry.errors import BadPolicyError, ConflictError, InvalidError, PolicyRefusedError
from registry.services.audit.verbs import Audit
from tests.registry.services.governance.insider import NEXT, candidate, set_status, to_validated
from tests.registry.services.teams import CARD, Team, bring_to, put_in_force, ref_of

# --- a rejection that evaporates -------------------------------------------------------------------------------------


def rejected(team: Team, ref: VersionRef) -> str:
    """A request to `validated` that ben has rejected."""
    request = to_validated(team, ref).summary.id
    team.promotions("ben").reject(request, comment="the test set has leaked")
    return request


def test_a_rejected_promotion_cannot_be_requested_again_by_anybody_while_nothing_has_changed(team: Team) -> None:
    ref = candidate(team)
    rejected(team, ref)
    team.clock.forward(days=30)
    for who in ("ana", "dora", "root"):
        with pytest.raises(
            PolicyRefusedError, match=r"ben rejected it on .*: the test set has leaked\. The rejection stands"
        ):
            team.promotions(who).request(ref_of(ref), "validated", comment="please")
    (option,) = (one for one in team.promotions("ana").options(ref_of(ref)) if one.stage == "validated")
    assert not option.can_request
    assert any("ben rejected it" in reason for reason in option.reasons)


def test_a_rejection_stands_in_a_request_that_was_opened_while_something_was_different(team: Team) -> None:
    source = team.publish("library/net")
    ref = team.publish(parents=[source])
    bring_to(team, ref, "candidate")
    rejected(team, ref)
    set_status(team, source, Status.DEPRECATED)
    detour = to_validated(team, ref)
    assert any("ben rejected it on" in warning and "an ancestor changed" in warning for warning in detour.warnings)
    set_status(team, source, Status.ACTIVE)
    team.promotions("vera").approve(detour.summary.id)
    reasons = team.promotions("guest").request_detail(detour.summary.id).verdict.reasons
    assert any("ben rejected it" in reason for reason in reasons)
    assert team.stage(ref) == "candidate"


def test_a_rejection_outlives_a_request_that_was_withdrawn(team: Team) -> None:
    source = team.publish("library/net")
    ref = team.publish(parents=[source])
    bring_to(team, ref, "candidate")
    rejected(team, ref)
    set_status(team, source, Status.DEPRECATED)
    team.promotions("ana").withdraw(to_validated(team, ref).summary.id)
    set_status(team, source, Status.ACTIVE)
    with pytest.raises(PolicyRefusedError, match="ben rejected it"):
        to_validated(team, ref)


def test_new_evidence_or_a_new_card_lets_a_rejected_promotion_be_requested_with_the_rejection_shown(team: Team) -> None:
    ref = candidate(team)
    rejected(team, ref)
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass", "note": "on new rows"})
    opened = to_validated(team, ref)
    expected = "ben rejected it on 2026-11-23: the test set has leaked (but the evidence changed since)"
    assert expected in opened.warnings


def two_who_may_overrule(team: Team) -> None:
    text = NEXT.replace("overruled_by: risk-owner, quorum: 2", "overruled_by: validator, quorum: 2")
    assert text != NEXT
    put_in_force(team, text)


def with_vito(team: Team) -> None:
    with team.open_uow(actor="root", write=True) as uow:
        uow.people.add(Person("vito", "Vito", ("validator",), team.clock.now()))
        uow.commit(Event("person.added", "person:vito", {}))


def test_two_accounts_of_one_person_overrule_a_rejection_as_one(team: Team) -> None:
    two_who_may_overrule(team)
    with_vito(team)
    ref = candidate(team)
    request = rejected(team, ref)
    team.promotions("vera").overrule(request, comment="the rows are others")
    team.people("root").link("vera", "vito")
    with pytest.raises(ConflictError, match=r"vito has overruled .* already, by another account"):
        team.promotions("vito").overrule(request, comment="seen it too")
    with pytest.raises(PolicyRefusedError, match="ben rejected it"):
        to_validated(team, ref)


def test_a_rejection_is_overruled_by_as_many_people_as_the_policy_says_and_each_is_on_record(team: Team) -> None:
    two_who_may_overrule(team)
    with_vito(team)
    ref = candidate(team)
    request = rejected(team, ref)
    first = team.promotions("vera").overrule(request, comment="the rows are others")
    assert first.warnings == ("The rejection still stands: 1 of 2 with the role validator have overruled it",)
    with pytest.raises(PolicyRefusedError, match="ben rejected it"):
        to_validated(team, ref)
    with pytest.raises(ConflictError, match="vera has overruled"):
        team.promotions("vera").overrule(request, comment="once more")
    done = team.promotions("vito").overrule(request, comment="seen it too")
    assert done.summary.overruled_at is not None
    assert done.summary.state == "rejected"
    assert team.actions(str(ref)).count("promotion.overruled") == 2
    team.promotions("vera").approve(to_validated(team, ref).summary.id)
    assert team.stage(ref) == "validated"


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("ana", "ana uploaded this version"),
        ("carla", "carla has none of the roles that can approve here: validator"),
        ("robot", "robot is a service account"),
    ],
)
def test_who_made_a_version_and_who_has_no_role_cannot_overrule_its_rejection(team: Team, who: str, why: str) -> None:
    two_who_may_overrule(team)
    request = rejected(team, candidate(team))
    with pytest.raises(PolicyRefusedError, match=why):
        team.promotions(who).overrule(request, comment="it is fine")


def test_only_whoever_rejected_can_take_it_back_where_the_policy_names_nobody_else(team: Team) -> None:
    line = next(line for line in NEXT.splitlines() if line.startswith("rejections:"))
    put_in_force(team, NEXT.replace(line, ""))
    ref = candidate(team)
    request = rejected(team, ref)
    with pytest.raises(PolicyRefusedError, match="only ben can take it back"):
        team.promotions("carla").overrule(request, comment="it is fine")
    with pytest.raises(InvalidError, match="needs a comment"):
        team.promotions("ben").overrule(request, comment=" ")
    assert team.promotions("ben").overrule(request, comment="my mistake").summary.overruled_at is not None
    assert to_validated(team, ref).summary.state == "open"
    with pytest.raises(PolicyRefusedError, match="Its rejection was overruled already"):
        team.promotions("ben").overrule(request, comment="again")


# --- whoever had a hand in it does not vote --------------------------------------------------------------------------


def test_who_wrote_an_earlier_revision_of_the_card_does_not_vote(team: Team) -> None:
    ref = team.publish()
    with team.open_uow(actor="ben", write=True) as uow:
        uow.catalog.add_card(ref, "# by ben", by="ben", at=team.clock.now())
        uow.catalog.add_card(ref, CARD, by="ana", at=team.clock.now())
        uow.commit(Event("card.revised", str(ref), {}))
    bring_to(team, ref, "candidate")
    with pytest.raises(PolicyRefusedError, match="ben wrote a revision of its card"):
        team.promotions("ben").approve(to_validated(team, ref).summary.id)


def test_who_requested_the_promotion_before_and_withdrew_does_not_vote_on_the_next_request(team: Team) -> None:
    ref = candidate(team)
    team.promotions("ben").withdraw(team.promotions("ben").request(ref_of(ref), "validated").summary.id)
    with pytest.raises(PolicyRefusedError, match="ben requested this promotion"):
        team.promotions("ben").approve(to_validated(team, ref).summary.id)


@pytest.mark.parametrize("action", ["transfer.submitted", "transfer.resumed"])
def test_who_resumed_the_transfer_that_somebody_else_submitted_does_not_vote(team: Team, action: str) -> None:
    ref = team.publish()
    with team.open_uow(actor="ben", write=True) as uow:
        version = uow.catalog.version(ref)
        assert version is not None
        uow.commit(Event(action, version.step, {}))
    bring_to(team, ref, "candidate")
    with pytest.raises(PolicyRefusedError, match="ben ran the transfer that made it"):
        team.promotions("ben").approve(to_validated(team, ref).summary.id)


def test_who_wrote_any_evidence_that_does_not_only_check_does_not_vote(team: Team) -> None:
    ref = candidate(team)
    team.promotions("ben").add_evidence(ref_of(ref), "other", {"note": "x"})
    team.promotions("ben").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    with pytest.raises(PolicyRefusedError, match="ben wrote evidence about it"):
        team.promotions("ben").approve(to_validated(team, ref).summary.id)


# --- several versions in one stage -----------------------------------------------------------------------------------

ONE = (
    ("stages: [registered, candidate, validated, production, retired]",
     "stages: [registered, candidate, validated, production, superseded, retired]"
     "\none_version: {production: superseded}"),
    ("  - id: roll-back                 # the alias returns to a version that was in production before\n"
     "    from: production\n", "  - id: roll-back\n    from: superseded\n"),
)  # fmt: skip


def one_version(text: str = NEXT) -> str:
    for old, new in ONE:
        assert old in text
        text = text.replace(old, new)
    return text


def test_one_version_stands_in_production_and_the_former_one_is_superseded_with_an_entry_of_its_own(team: Team) -> None:
    put_in_force(team, one_version())
    first, second, other = team.publish(), team.publish(), team.publish("vision/other")
    for ref in (first, other, second):
        bring_to(team, ref, "production")
    assert [team.stage(ref) for ref in (first, second, other)] == ["superseded", "production", "production"]
    assert team.alias("vision/digits") == second
    assert team.actions(str(first))[-1] == "model_version.superseded"
    back = team.promotions("ana").request(ref_of(first), "production").summary.id
    team.promotions("carla").approve(back)
    assert [team.stage(ref) for ref in (first, second)] == ["production", "superseded"]
    assert team.alias("vision/digits") == first
    assert Audit(team.context("guest")).verify(state=True).differences == ()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("{prodution: superseded}", "there is no stage 'prodution', did you mean 'production'?"),
        ("{production: supersede}", "there is no stage 'supersede', did you mean 'superseded'?"),
        ("{production: production}", "the former version of production cannot move to production"),
    ],
)
def test_a_stage_of_one_version_that_is_misspelt_is_refused(team: Team, wrong: str, sentence: str) -> None:
    text = one_version().replace("one_version: {production: superseded}", f"one_version: {wrong}")
    with pytest.raises(BadPolicyError) as refusal:
        team.promotions("guest").check_policy(text)
    assert sentence in refusal.value.message
