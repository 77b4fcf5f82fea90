"""An insider who wants to ship what should not ship, and the gates that hold: one test for each way that was tried."""

from __future__ import annotations

import pytest

from registry.domain.audit import Event
from registry.domain.catalog.models import Status
from registry.domain.governance.promotion import RequestDetail
from registry.domain.names import VersionRef
from registry.domain.people.people import Person
from registry.errors import BadPolicyError, ConflictError, InvalidError, PolicyRefusedError
from registry.services.audit.verbs import Audit
from registry.services.governance.policies.stored import default_policy_text
from tests.registry.services.teams import CARD, Team, bring_to, put_in_force, ref_of

POLICY = default_policy_text()
NEXT = POLICY.replace("version: 2", "version: 3")
VALIDATED = "    approvals:\n      - {role: validator, quorum: 1}\n\n  - id: to-production"


def with_gate(*gates: str, text: str = NEXT) -> str:
    """The default policy with gates more in the transition to `validated`."""
    rows = "".join(f"      - {gate}\n" for gate in gates)
    assert VALIDATED in text
    return text.replace(VALIDATED, rows + VALIDATED)


def to_validated(team: Team, ref: VersionRef) -> RequestDetail:
    return team.promotions("ana").request(ref_of(ref), "validated")


# --- conditions that fail open, and expressions that cost -----------------------------------------------------------


@pytest.mark.parametrize("verb", ["check_policy", "publish_policy"])
def test_a_misspelt_gate_that_would_never_apply_is_neither_checked_nor_published(team: Team, verb: str) -> None:
    gate = "{id: open, when: has(baseline.acuracy), require: 'false'}"
    with pytest.raises(BadPolicyError, match=r"Line \d+: baseline has no 'acuracy', did you mean 'accuracy'\?"):
        getattr(team.promotions("root"), verb)(with_gate(gate))


def test_nothing_is_shown_about_nobody_so_all_of_an_empty_list_lets_nothing_through(team: Team) -> None:
    every = 'subject.parents.all(parent, parent.startsWith("models:/trusted/"))'
    put_in_force(team, with_gate(f"{{id: trusted, require: '{every}'}}"))
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = to_validated(team, ref)
    assert any("all(…) is asked of an empty list" in reason for reason in request.verdict.reasons)
    skipped = f"{{id: trusted, when: '{every}', require: 'false'}}"
    put_in_force(team, with_gate(skipped, text=POLICY.replace("version: 2", "version: 4")))
    other = team.publish()
    bring_to(team, other, "candidate")
    reasons = to_validated(team, other).verdict.reasons
    assert any("It is unknown whether the gate trusted applies" in reason for reason in reasons)


def test_an_empty_list_is_enough_where_the_policy_says_so(team: Team) -> None:
    every = 'subject.parents.all(parent, parent.startsWith("models:/trusted/"))'
    put_in_force(team, with_gate(f"{{id: trusted, require: '{every}', emptyIsTrue: true}}"))
    ref = team.publish()
    bring_to(team, ref, "validated")
    assert team.stage(ref) == "validated"


def test_a_policy_whose_condition_might_have_no_answer_for_a_version_cannot_stop_the_others(team: Team) -> None:
    other = NEXT.replace("name: default", "name: other").replace("priority: 0", "priority: 100")
    text = other.replace('subject.kind == "model_version"', "'subject.tags.team == \"a\"'")
    with pytest.raises(BadPolicyError, match=r"subject.tags.team may be missing, and then nobody can tell"):
        put_in_force(team, text)


def test_a_request_over_two_thousand_numbers_of_evidence_is_within_the_steps_of_a_policy(team: Team) -> None:
    walk = "evidence.other.errors.all(error, error < 1.0)"
    put_in_force(team, with_gate(f"{{id: errors, require: '{walk}'}}"))
    ref = team.publish()
    bring_to(team, ref, "candidate")
    team.promotions("ana").add_evidence(ref_of(ref), "other", {"errors": [0.5] * 2000})
    request = to_validated(team, ref)
    assert "Gate errors" in next(
        check.message for check in request.verdict.checks if check.id == "errors" and check.passed
    )
    team.promotions("ben").approve(request.summary.id)
    assert team.stage(ref) == "validated"


def test_a_walk_within_a_walk_over_two_thousand_numbers_is_stopped_and_lets_nothing_through(team: Team) -> None:
    walk = "evidence.other.errors.all(x, evidence.other.errors.all(y, x + y < 9.0)) || true"
    put_in_force(team, with_gate(f"{{id: errors, require: '{walk}'}}"))
    ref = team.publish()
    bring_to(team, ref, "candidate")
    team.promotions("ana").add_evidence(ref_of(ref), "other", {"errors": [0.5] * 2000})
    reasons = to_validated(team, ref).verdict.reasons
    assert any("it takes more than 20,000 steps" in reason for reason in reasons)


def test_a_gate_that_reads_what_does_not_exist_denies(team: Team) -> None:
    put_in_force(team, with_gate("{id: f1, require: metrics.macro_f1 > 0.1}"))
    ref = team.publish()
    bring_to(team, ref, "candidate")
    request = to_validated(team, ref).summary.id
    approved = team.promotions("ben").approve(request)
    assert not approved.verdict.allowed
    with pytest.raises(PolicyRefusedError):
        team.promotions("ana").request(ref_of(ref), "production")


# --- votes that stand although what they were given on has changed ---------------------------------------------------


