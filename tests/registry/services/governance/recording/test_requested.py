"""What the registry records when a promotion is requested: only where a policy asks, and once while it stands."""

from __future__ import annotations

from registry.domain.names import VersionRef
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.recording.requested import record_for_request
from tests.registry.services.teams import Team, put_in_force, ref_of

KIND = "evidence_types:\n  mlbom: {media_type: application/vnd.cyclonedx+json, producer: system}"
MLBOM = (
    default_policy_text()
    .replace("version: 3", "version: 4", 1)
    .replace("evidence_types:", KIND, 1)
    .replace("      - {type: provenance}\n", "      - {type: provenance}\n      - {type: mlbom, max_age: P7D}\n", 1)
)


def recorded(team: Team, ref: VersionRef, target: str = "candidate") -> list[object]:
    """The types that are recorded when dora asks now."""
    with team.open_uow(actor="dora", write=True) as uow:
        events = record_for_request(uow, team.blobs, ref, target, by="dora", now=team.clock.now())
        if events:
            uow.commit(*events)
    return [one.detail["type"] for one in events]


def test_nothing_is_recorded_where_no_policy_asks_for_it(team: Team) -> None:
    assert recorded(team, team.publish()) == []


def test_it_is_recorded_once_and_anew_when_it_is_too_old_or_says_something_else(team: Team) -> None:
    base = team.publish("library/base")
    ref = team.publish(parents=[base])
    put_in_force(team, MLBOM)
    (option,) = team.promotions("dora").options(ref_of(ref))
    assert option.can_request
    assert "Evidence mlbom is missing: the registry records it when a promotion is requested" in option.reasons
    assert recorded(team, ref, "status:deprecated") == []
    assert [recorded(team, ref), recorded(team, ref)] == [["mlbom"], []]
    (value,) = [one for one in team.promotions("guest").evidence(ref_of(ref)) if one.type == "mlbom"]
    assert value.file is not None
    with team.blobs.open(value.file) as document:
        assert b"CycloneDX" in document.read()
    team.clock.forward(days=8)
    assert recorded(team, ref) == ["mlbom"]
    with team.open_uow(actor="root", write=True) as uow:
        uow.catalog.set_stage(base, "production", at=team.clock.now())
        uow.commit_unaudited()
    assert recorded(team, ref) == ["mlbom"], "it names the stages of its ancestors"
    team.promotions("dora").request(ref_of(ref), "candidate")
    assert team.stage(ref) == "candidate"
