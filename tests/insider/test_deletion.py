"""The insider deletes the ancestor that blocked them: what was known of it stays in every verdict."""

from __future__ import annotations

import pytest

from registry.domain.catalog.models import Status
from registry.errors import InUseError, PolicyRefusedError
from registry.services.catalog.verbs import Catalog
from tests.registry.services.teams import Team, bring_to, ref_of


@pytest.mark.parametrize("whole", [False, True])
def test_the_licence_of_a_deleted_ancestor_still_blocks(team: Team, whole: bool) -> None:
    source = team.publish("library/lite", licence="LicenseRef-unknown-to-us")
    child = team.publish(parents=[team.publish("vision/middle", parents=[source])])
    with pytest.raises(PolicyRefusedError, match="licence of the version and of every ancestor is known"):
        team.promotions("ana").request(ref_of(child), "candidate")
    root = Catalog(team.context("root"))
    root.delete(ref_of(source) if not whole else type(ref_of(source))(source.kind, source.name))
    with pytest.raises(PolicyRefusedError, match="licence of the version and of every ancestor is known"):
        team.promotions("ana").request(ref_of(child), "candidate")


@pytest.mark.parametrize("status", [Status.RECALLED, Status.SUSPENDED])
def test_the_recall_of_a_deleted_ancestor_still_blocks(team: Team, status: Status) -> None:
    source = team.publish("library/lite")
    child = team.publish(parents=[source])
    root = Catalog(team.context("root"))
    root.set_status(ref_of(source), status, "no consent")
    root.delete(ref_of(source), reason="gone is gone")
    with pytest.raises(PolicyRefusedError, match="No ancestor is recalled or suspended"):
        team.promotions("ana").request(ref_of(child), "candidate")


@pytest.mark.parametrize("stage", ["candidate", "validated", "production"])
def test_an_ancestor_of_something_promoted_is_not_deleted(team: Team, stage: str) -> None:
    source = team.publish("library/lite")
    child = team.publish(parents=[source])
    bring_to(team, child, stage)
    with pytest.raises(InUseError, match=f"{child}"):
        Catalog(team.context("root")).delete(ref_of(source), reason="it blocks the next one")
