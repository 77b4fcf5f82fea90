"""A decision is stored with everything that it was made on, and can be judged again."""

from __future__ import annotations

import pytest

from lineage import Digest
from registry.errors import (
    NotFoundError,
)
from registry.services.audit.verbs import Audit
from tests.registry.services.teams import Team, bring_to, ref_of


def test_a_decision_replays_from_what_it_was_made_on(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    ana, ben = team.promotions("ana"), team.promotions("ben")
    request = ana.request(ref_of(ref), "production").summary.id
    decided = ben.reject(request, comment="the test set has leaked")
    team.clock.forward(days=400)
    team.people("root").revoke("ben", "validator")
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    assert ana.explain(request).replayed == decided.verdict == ana.request_detail(request).verdict
    assert ana.request_detail(request) == decided
    with pytest.raises(NotFoundError):
        ana.explain(ana.request(ref_of(ref), "production").summary.id)


def test_a_decision_on_evidence_with_several_facts_replays_to_the_same_words(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass", "note": "by hand", "errors": 3})
    request = team.promotions("ana").request(ref_of(ref), "production").summary.id
    decided = team.promotions("ben").reject(request, comment="not yet")
    assert team.promotions("guest").explain(request).same
    assert "Evidence validation provided: errors = 3, note = by hand, result = pass" in {
        check.message for check in decided.verdict.checks
    }


def test_the_audit_log_names_the_digest_of_what_a_decision_was_made_on(team: Team) -> None:
    ref = team.publish()
    request = team.promotions("ana").request(ref_of(ref), "candidate").summary.id
    (entry,) = Audit(team.context("root")).search(subject=request).items
    assert entry.action == "promotion.decided"
    case = Digest.parse(str(entry.detail["case"]))
    assert Digest.of(team.blobs.kept[case]) == case