def almost_in_production(team: Team, ref: VersionRef) -> str:
    """A request to production that ben has approved and that needs carla only."""
    bring_to(team, ref, "validated")
    team.promotions("ana").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = team.promotions("ana").request(ref_of(ref), "production").summary.id
    team.promotions("ben").approve(request)
    return request


def set_status(team: Team, ref: VersionRef, status: Status) -> None:
    with team.open_uow(actor="root", write=True) as uow:
        uow.catalog.set_status(ref, status, "for a reason", at=team.clock.now())
        uow.commit(Event(f"model_version.{status.value}", str(ref), {"reason": "for a reason"}))


def stale_because(team: Team, request: str) -> str:
    """Why ben's vote is stale; carla's approval does not promote then."""
    team.promotions("carla").approve(request)
    detail = team.promotions("guest").request_detail(request)
    assert detail.summary.state == "open"
    assert next(vote.stale for vote in detail.votes if vote.voter == "ben")
    assert any(warning.startswith("The approval of ben is stale because") for warning in detail.warnings)
    (why,) = (reason for reason in detail.verdict.reasons if "0 of 1 validator approvals" in reason)
    return why


@pytest.mark.parametrize("status", [Status.ARCHIVED, Status.DEPRECATED, Status.SUSPENDED])
def test_a_vote_is_stale_once_an_ancestor_has_another_status(team: Team, status: Status) -> None:
    source = team.publish("library/net")
    request = almost_in_production(team, team.publish(parents=[source]))
    set_status(team, source, status)
    assert "the status of an ancestor changed since" in stale_because(team, request)


def test_a_vote_is_stale_once_an_ancestor_was_deleted(team: Team) -> None:
    source = team.publish("library/net")
    request = almost_in_production(team, team.publish(parents=[source]))
    with team.open_uow(actor="root", write=True) as uow:
        uow.catalog.delete_version(source, at=team.clock.now())
        uow.commit(Event("model_version.deleted", str(source), {}))
    assert "the status of an ancestor changed since" in stale_because(team, request)


def test_a_vote_is_stale_once_a_tag_that_a_gate_reads_has_changed_and_no_other_tag_matters(team: Team) -> None:
    gate = "{id: reviewed, require: '!has(subject.tags.secret) || lineage.recalled == 0'}"
    text = NEXT.replace("      - id: no-worse\n", f"      - {gate}\n      - id: no-worse\n")
    put_in_force(team, text)
    ref = team.publish()
    request = almost_in_production(team, ref)
    with team.open_uow(actor="ana", write=True) as uow:
        uow.catalog.set_tags(ref, {"other": "x"}, at=team.clock.now())
        uow.commit(Event("model_version.tagged", str(ref), {}))
    assert not any(vote.stale for vote in team.promotions("guest").request_detail(request).votes)
    with team.open_uow(actor="ana", write=True) as uow:
        uow.catalog.set_tags(ref, {"secret": "y"}, at=team.clock.now())
        uow.commit(Event("model_version.tagged", str(ref), {}))
    assert 'subject.tags.secret was missing and is "y"' in stale_because(team, request)


def test_a_vote_is_stale_once_another_version_is_in_production(team: Team) -> None:
    request = almost_in_production(team, team.publish())
    other = team.publish()
    bring_to(team, other, "production")
    why = stale_because(team, request)
    assert f"the version to compare with was none and is {other}" in why
    assert "baseline.accuracy was missing and is 0.9" in why


def test_a_vote_stands_again_once_things_are_as_they_were(team: Team) -> None:
    source = team.publish("library/net")
    ref = team.publish(parents=[source])
    request = almost_in_production(team, ref)
    set_status(team, source, Status.DEPRECATED)
    set_status(team, source, Status.ACTIVE)
    team.promotions("carla").approve(request)
    assert team.stage(ref) == "production"


def test_a_decision_on_votes_that_are_bound_to_what_was_seen_replays(team: Team) -> None:
    ref = team.publish()
    request = almost_in_production(team, ref)
    team.promotions("carla").approve(request)
    assert team.promotions("guest").replay(request).allowed
    assert team.promotions("guest").request_detail(request).bound.seen is not None


# --- a rejection that evaporates -------------------------------------------------------------------------------------


def rejected(team: Team, ref: VersionRef) -> str:
    """A request to `validated` that ben has rejected."""
    request = to_validated(team, ref).summary.id
    team.promotions("ben").reject(request, comment="the test set has leaked")
    return request


def candidate(team: Team) -> VersionRef:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    return ref


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
    team.promotions("ana").add_evidence(ref_of(ref), "validation", {"result": "pass", "note": "on new rows"})
    opened = to_validated(team, ref)
    expected = "ben rejected it on 2026-11-23: the test set has leaked (but the evidence changed since)"
    assert expected in opened.warnings


def two_who_may_overrule(team: Team) -> None:
    text = NEXT.replace("overruled_by: risk-owner, quorum: 2", "overruled_by: validator, quorum: 2")
    assert text != NEXT
    put_in_force(team, text)


def test_a_rejection_is_overruled_by_as_many_people_as_the_policy_says_and_each_is_on_record(team: Team) -> None:
    two_who_may_overrule(team)
    with team.open_uow(actor="root", write=True) as uow:
        uow.people.add(Person("vito", "Vito", ("validator",), team.clock.now()))
        uow.commit(Event("person.added", "person:vito", {}))
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
