"""The ready-made policies let through what they say, and stop who tries to get round them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry.domain.names import VersionRef
from registry.domain.people.people import Person
from registry.errors import PolicyRefusedError
from registry.services.governance.policies.document import read_policy
from registry.services.lineage.leaking import LEAKAGE
from tests.builders import digest
from tests.registry.services.teams import Team, put_in_force, ref_of

FOLDER = Path(__file__).parents[5] / "examples" / "policies"
EXAMPLES = sorted(FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_ready_made_policy_can_be_published(path: Path) -> None:
    assert read_policy(path.read_text(encoding="utf-8"), new=True).transitions


def test_a_team_lets_a_validated_version_into_production_and_one_veto_stops_it(team: Team) -> None:
    put_in_force(team, (FOLDER / "team.yaml").read_text(encoding="utf-8"))
    ref, ana = team.publish(), team.promotions("ana")
    ana.request(ref_of(ref), "candidate")
    team.promotions("ben").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = ana.request(ref_of(ref), "production").summary.id
    team.promotions("vera").veto(request, comment="the report is missing")
    team.promotions("ben").approve(request)
    team.promotions("carla").approve(request)
    assert team.stage(ref) == "candidate"
    team.promotions("vera").overrule(request, comment="found it")
    team.promotions("ana").complete(request)
    assert team.stage(ref) == "production"


def record_seen_rows(team: Team, ref: VersionRef, seen: int) -> None:
    """As its step does: how many of its test rows stood in training data."""
    facts = {LEAKAGE: {"known": True, "seen": seen, "test_rows": 20}}
    with team.open_uow(actor="ana", write=True) as uow:
        version = uow.catalog.version(ref)
        assert version is not None
        uow.steps.set_manifest(version.step, json.dumps({"facts": facts}).encode(), digest(version.step + str(seen)))
        uow.commit_unaudited()


def test_a_regulated_version_has_its_tier_its_independent_people_and_its_time(team: Team) -> None:
    with team.open_uow(actor="root", write=True) as uow:
        uow.people.add(Person("rolf", "Rolf", ("risk-owner",), team.clock.now()))
        uow.commit_unaudited()
    put_in_force(team, (FOLDER / "regulated.yaml").read_text(encoding="utf-8"))
    data = team.add_data()
    with team.open_uow(actor="root") as uow:
        node = uow.graph.node(str(data))
    assert node is not None
    ref, ana, ben = team.publish(data={"test": data}), team.promotions("ana"), team.promotions("ben")
    use = {"decides_about_people": "yes", "exposure": "internal", "purpose": "reads digits on forms"}
    ana.add_evidence(ref_of(ref), "intended_use", use)
    ana.request(ref_of(ref), "candidate")
    ben.add_evidence(ref_of(ref), "validation", {"result": "pass", "eval_dataset": str(node.digest)})
    team.clock.forward(minutes=1)
    for seen in (None, 3):
        if seen is not None:
            record_seen_rows(team, ref, seen)
        refused = ana.request(ref_of(ref), "validated")
        assert [one.id for one in refused.verdict.checks if one.id == "unseen-test-rows" and not one.passed]
        ana.withdraw(refused.summary.id)
    record_seen_rows(team, ref, 0)
    request = ana.request(ref_of(ref), "validated")
    assert any(check.message.startswith("Risk tier high") for check in request.verdict.checks)
    ben.approve(request.summary.id, comment="checked")
    assert team.stage(ref) == "candidate"
    team.promotions("vera").approve(request.summary.id, comment="checked too")
    assert team.stage(ref) == "validated"
    last = ana.request(ref_of(ref), "production").summary.id
    for who in ("carla", "rolf"):
        team.promotions(who).approve(last, comment="the risk is small")
    with pytest.raises(PolicyRefusedError, match="cooling-off"):
        ana.complete(last)
    team.clock.forward(hours=1, minutes=1)
    ana.complete(last)
    assert team.stage(ref) == "production"


def test_a_regulated_report_about_other_data_does_not_count(team: Team) -> None:
    put_in_force(team, (FOLDER / "regulated.yaml").read_text(encoding="utf-8"))
    data = team.add_data()
    ref, ana = team.publish(data={"test": data}), team.promotions("ana")
    use = {"decides_about_people": "no", "exposure": "internal", "purpose": "reads digits"}
    ana.add_evidence(ref_of(ref), "intended_use", use)
    ana.request(ref_of(ref), "candidate")
    easier = {"result": "pass", "eval_dataset": "sha256:" + "0" * 64}
    team.promotions("ben").add_evidence(ref_of(ref), "validation", easier)
    reasons = ana.request(ref_of(ref), "validated").verdict.reasons
    assert any("Evidence validation is about another eval_dataset" in why for why in reasons)
