"""The insider and the status of versions: to stop what is in production, to lift a stop, to use what was taken back."""

from __future__ import annotations

import pytest

from registry.domain.catalog.models import Status
from registry.domain.names import VersionRef
from registry.domain.people.people import Actor
from registry.errors import (
    ConflictError,
    InvalidError,
    PermissionDeniedError,
    PolicyRefusedError,
    RefusedError,
)
from registry.services.catalog.verbs import Catalog
from registry.services.data.verbs import Datasets
from tests.registry.services.teams import Team, bring_to, ref_of

STATUSES = [status for status in Status if status is not Status.ACTIVE]


def catalog(team: Team, who: str) -> Catalog:
    return Catalog(team.context(who))


def status_of(team: Team, ref: VersionRef) -> Status:
    return catalog(team, "guest").version(ref_of(ref)).summary.status


def decide(team: Team, ref: VersionRef, status: str, reason: str = "better one") -> None:
    """By a request of ana, which carla approves."""
    request = team.promotions("ana").request(ref_of(ref), f"status:{status}", comment=reason)
    team.promotions("carla").approve(request.summary.id)


@pytest.fixture
def production(team: Team) -> VersionRef:
    ref = team.publish()
    bring_to(team, ref, "production")
    return ref


def test_nobody_alone_changes_the_status_of_what_is_in_production(team: Team, production: VersionRef) -> None:
    for who in ("ana", "dora", "ben", "root", "robot"):
        for status in STATUSES:
            with pytest.raises((PolicyRefusedError, PermissionDeniedError)):
                catalog(team, who).set_status(ref_of(production), status, "because I say so")
    assert status_of(team, production) is Status.ACTIVE


def test_the_status_of_what_is_in_production_changes_by_a_decision_that_the_requester_cannot_take(
    team: Team, production: VersionRef
) -> None:
    with pytest.raises(PolicyRefusedError, match=f"promote request {production} --to status:deprecated"):
        catalog(team, "carla").set_status(ref_of(production), Status.DEPRECATED, "see 2")
    decide(team, production, "deprecated", "see 2")
    detail = catalog(team, "guest").version(ref_of(production))
    assert (detail.summary.status, detail.status_reason) == (Status.DEPRECATED, "see 2")
    assert team.actions(str(production))[-2:] == ["promotion.approved", "model_version.deprecated"]
    request = team.promotions("carla").request(ref_of(production), "status:active", comment="see 2").summary.id
    with pytest.raises(PolicyRefusedError, match="nobody approves their own work"):
        team.promotions("carla").approve(request)


def test_a_deprecated_version_in_production_can_be_retired_restored_and_rolled_back_to(
    team: Team, production: VersionRef
) -> None:
    decide(team, production, "deprecated")
    decide(team, production, "active", "a mistake")
    assert status_of(team, production) is Status.ACTIVE
    newer = team.publish()
    bring_to(team, newer, "production")
    decide(team, production, "deprecated")
    back = team.promotions("ana").request(ref_of(production), "production")
    team.promotions("carla").approve(back.summary.id)
    assert team.alias("vision/digits") == production
    retired = team.promotions("ana").request(ref_of(production), "retired")
    team.promotions("carla").approve(retired.summary.id)
    assert (team.stage(production), team.alias("vision/digits")) == ("retired", None)


def test_who_the_policy_names_stops_a_version_in_production_at_once_and_only_a_decision_lifts_that(
    team: Team, production: VersionRef
) -> None:
    carla = catalog(team, "carla")
    carla.set_status(ref_of(production), Status.SUSPENDED, "wrong answers")
    with pytest.raises(RefusedError, match="is suspended, so its files cannot be read"):
        catalog(team, "ana").open_file(ref_of(production), "model.safetensors")
    with pytest.raises(PolicyRefusedError, match="changes by a decision"):
        carla.set_status(ref_of(production), Status.ACTIVE, "fine again")
    with pytest.raises(PolicyRefusedError, match="changes by a decision"):
        catalog(team, "root").set_status(ref_of(production), Status.ACTIVE, "fine again")
    decide(team, production, "active", "fine again")
    assert status_of(team, production) is Status.ACTIVE


def test_a_service_account_stops_nothing_even_with_the_role(team: Team, production: VersionRef) -> None:
    with pytest.raises(PermissionDeniedError, match="may not suspend or recall"):
        catalog(team, "robot").set_status(ref_of(production), Status.SUSPENDED, "red lamp")


