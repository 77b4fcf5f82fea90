"""Findings: who raises them, who may say that they were put right, and what they do to a promotion."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.domain.governance.reviews.findings import Finding, FindingState, NewFinding, Severity
from registry.domain.names import VersionRef
from registry.errors import (
    BadFilterError,
    ConflictError,
    InvalidError,
    NotFoundError,
    PermissionDeniedError,
)
from registry.services.audit.verbs import Audit
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.reviews.verbs import Reviews
from registry.services.governance.statuses import makers
from tests.registry.services.teams import Team, bring_to, put_in_force, ref_of

STRICT = (
    default_policy_text()
    .replace("version: 3", "version: 4", 1)
    .replace(
        "    approvals:\n      - {role: validator, quorum: 1}\n\n  - id: to-production",
        "      - id: findings\n"
        "        require: findings.open.critical == 0 && findings.open.high == 0 && findings.overdue == 0\n"
        "    approvals:\n      - {role: validator, quorum: 1}\n\n  - id: to-production",
    )
)
WISH = NewFinding("slanted sevens are read as ones", Severity.HIGH, "ana", "2026-12-01")


def raise_one(team: Team, who: str, ref: VersionRef, **changes: object) -> Finding:
    wish = NewFinding(**{**{name: getattr(WISH, name) for name in WISH.__slots__}, **changes})
    return Reviews(team.context(who)).add_finding(ref_of(ref), wish)


def test_a_gate_reads_the_open_findings_and_a_vote_given_before_one_was_raised_is_stale(team: Team) -> None:
    put_in_force(team, STRICT)
    ref = team.publish()
    bring_to(team, ref, "candidate")
    ana, ben = team.promotions("ana"), team.promotions("ben")
    raised = raise_one(team, "vera", ref, severity=Severity.MEDIUM)
    request = ana.request(ref_of(ref), "validated").summary.id
    high = raise_one(team, "vera", ref, request=request)
    detail = ben.approve(request)
    assert [one.id for one in detail.findings] == [raised.id, high.id]
    assert any("findings.open.high" in reason for reason in detail.verdict.reasons)
    assert team.stage(ref) == "candidate"
    Reviews(team.context("vera")).resolve_finding(high.id, comment="retrained")
    after = ana.request_detail(request)
    assert [vote.stale for vote in after.votes] == [True]
    assert "findings.open.high was 1 and is 0" in "".join(after.warnings)
    assert ben.approve(request).summary.state == "promoted"
    assert ana.explain(request).replayed.allowed


def test_an_overdue_finding_is_overdue_from_its_day_on_and_never_before(team: Team) -> None:
    ref, reviews = team.publish(), Reviews(team.context("guest"))
    finding = raise_one(team, "ben", ref, due="2026-11-24")
    team.clock.set_by(finding.due_at - team.clock.now() - timedelta(microseconds=1))
    assert reviews.findings(state=FindingState.OVERDUE).items == []
    team.clock.set_by(timedelta(microseconds=1))
    assert [one.id for one in reviews.findings(state=FindingState.OVERDUE).items] == [finding.id]
    team.clock.set_by(-timedelta(days=1))
    assert reviews.findings(state=FindingState.OVERDUE).items == []


def test_findings_are_listed_by_version_owner_and_state(team: Team) -> None:
    one, two = team.publish(), team.add_data()
    reviews = Reviews(team.context("guest"))
    first, second = raise_one(team, "ben", one), raise_one(team, "ben", two, owner="dora")
    assert reviews.findings().items == [second, first]
    assert reviews.findings(reference=ref_of(two)).items == [second]
    assert reviews.findings(owner="ana").items == [first]
    Reviews(team.context("ben")).resolve_finding(first.id, comment="done")
    assert reviews.findings(state=FindingState.OPEN).items == [second]
    (resolved,) = reviews.findings(state=FindingState.RESOLVED).items
    assert (resolved.resolved_by, resolved.resolution, resolved.state(team.clock.now())) == ("ben", "done", "resolved")
    assert reviews.finding(first.id) == resolved


def test_who_made_a_version_does_not_say_that_a_finding_about_it_was_put_right(team: Team) -> None:
    finding = raise_one(team, "ben", team.publish())
    for who, why in (("ana", "ana made the version"), ("dora", "dora has none of the roles"), ("robot", "robot has")):
        with pytest.raises(PermissionDeniedError, match=why):
            Reviews(team.context(who)).resolve_finding(finding.id, comment="fine now")
    assert Reviews(team.context("carla")).resolve_finding(finding.id, comment="seen").resolved_by == "carla"
    with pytest.raises(ConflictError, match="resolved already"):
        Reviews(team.context("ben")).resolve_finding(finding.id, comment="again")


def test_a_second_account_of_who_made_a_version_is_barred_too(team: Team) -> None:
    ref = team.publish()
    team.people("root").link("vera", "ana")
    finding = raise_one(team, "ben", ref)
    with team.open_uow(actor="root") as uow:
        assert {"ana"} <= makers(uow, ref)
    with pytest.raises(PermissionDeniedError, match="vera made the version"):
        Reviews(team.context("vera")).resolve_finding(finding.id, comment="fine now")


def test_what_cannot_be_a_finding_is_refused(team: Team) -> None:
    ref, other = team.publish(), team.publish("vision/other")
    for changes, error in (
        ({"due": "2026-11-22"}, InvalidError),
        ({"due": ""}, InvalidError),
        ({"due": "soon"}, BadFilterError),
        ({"owner": "nemo"}, InvalidError),
        ({"text": " "}, InvalidError),
        ({"request": "req-none"}, NotFoundError),
    ):
        with pytest.raises(error):
            raise_one(team, "ben", ref, **changes)
    bring_to(team, ref, "candidate")
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    with pytest.raises(InvalidError, match="not about models:/vision/other/1"):
        raise_one(team, "ben", other, request=request)
    with pytest.raises(PermissionDeniedError):
        raise_one(team, "guest", ref)
    with pytest.raises(InvalidError, match="needs a comment"):
        Reviews(team.context("ben")).resolve_finding(raise_one(team, "ben", ref).id, comment=" ")


def test_each_change_of_a_finding_is_an_entry_and_a_changed_row_is_found(team: Team) -> None:
    ref = team.publish()
    finding = raise_one(team, "ben", ref)
    assert team.actions(str(ref))[-1] == "finding.raised"
    Reviews(team.context("ben")).resolve_finding(finding.id, comment="done")
    assert team.actions(str(ref))[-1] == "finding.resolved"
    audit = Audit(team.context("root"))
    assert audit.verify(state=True).differences == ()
    with team.open_uow(actor="mallory", write=True) as uow:
        uow._open().exec_driver_sql("UPDATE finding SET resolved_at = NULL")
        uow.commit_unaudited()
    (told,) = audit.verify(state=True).differences
    assert told.startswith(f"The finding {finding.id} is high for ana, due 2026-12-02")
    assert "open in the database" in told
