"""A policy that wants signed approvals counts no other, at the vote, at each look, at the replay and in the audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from registry.domain.governance.promotion import RequestState, VoteEntry
from registry.domain.governance.reviews.findings import Finding, NewFinding, Severity
from registry.domain.governance.seen import seen_digest
from registry.domain.governance.signing import approval_text, is_signed
from registry.domain.names import VersionRef
from registry.domain.people.keys import new_key, public_key
from registry.errors import PolicyRefusedError
from registry.services.audit.verbs import Audit
from registry.services.governance.policies.document import read_policy
from registry.services.governance.policies.satisfiable import unmet
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.signatures import signed
from tests.builders import model_ref
from tests.registry.policy_cases import case, policy, vote
from tests.registry.services.governance.signers import approve, change, key_of, signature
from tests.registry.services.teams import Team, bring_to, put_in_force, ref_of

VERSION = model_ref("vision/digits/1")
SIGNED = default_policy_text().replace("version: 3", "version: 4", 1) + "votes: {signed: true}\n"


def asked(team: Team) -> tuple[VersionRef, str]:
    """A version with all its evidence, and the request to bring it into production."""
    ref = team.publish()
    bring_to(team, ref, "validated")
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    put_in_force(team, SIGNED)
    return ref, team.promotions("ana").request(ref_of(ref), "production").summary.id


def test_the_text_that_is_signed_is_the_documented_one() -> None:
    bound = case(policy()).bound
    lines = approval_text("req-1", "models:/vision/digits/2", "production", bound, "ab").splitlines()
    assert lines[:6] == [
        "forebear-approval/1",
        "request req-1",
        "version models:/vision/digits/2",
        "to production",
        "vote approve",
        "key ab",
    ]
    assert lines[6:] == [
        f"artifact {bound.artifact}",
        f"lineage {bound.lineage}",
        f"policy {bound.policy}",
        f"evidence {bound.evidence}",
        f"seen {bound.seen or 'none'}",
    ]
    assert str(bound.artifact).startswith("sha256:")


def test_signed_approvals_promote_and_replay_and_the_audit_verifies_them(team: Team) -> None:
    ref, request = asked(team)
    assert any("--sign KEYFILE" in one for one in team.promotions("ben").request_detail(request).warnings)
    with pytest.raises(PolicyRefusedError, match="counts signed approvals only: forebear promote approve"):
        team.promotions("ben").approve(request)
    with pytest.raises(PolicyRefusedError, match="ben has registered no key"):
        team.promotions("ben").approve(request, signature="00" * 64)
    approve(team, "ben", request, key_of(team, "ben"))
    done = approve(team, "carla", request, key_of(team, "carla"))
    assert (done.summary.state, team.stage(ref)) == (RequestState.PROMOTED, "production")
    assert team.promotions("guest").explain(request).same
    assert Audit(team.context("root")).verify(state=True).differences == ()


def test_a_signature_of_another_key_another_request_or_another_state_of_things_is_refused(team: Team) -> None:
    ref, request = asked(team)
    own, other = key_of(team, "ben"), new_key()
    ben = team.promotions("ben")
    detail = ben.request_detail(request)
    elsewhere = replace(detail, summary=replace(detail.summary, id="req-00000000000000000000000000"))
    for given in (signature(detail, other), signature(elsewhere, own), "00" * 64, "odd", signature(detail, own)[:-2]):
        with pytest.raises(PolicyRefusedError, match="not that of the key of ben over what is judged now"):
            ben.approve(request, signature=given)
    team.promotions("vera").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    with pytest.raises(PolicyRefusedError, match="look again, and sign again"):
        ben.approve(request, signature=signature(detail, own))
    ben.reject(request, comment="a rejection needs no signature")


WISH = NewFinding("retrain with slanted sevens", Severity.MEDIUM, "ana", "2026-12-01")
CONDITIONAL = """
votes: {signed: true, values: [approve, approve_with_conditions, reject]}
"""


def asked_with_conditions(team: Team) -> tuple[VersionRef, str]:
    """The same under a policy that takes approvals with conditions and reads findings."""
    text = default_policy_text().replace("version: 3", "version: 4", 1) + CONDITIONAL
    text = text.replace(
        "    to: production\n    evidence:",
        "    to: production\n    conditional: {allowed: true}\n    evidence:",
    ).replace(
        "      - id: no-worse\n", "      - {id: few, require: findings.open.medium < 2}\n      - id: no-worse\n", 1
    )
    ref = team.publish()
    bring_to(team, ref, "validated")
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    put_in_force(team, text)
    return ref, team.promotions("ana").request(ref_of(ref), "production").summary.id


def test_an_approval_with_conditions_is_signed_over_the_state_before_them_and_over_them(team: Team) -> None:
    ref, request = asked_with_conditions(team)
    ben, pem = team.promotions("ben"), key_of(team, "ben")
    detail = ben.request_detail(request)
    for given in ((), [replace(WISH, due="2026-12-02")], [replace(WISH, text="retrain")], [WISH, WISH]):
        with pytest.raises(PolicyRefusedError, match="not that of the key of ben over what is judged now"):
            ben.approve(request, conditions=[WISH], signature=signature(detail, pem, given))
    with pytest.raises(PolicyRefusedError, match="not that of the key of ben"):
        ben.approve(request, signature=signature(detail, pem, [WISH]))
    voted = ben.approve(request, conditions=[WISH], signature=signature(detail, pem, [WISH]))
    assert (voted.votes[-1].stale, voted.votes[-1].seen["findings.open.medium"]) == (False, "1")
    assert approve(team, "carla", request, key_of(team, "carla")).summary.state is RequestState.PROMOTED
    assert team.promotions("guest").explain(request).same
    assert Audit(team.context("root")).verify(state=True).differences == ()
    change(team, "UPDATE finding SET text = 'nothing to do'")
    (found,) = [one for one in Audit(team.context("root")).verify(state=True).differences if "signature" in one]
    assert "no signature of" in found
    assert team.stage(ref) == "production"


def test_a_signed_condition_that_was_altered_or_a_state_that_was_put_under_it_does_not_count(team: Team) -> None:
    _, request = asked_with_conditions(team)
    ben, pem = team.promotions("ben"), key_of(team, "ben")
    ben.approve(request, conditions=[WISH], signature=signature(ben.request_detail(request), pem, [WISH]))
    with team.open_uow(actor="root") as uow:
        stored, findings = uow.governance.request(request), uow.reviews.findings_about(VERSION)
    assert stored is not None
    (vote_,) = stored.votes

    def right(vote: VoteEntry = vote_, found: Sequence[Finding] = findings, request: str = request) -> bool:
        return is_signed(vote, request, str(VERSION), "production", found)

    assert right()
    assert not right(found=[replace(findings[0], severity=Severity.LOW)])
    assert not right(found=[replace(findings[0], due_at=findings[0].due_at + timedelta(days=1))])
    assert not right(found=[replace(findings[0], request="req-other")])
    assert not right(found=[])
    assert not right(replace(vote_, conditions=()))
    assert not right(request="req-other")
    worse = {**vote_.seen, "findings.open.medium": "2"}
    assert not right(replace(vote_, seen=worse))
    assert not right(replace(vote_, seen=worse, bound=replace(vote_.bound, seen=seen_digest(worse))))


def test_an_approval_does_not_count_once_its_key_is_another(team: Team) -> None:
    ref, request = asked(team)
    approve(team, "ben", request, key_of(team, "ben"))
    again = key_of(team, "ben")
    approve(team, "carla", request, key_of(team, "carla"))
    shown = team.promotions("guest").request_detail(request)
    assert any("it is not signed with the key of ben" in one for one in shown.verdict.reasons)
    assert team.stage(ref) == "validated"
    assert approve(team, "ben", request, again).summary.state is RequestState.PROMOTED


def test_who_changes_a_signed_vote_or_a_key_in_the_database_is_found(team: Team) -> None:
    _, request = asked(team)
    approve(team, "ben", request, key_of(team, "ben"))
    forged = public_key(new_key())
    change(team, f"UPDATE person SET key = '{forged}' WHERE handle = 'ben'")
    (found,) = Audit(team.context("root")).verify(state=True).differences
    assert found.startswith(f"The key of person:ben is {forged} in the database")
    change(team, "UPDATE vote SET bound_lineage = bound_artifact")
    found_ = Audit(team.context("root")).verify(state=True).differences
    assert any("The signature of vote 1" in one and "no signature of" in one for one in found_)


def test_an_unsigned_vote_is_taken_as_it_is_where_the_policy_does_not_ask(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    detail = team.promotions("ana").request(ref_of(ref), "validated")
    rules, about = policy(), case(policy())
    plain = vote("vera", about.bound)
    assert signed(detail, rules, about, plain, "") is plain
    pem = key_of(team, "ben")
    assert approve(team, "ben", detail.summary.id, pem).summary.state is RequestState.PROMOTED


def test_policy_check_names_who_has_no_key(team: Team) -> None:
    key_of(team, "ben")
    with team.open_uow(actor="root") as uow:
        (told,) = [one for one in unmet(uow, read_policy(SIGNED, new=True)) if "signed" in one]
    assert told == "Approvals have to be signed, and have no key yet: carla, vera (forebear person key)"
