"""The inbox: what waits for a person, what they asked for, and which of their votes went stale."""

from __future__ import annotations

from registry.domain.governance.recalls import Level
from registry.domain.governance.reviews.inbox import Errand, Inbox
from registry.services.governance.policies.stored import default_policy_text
from registry.services.governance.reviews import inbox as module
from registry.services.governance.reviews.verbs import Reviews
from tests.registry.services.governance.recalls.worlds import build
from tests.registry.services.governance.reviews.test_findings import raise_one
from tests.registry.services.teams import Team, bring_to, ref_of


def inbox(team: Team, who: str) -> Inbox:
    return Reviews(team.context(who)).inbox()


def errands(team: Team, who: str) -> dict[str, list[tuple[Errand, str]]]:
    found = inbox(team, who)
    return {
        name: [(item.errand, item.id) for item in getattr(found, name)]
        for name in ("waiting", "stale", "mine")
        if getattr(found, name)
    }


def test_a_request_waits_for_those_whose_approval_is_missing_and_would_count(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    ana, ben, carla = (team.promotions(who) for who in ("ana", "ben", "carla"))
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = ana.request(ref_of(ref), "production").summary.id
    waits = {"waiting": [(Errand.VOTE, request)]}
    assert errands(team, "ben") == errands(team, "vera") == errands(team, "carla") == waits
    (item,) = inbox(team, "carla").waiting
    assert (item.title, item.ref) == (f"{ref} to production", ref)
    assert item.detail == "Needs an approval that you can give as risk-owner"
    for who in ("guest", "dora", "robot", "root"):
        assert errands(team, who) == {}, who
    (own,) = inbox(team, "ana").mine
    assert (own.errand, own.id) == (Errand.REQUEST, request)
    assert "0 of 1 risk-owner approvals" in own.detail
    assert own.detail.endswith("can approve: ben, carla, vera")
    ben.approve(request)
    assert errands(team, "ben") == errands(team, "vera") == {}, "one validator was needed"
    assert errands(team, "carla") == waits
    carla.approve(request)
    assert errands(team, "carla") == errands(team, "ana") == {}


def test_whose_vote_went_stale_is_told_what_changed(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    ana, ben = team.promotions("ana"), team.promotions("ben")
    request = ana.request(ref_of(ref), "production").summary.id
    warned = ben.approve(request).warnings
    assert any("Evidence validation is still needed: an approval given now becomes stale" in one for one in warned)
    assert errands(team, "ben") == {}
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    assert errands(team, "ben") == {"stale": [(Errand.STALE_VOTE, request)]}
    assert "stale because the evidence changed since" in inbox(team, "ben").stale[0].detail
    ben.approve(request)
    assert errands(team, "ben") == {}


def test_findings_wait_for_their_owner_and_policies_for_those_who_decide_on_them(team: Team) -> None:
    finding = raise_one(team, "ben", team.publish())
    proposal = team.promotions("root").publish_policy(default_policy_text().replace("version: 3", "version: 4", 1))
    assert errands(team, "ana") == {"waiting": [(Errand.FINDING, finding.id)]}
    assert errands(team, "carla") == {"waiting": [(Errand.POLICY, proposal.id)]}
    assert errands(team, "root") == {}
    (item,) = inbox(team, "ana").waiting
    assert (item.due, item.detail) == (finding.due_at, "About vision/digits/1: high, due 2026-12-02 00:00 UTC")
    team.clock.set_by(finding.due_at - team.clock.now())
    assert inbox(team, "ana").waiting[0].detail.startswith("About vision/digits/1: high, overdue since")


def test_an_inbox_says_when_it_did_not_look_at_every_request(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    team.promotions("ana").request(ref_of(ref), "validated")
    assert inbox(team, "guest").complete
    other = team.publish("vision/other")
    bring_to(team, other, "candidate")
    team.promotions("ana").request(ref_of(other), "validated")
    most, module.MOST = module.MOST, 1
    try:
        assert not inbox(team, "guest").complete
    finally:
        module.MOST = most


def test_a_request_says_who_can_supply_what_is_missing(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "validated")
    opened = team.promotions("ana").request(ref_of(ref), "production")
    assert opened.suppliers == {"validation": ("ben", "dora", "robot", "vera")}, "ana made it"
    assert opened.voters == {"validator": ("ben", "vera"), "risk-owner": ("carla",)}
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "fail"})
    detail = team.promotions("ben").request_detail(opened.summary.id)
    assert detail.suppliers == {}
    assert any(one.startswith("Gate validation-passed does not hold: an approval given now") for one in detail.warnings)


def test_the_owner_of_what_a_recall_reaches_finds_the_tasks_until_they_are_settled(team: Team) -> None:
    world = build(team)
    recall = world.open(world.photos, Level.QUARANTINE).recall
    (item,) = (one for one in inbox(team, "ana").waiting if one.errand is Errand.RECALL)
    assert (item.id, item.title) == (recall.id, f"Recall of {world.photos} (quarantine)")
    assert "have no disposition yet" in item.detail
    assert Errand.RECALL not in {one.errand for one in inbox(team, "ben").waiting}
    world.recalls().reverse(recall.id, reason="wrong")
    assert Errand.RECALL not in {one.errand for one in inbox(team, "ana").waiting}
