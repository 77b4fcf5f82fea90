"""What moves when a request is decided, and what of a version stands in its way."""

from __future__ import annotations

import pytest

from lineage import Assurance
from registry.domain.audit import Event
from registry.domain.catalog.models import Status
from registry.domain.governance.promotion import RequestState
from registry.domain.names import VersionRef
from registry.domain.recipes.recipe import Method
from registry.errors import (
    PolicyRefusedError,
)
from tests.registry.services.teams import Team, bring_to, ref_of


def test_the_protected_alias_moves_to_a_new_version_and_can_be_rolled_back(team: Team) -> None:
    one = team.publish()
    bring_to(team, one, "production")
    two = team.publish(accuracy=0.95)
    bring_to(team, two, "production")
    assert team.alias("vision/digits") == two
    back = team.promotions("ana").request(ref_of(one), "production").summary
    assert back.alias == "production"
    team.promotions("carla").approve(back.id)
    assert team.alias("vision/digits") == one
    again = team.promotions("ana").request(ref_of(one), "production").summary
    team.promotions("carla").approve(again.id)
    assert team.alias("vision/digits") == one
    assert "alias.dropped" not in team.actions(str(one))


def test_a_worse_version_is_held_against_the_one_in_production(team: Team) -> None:
    bring_to(team, team.publish(accuracy=0.95), "production")
    worse = team.publish(accuracy=0.9)
    bring_to(team, worse, "validated")
    reasons = team.promotions("ana").request(ref_of(worse), "production").verdict.reasons
    assert any(reason.startswith("No worse than the version in production") for reason in reasons)


def test_a_retired_version_gives_up_the_protected_alias(team: Team) -> None:
    ref = team.publish()
    bring_to(team, ref, "production")
    request = team.promotions("ana").request(ref_of(ref), "retired").summary.id
    team.promotions("carla").approve(request)
    assert (team.stage(ref), team.alias("vision/digits")) == ("retired", None)
    assert team.actions(str(ref))[-1] == "alias.dropped"


def test_retiring_a_version_leaves_the_alias_of_its_successor_alone(team: Team) -> None:
    one = team.publish()
    bring_to(team, one, "production")
    two = team.publish(accuracy=0.95)
    bring_to(team, two, "production")
    team.promotions("carla").approve(team.promotions("ana").request(ref_of(one), "retired").summary.id)
    assert (team.stage(one), team.alias("vision/digits")) == ("retired", two)


def test_a_recalled_ancestor_stops_a_promotion(team: Team) -> None:
    parent = team.publish("library/net", accuracy=None)
    child = team.publish(parents=[parent])
    with team.open_uow(actor="root", write=True) as uow:
        uow.catalog.set_status(parent, Status.RECALLED, "poisoned", at=team.clock.now())
        uow.commit(Event("model_version.recalled", str(parent), {}))
    with pytest.raises(PolicyRefusedError, match="No ancestor is recalled or suspended"):
        team.promotions("ana").request(ref_of(child), "candidate")


def test_a_claimed_parent_that_the_weights_contradict_stops_a_promotion(team: Team) -> None:
    """An insider passes off a model of unknown origin as the child of an approved one."""
    parent = team.publish("library/net", method=Method.IMPORT, accuracy=None)
    ref = team.publish(parents=[parent])
    with team.open_uow(actor="ana", write=True) as uow:
        step = uow.catalog.version(ref)
        assert step is not None
        uow.graph.set_assurance(step.step, str(parent), Assurance.CONTRADICTED, at=team.clock.now())
        uow.commit(Event("lineage.verified", str(ref), {}))
    with pytest.raises(PolicyRefusedError, match="The weights contradict no claimed parent"):
        team.promotions("ana").request(ref_of(ref), "candidate")
    assert team.stage(ref) == "registered"


def test_an_unknown_licence_anywhere_in_the_ancestry_stops_a_promotion(team: Team) -> None:
    parent = team.publish("library/net", licence="other")
    child = team.publish(parents=[parent], data={"train": team.add_data()})
    with pytest.raises(PolicyRefusedError, match="of every ancestor is known"):
        team.promotions("ana").request(ref_of(child), "candidate")


def test_a_model_no_better_than_guessing_is_not_validated(team: Team) -> None:
    ref = team.publish(accuracy=0.42)
    bring_to(team, ref, "candidate")
    reasons = team.promotions("ana").request(ref_of(ref), "validated").verdict.reasons
    assert reasons[0].startswith("The accuracy is clearly above the majority-class baseline")


def test_an_imported_model_is_validated_by_a_report_instead_of_metrics(team: Team) -> None:
    ref = team.publish("library/net", accuracy=None, method=Method.IMPORT)
    bring_to(team, ref, "candidate")
    team.promotions("dora").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    assert team.promotions("ben").approve(request).summary.state is RequestState.PROMOTED


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.ACTIVE])
def test_a_version_that_is_not_active_is_promoted_no_further(team: Team, status: Status) -> None:
    ref = team.publish()
    bring_to(team, ref, "candidate")
    open_before = team.promotions("ana").request(ref_of(ref), "validated").summary.id
    set_status(team, ref, status)
    with pytest.raises(PolicyRefusedError, match=f"The version is {status.value}, not active"):
        team.promotions("ana").request(ref_of(ref), "production")
    voted = team.promotions("ben").approve(open_before)
    assert (voted.summary.state, team.stage(ref)) == (RequestState.OPEN, "candidate")
    assert voted.verdict.reasons == (f"The version is {status.value}, not active",)
    set_status(team, ref, Status.ACTIVE)
    assert team.promotions("ana").request_detail(open_before).summary.state is RequestState.OPEN


def set_status(team: Team, ref: VersionRef, status: Status) -> None:
    with team.open_uow(actor="root", write=True) as uow:
        uow.catalog.set_status(ref, status, "for a reason", at=team.clock.now())
        uow.commit(Event(f"model_version.{status.value}", str(ref), {}))
