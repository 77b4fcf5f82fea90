"""An insider who wants to ship what should not ship, and the gates that hold: one test for each way that was tried."""

from __future__ import annotations

import pytest

from registry.domain.audit import Event
from registry.domain.catalog.models import Status
from registry.domain.names import VersionRef
from registry.errors import BadPolicyError, PolicyRefusedError
from tests.registry.services.governance.insider import NEXT, POLICY, set_status, to_validated
from tests.registry.services.teams import Team, bring_to, put_in_force, ref_of

VALIDATED = "    approvals:\n      - {role: validator, quorum: 1}\n\n  - id: to-production"


def with_gate(*gates: str, text: str = NEXT) -> str:
    """The default policy with gates more in the transition to `validated`."""
    rows = "".join(f"      - {gate}\n" for gate in gates)
    assert VALIDATED in text
    return text.replace(VALIDATED, rows + VALIDATED)


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
    put_in_force(team, with_gate(skipped, text=POLICY.replace("version: 3", "version: 5")))
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
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = team.promotions("ana").request(ref_of(ref), "production").summary.id
    team.promotions("ben").approve(request)
    return request


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
    assert team.promotions("guest").explain(request).replayed.allowed
    assert team.promotions("guest").request_detail(request).bound.seen is not None
