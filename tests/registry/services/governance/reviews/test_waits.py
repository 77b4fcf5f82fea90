"""A promotion that only waited is completed when its time is over: once, and never past somebody who blocked it."""

from __future__ import annotations

from datetime import timedelta

from registry.services.audit.verbs import Audit
from registry.services.governance.reviews.due import overdue
from registry.services.governance.reviews.verbs import Reviews
from registry.services.governance.reviews.waits import complete_waits, waits_over
from tests.registry.services.governance.test_vetoes import WAIT, approve, ready
from tests.registry.services.teams import Team, ref_of


def tick(team: Team) -> list[str]:
    return [one.message for one in Reviews(team.context("ana")).tick().settled]


def test_what_only_waited_is_promoted_when_the_time_is_over_and_never_before(team: Team) -> None:
    ref, request = ready(team, WAIT)
    approve(team, request, "ben")
    team.clock.forward(hours=2)
    assert tick(team) == [], "an approval is missing"
    approve(team, request, "carla")
    team.clock.set_by(timedelta(hours=1, microseconds=-1))
    assert tick(team) == []
    assert team.stage(ref) == "validated"
    team.clock.set_by(timedelta(microseconds=1))
    assert overdue(team.context("ana")) == 1
    assert tick(team) == [f"Promoted {ref} to production: the wait of {request} is over"]
    assert (team.stage(ref), team.alias("vision/digits")) == ("production", ref)
    assert tick(team) == []
    with team.open_uow(actor="ana") as uow:
        assert waits_over(team.context("ana"), uow) == []
    done = [
        entry for entry in Audit(team.context("root")).search(subject=str(ref)).items if "completed" in entry.action
    ]
    assert [(entry.actor, entry.detail["request"]) for entry in done] == [("system", request)]
    assert team.promotions("guest").explain(request).same
    assert Audit(team.context("root")).verify(state=True).differences == ()


def test_a_veto_and_new_evidence_hold_back_what_waited(team: Team) -> None:
    ref, request = ready(team, WAIT)
    approve(team, request, "ben", "carla")
    team.promotions("vera").veto(request, comment="the faces are in dispute")
    team.clock.forward(hours=2)
    assert tick(team) == []
    team.promotions("vera").overrule(request, comment="settled")
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    assert tick(team) == [], "the approvals are stale"
    assert team.stage(ref) == "validated"


def test_damaged_bytes_are_not_promoted_by_waiting(team: Team) -> None:
    ref, request = ready(team, WAIT)
    approve(team, request, "ben", "carla")
    team.clock.forward(hours=2)
    with team.open_uow(actor="root") as uow:
        blob = next(iter(uow.catalog.all_extents(ref).values()))[0].blob
    team.blobs.delete(blob)
    (told,) = [one.message for one in complete_waits(team.context("ana"))]
    assert told.startswith(f"Could not complete {request}: ")
    assert tick(team) == [], "it is marked as damaged, and not tried again"
    assert team.stage(ref) == "validated"
