"""What moves when a request is decided, and what of a version stands in its way."""

from __future__ import annotations

import pytest

from registry.domain.audit import Event
from registry.domain.catalog.models import Status
from registry.domain.governance.promotion import RequestState
from registry.domain.names import VersionRef
from registry.domain.recipes.recipe import Method
from registry.errors import (
    PolicyRefusedError,
)
from tests.registry.services.houses import House, bring_to, ref_of


def test_the_protected_alias_moves_on_and_comes_back(house: House) -> None:
    one = house.publish()
    bring_to(house, one, "production")
    two = house.publish(accuracy=0.95)
    bring_to(house, two, "production")
    assert house.alias("vision/digits") == two
    back = house.promotions("ana").request(ref_of(one), "production").summary
    assert back.alias == "production"
    house.promotions("carla").approve(back.id)
    assert house.alias("vision/digits") == one
    again = house.promotions("ana").request(ref_of(one), "production").summary
    house.promotions("carla").approve(again.id)
    assert house.alias("vision/digits") == one
    assert "alias.dropped" not in house.actions(str(one))


def test_a_worse_version_is_held_against_the_one_in_production(house: House) -> None:
    bring_to(house, house.publish(accuracy=0.95), "production")
    worse = house.publish(accuracy=0.9)
    bring_to(house, worse, "validated")
    reasons = house.promotions("ana").request(ref_of(worse), "production").verdict.reasons
    assert any(reason.startswith("No worse than the version in production") for reason in reasons)


def test_a_retired_version_gives_up_the_protected_alias(house: House) -> None:
    ref = house.publish()
    bring_to(house, ref, "production")
    request = house.promotions("ana").request(ref_of(ref), "retired").summary.id
    house.promotions("carla").approve(request)
    assert (house.stage(ref), house.alias("vision/digits")) == ("retired", None)
    assert house.actions(str(ref))[-1] == "alias.dropped"


def test_retiring_a_version_leaves_the_alias_of_its_successor_alone(house: House) -> None:
    one = house.publish()
    bring_to(house, one, "production")
    two = house.publish(accuracy=0.95)
    bring_to(house, two, "production")
    house.promotions("carla").approve(house.promotions("ana").request(ref_of(one), "retired").summary.id)
    assert (house.stage(one), house.alias("vision/digits")) == ("retired", two)


def test_a_recalled_ancestor_stops_a_promotion(house: House) -> None:
    parent = house.publish("library/net", accuracy=None)
    child = house.publish(parents=[parent])
    with house.open_uow(actor="root", write=True) as uow:
        uow.catalog.set_status(parent, Status.RECALLED, "poisoned", at=house.clock.now())
        uow.commit(Event("model_version.recalled", str(parent), {}))
    with pytest.raises(PolicyRefusedError, match="No ancestor is recalled or suspended"):
        house.promotions("ana").request(ref_of(child), "candidate")


def test_an_unknown_licence_anywhere_in_the_ancestry_stops_a_promotion(house: House) -> None:
    parent = house.publish("library/net", licence="other")
    child = house.publish(parents=[parent], data={"train": house.add_data()})
    with pytest.raises(PolicyRefusedError, match="of every ancestor is known"):
        house.promotions("ana").request(ref_of(child), "candidate")


def test_a_model_no_better_than_guessing_is_not_validated(house: House) -> None:
    ref = house.publish(accuracy=0.42)
    bring_to(house, ref, "candidate")
    reasons = house.promotions("ana").request(ref_of(ref), "validated").verdict.reasons
    assert reasons[0].startswith("The accuracy is clearly above that of always naming the commonest class")


def test_an_imported_model_is_validated_by_a_report_instead_of_metrics(house: House) -> None:
    ref = house.publish("library/net", accuracy=None, method=Method.IMPORT)
    bring_to(house, ref, "candidate")
    house.promotions("ana").add_evidence(ref_of(ref), "validation", {"result": "pass"})
    request = house.promotions("ana").request(ref_of(ref), "validated").summary.id
    assert house.promotions("ben").approve(request).summary.state is RequestState.PROMOTED


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.ACTIVE])
def test_a_version_that_is_not_active_is_promoted_no_further(house: House, status: Status) -> None:
    ref = house.publish()
    bring_to(house, ref, "candidate")
    open_before = house.promotions("ana").request(ref_of(ref), "validated").summary.id
    set_status(house, ref, status)
    with pytest.raises(PolicyRefusedError, match=f"The version is {status.value}, not active"):
        house.promotions("ana").request(ref_of(ref), "retired")
    voted = house.promotions("ben").approve(open_before)
    assert (voted.summary.state, house.stage(ref)) == (RequestState.OPEN, "candidate")
    assert voted.verdict.reasons == (f"The version is {status.value}, not active",)
    set_status(house, ref, Status.ACTIVE)
    assert house.promotions("ana").request_detail(open_before).summary.state is RequestState.OPEN


def set_status(house: House, ref: VersionRef, status: Status) -> None:
    with house.open_uow(actor="root", write=True) as uow:
        uow.catalog.set_status(ref, status, "for a reason", at=house.clock.now())
        uow.commit(Event(f"model_version.{status.value}", str(ref), {}))