def test_who_made_a_version_does_not_lift_its_recall(team: Team) -> None:
    ref = team.publish()
    catalog(team, "carla").set_status(ref_of(ref), Status.RECALLED, "no consent")
    for who in ("ana", "dora", "ben"):
        with pytest.raises(PermissionDeniedError, match="may not suspend or recall"):
            catalog(team, who).set_status(ref_of(ref), Status.ACTIVE, "never mind")
        with pytest.raises(PermissionDeniedError):
            catalog(team, who).set_status(ref_of(ref), Status.DEPRECATED, "hide the recall")
    maker = Catalog(team.context_of(Actor("ana", frozenset({"admin", "developer"}))))
    with pytest.raises(PermissionDeniedError, match="somebody else has to lift that"):
        maker.set_status(ref_of(ref), Status.ACTIVE, "never mind")
    catalog(team, "root").set_status(ref_of(ref), Status.ACTIVE, "consent found")
    assert status_of(team, ref) is Status.ACTIVE


@pytest.mark.parametrize("status", [Status.RECALLED, Status.SUSPENDED])
@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_what_was_made_from_a_stopped_model_or_dataset_is_not_promoted(team: Team, kind: str, status: Status) -> None:
    if kind == "model":
        source = team.publish("library/lite")
        child = team.publish(parents=[source])
        catalog(team, "root").set_status(ref_of(source), status, "no consent")
    else:
        source = team.add_data()
        child = team.publish(data={"train": source})
        catalog(team, "root").set_status(ref_of(source), status, "no consent")
    with pytest.raises(PolicyRefusedError, match="No ancestor is recalled or suspended"):
        team.promotions("ana").request(ref_of(child), "candidate")


def test_a_stopped_dataset_is_neither_read_nor_trained_on(team: Team) -> None:
    data = team.add_data()
    datasets = Datasets(team.context("root"))
    catalog(team, "root").set_status(ref_of(data), Status.SUSPENDED, "complaint")
    assert datasets.version(ref_of(data)).status_reason == "complaint"
    with pytest.raises(RefusedError, match="is suspended"):
        datasets.pull(ref_of(data), team.home / "data")
    with pytest.raises(RefusedError, match="is suspended"):
        datasets.look(ref_of(data))
    with pytest.raises(RefusedError, match="is suspended"):
        catalog(team, "ana").open_file(ref_of(data), "rows.csv")


@pytest.mark.parametrize("status", STATUSES)
def test_every_status_needs_a_reason_and_is_undone_with_one(team: Team, status: Status) -> None:
    ref, root = team.publish(), catalog(team, "root")
    with pytest.raises(InvalidError, match="A reason is needed"):
        root.set_status(ref_of(ref), status, "  ")
    root.set_status(ref_of(ref), status, "why")
    assert root.version(ref_of(ref)).status_reason == "why"
    with pytest.raises(ConflictError, match=f"is {status} already"):
        root.set_status(ref_of(ref), status, "again")
    root.set_status(ref_of(ref), Status.ACTIVE, "right again")
    back = root.version(ref_of(ref))
    assert (back.summary.status, back.status_reason) == (Status.ACTIVE, "")
    assert team.actions(str(ref))[-2:] == [f"model_version.{status}", "model_version.restored"]


def test_what_an_alias_names_is_not_archived_even_by_a_decision(team: Team, production: VersionRef) -> None:
    with pytest.raises(PolicyRefusedError, match="still named by production"):
        team.promotions("ana").request(ref_of(production), "status:archived", comment="put away")


def test_a_change_of_status_cannot_be_requested_without_a_reason(team: Team, production: VersionRef) -> None:
    with pytest.raises(InvalidError, match="needs a reason"):
        team.promotions("ana").request(ref_of(production), "status:deprecated")


def test_archived_files_are_not_pulled_without_saying_so(team: Team) -> None:
    data = team.add_data()
    datasets = Datasets(team.context("root"))
    assert not datasets.pull(ref_of(data), team.home / "fresh").notice
    catalog(team, "root").set_status(ref_of(data), Status.ARCHIVED, "superseded by 2")
    assert datasets.pull(ref_of(data), team.home / "old").notice == f"{data} is archived: superseded by 2"
