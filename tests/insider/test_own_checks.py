"""The insider writes the report that lets their own model through, or has another account of theirs write it."""

from __future__ import annotations

import pytest

from registry.domain.governance.case import STRICT_CHECKS
from registry.errors import PolicyRefusedError
from registry.services.governance.decisions import decided_case
from tests.registry.services.teams import Team, bring_to, ref_of

PASS = {"result": "pass"}


def test_who_made_a_version_does_not_validate_it_by_any_account(team: Team) -> None:
    root, ref = team.people("root"), team.publish(by="dora")
    bring_to(team, ref, "validated")
    root.add("dora2", "Dora again")
    root.grant("dora2", "developer")
    root.link("dora2", "dora")
    for who in ("dora", "dora2"):
        with pytest.raises(PolicyRefusedError, match=f"{who} made this version, and validation evidence is about what"):
            team.promotions(who).add_evidence(ref_of(ref), "validation", PASS)
    team.promotions("dora").add_evidence(ref_of(ref), "other", {"note": "not a check"})
    missing = team.promotions("ana").request(ref_of(ref), "production").verdict.reasons
    assert missing[0] == "Evidence validation is missing"


def test_a_report_counts_no_more_once_its_author_has_had_a_hand_in_the_version(team: Team) -> None:
    ref = team.publish(by="ana")
    bring_to(team, ref, "validated")
    team.promotions("dora").add_evidence(ref_of(ref), "validation", PASS)
    with team.open_uow(actor="dora", write=True) as uow:
        uow.catalog.add_card(ref, "---\nlicense: apache-2.0\n---\n# Better words\n", by="dora", at=team.clock.now())
        uow.commit_unaudited()
    missing = team.promotions("ana").request(ref_of(ref), "production").verdict.reasons
    assert "Evidence validation is missing: dora made the version, so what dora wrote does not count" in missing
    team.promotions("vera").add_evidence(ref_of(ref), "validation", PASS)
    assert not any("validation" in why.lower() for why in team.promotions("ana").options(ref_of(ref))[0].reasons), (
        "one by somebody else counts"
    )


def test_a_decision_from_before_this_rule_is_judged_as_it_was(team: Team) -> None:
    """The stored case says which rules it was judged by."""
    ref = team.publish(by="dora")
    bring_to(team, ref, "candidate")
    request = team.promotions("dora").requests(reference=ref_of(ref)).items[0].id
    with team.open_uow(actor="root") as uow:
        assert decided_case(uow, team.blobs, request).edition == STRICT_CHECKS
