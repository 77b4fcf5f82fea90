"""Rollback: one command to a version that was approved before, and to no other."""

from __future__ import annotations

import pytest

from registry.domain.audit import Event
from registry.domain.catalog.models import Status
from registry.domain.governance.promotion import RequestState
from registry.domain.names import Reference, VersionRef
from registry.errors import DamagedError, InvalidError, NotFoundError, PolicyRefusedError
from registry.services.audit.verbs import Audit
from registry.services.governance.reviews.verbs import Reviews
from tests.registry.services.governance.test_requests import set_status
from tests.registry.services.teams import Team, bring_to, ref_of

DIGITS = Reference.parse("models:/vision/digits")


def reviews(team: Team, who: str) -> Reviews:
    return Reviews(team.context(who))


def two_versions(team: Team) -> tuple[VersionRef, VersionRef]:
    """Both were in production; the second is what the alias names."""
    one = team.publish()
    bring_to(team, one, "production")
    two = team.publish(accuracy=0.95)
    bring_to(team, two, "production")
    return one, two


def test_one_person_goes_back_to_the_version_before_in_one_command(team: Team) -> None:
    one, two = two_versions(team)
    done = reviews(team, "carla").roll_back(DIGITS, comment="two fails on slanted sevens")
    assert (done.summary.ref, done.summary.state, done.summary.requested_by) == (one, RequestState.PROMOTED, "carla")
    assert team.alias("vision/digits") == one
    assert any("Passed over in a rollback by carla" in check.message for check in done.verdict.checks)
    assert team.promotions("guest").explain(done.summary.id).replayed == done.verdict
    assert "promotion.rolled_back" in team.actions(str(one))
    assert reviews(team, "ben").roll_back(ref_of(two), comment="it was the camera").summary.ref == two
    assert team.alias("vision/digits") == two
    assert Audit(team.context("root")).verify(state=True).differences == ()


def test_a_retired_version_comes_back_although_no_transition_leads_there(team: Team) -> None:
    one, _ = two_versions(team)
    team.promotions("carla").approve(team.promotions("ana").request(ref_of(one), "retired").summary.id)
    done = reviews(team, "carla").roll_back(ref_of(one), comment="two is down")
    assert (team.stage(one), team.alias("vision/digits")) == ("production", one)
    assert any(check.kind == "order" and "Passed over" in check.message for check in done.verdict.checks)


def test_who_could_not_approve_it_does_not_roll_back(team: Team) -> None:
    one, two = two_versions(team)
    for who in ("ana", "dora", "robot", "root"):
        with pytest.raises(PolicyRefusedError, match=f"{who} may not roll back"):
            reviews(team, who).roll_back(ref_of(one), comment="please")
    with pytest.raises(InvalidError):
        reviews(team, "carla").roll_back(ref_of(one), comment=" ")
    assert team.alias("vision/digits") == two


def test_what_was_never_approved_is_nothing_to_roll_back_to(team: Team) -> None:
    one = team.publish()
    bring_to(team, one, "validated")
    with pytest.raises(NotFoundError, match="never approved"):
        reviews(team, "carla").roll_back(ref_of(one), comment="now")
    other = team.publish("vision/other")
    bring_to(team, other, "production")
    with pytest.raises(NotFoundError, match="no other version of vision/other"):
        reviews(team, "carla").roll_back(Reference.parse("models:/vision/other"), comment="now")


@pytest.mark.parametrize("status", [Status.RECALLED, Status.SUSPENDED, Status.ARCHIVED])
def test_a_version_that_was_taken_back_does_not_come_back(team: Team, status: Status) -> None:
    one, two = two_versions(team)
    set_status(team, one, status)
    with pytest.raises(PolicyRefusedError, match=f"The version is {status}"):
        reviews(team, "carla").roll_back(ref_of(one), comment="now")
    with pytest.raises(NotFoundError):
        reviews(team, "carla").roll_back(DIGITS, comment="now")
    assert team.alias("vision/digits") == two


def test_a_recalled_ancestor_stops_a_rollback_since_that_gate_is_not_waivable(team: Team) -> None:
    parent = team.publish("library/net", accuracy=None)
    one = team.publish(parents=[parent])
    bring_to(team, one, "production")
    two = team.publish(accuracy=0.95)
    bring_to(team, two, "production")
    with team.open_uow(actor="root", write=True) as uow:
        uow.catalog.set_status(parent, Status.RECALLED, "poisoned", at=team.clock.now())
        uow.commit(Event("model_version.recalled", str(parent), {}))
    with pytest.raises(PolicyRefusedError, match="No ancestor is recalled or suspended"):
        reviews(team, "carla").roll_back(ref_of(one), comment="now")


def test_damaged_files_do_not_come_back(team: Team) -> None:
    one, _ = two_versions(team)
    team.blobs.kept.clear()
    with pytest.raises(DamagedError):
        reviews(team, "carla").roll_back(ref_of(one), comment="now")
