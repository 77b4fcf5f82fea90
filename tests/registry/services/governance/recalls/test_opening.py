"""Opening and reversing: one transaction, no bytes afterwards, earlier states again except those changed since."""

from __future__ import annotations

import pytest

from registry.domain.catalog.models import SearchQuery, Status
from registry.domain.governance.recalls import Disposition, Level, NewDisposition, RecallState
from registry.domain.names import Reference
from registry.errors import (
    ConflictError,
    PermissionDeniedError,
    RefusedError,
    WithheldError,
)
from registry.services.catalog.verbs import Catalog
from registry.services.lineage.verbs import Lineage
from tests.registry.services.governance.recalls.worlds import WEIGHTS, World, readers, wish_for
from tests.registry.services.teams import Team, bring_to, ref_of


@pytest.mark.parametrize("who", ["ana", "ben", "guest", "robot", "nobody"])
def test_who_may_not_suspend_may_not_recall(world: World, who: str) -> None:
    with pytest.raises(PermissionDeniedError):
        world.recalls(who).open(wish_for(world))
    assert set(world.statuses().values()) == {"active"}


def test_what_is_withheld_by_a_recall_is_not_restored_past_it(world: World) -> None:
    recall = world.open(world.base).recall
    for status in (Status.ACTIVE, Status.DEPRECATED, Status.ARCHIVED):
        with pytest.raises(ConflictError, match=recall.id):
            Catalog(world.team.context("root")).set_status(ref_of(world.child), status, "I need it")


def test_the_family_shows_what_a_recall_withholds_because_of_its_ancestors_until_it_is_reversed(world: World) -> None:
    def taints() -> dict[str, str]:
        nodes = Lineage(world.team.context("guest")).show(str(world.base), up=0, down=-1).nodes
        return {node.label: node.facts["taint"] for node in nodes if "taint" in node.facts}

    opened = world.open(world.base, Level.QUARANTINE)
    assert taints() == {
        "vision/child/1": "tainted",
        "vision/grandchild/1": "tainted",
        "data/synthetic/1": "weakly-tainted",
        "vision/pupil/1": "weakly-tainted",
    }
    world.recalls().reverse(opened.recall.id, reason="It was a mistake")
    assert taints() == {}


def test_a_reversal_restores_earlier_states_and_never_those_changed_since(world: World) -> None:
    root = Catalog(world.team.context("root"))
    root.set_status(ref_of(world.grandchild), Status.DEPRECATED, "use another")
    root.set_status(ref_of(world.synthetic), Status.ARCHIVED, "kept")
    recall = world.open(world.base).recall
    root.set_status(ref_of(world.child), Status.RECALLED, "bad in itself")
    done = world.recalls().reverse(recall.id, reason="consent found")
    assert world.statuses() == {
        "photos": "active",
        "base": "active",
        "child": "recalled",
        "grandchild": "deprecated",
        "synthetic": "archived",
        "pupil": "active",
        "stranger": "active",
        "heir": "active",
    }
    assert root.version(ref_of(world.grandchild)).status_reason == "use another"
    assert list(done.left) == [world.child]
    assert done.recall.state is RecallState.REVERSED
    with pytest.raises(ConflictError, match="reversed already"):
        world.recalls().reverse(recall.id, reason="again")
    assert world.sound()


def test_counts_of_facets_after_a_recall_and_its_reversal_are_those_of_a_full_count(world: World) -> None:
    root = Catalog(world.team.context("root"))
    root.tag(ref_of(world.child), {"colour": "red"})
    root.tag(Reference(world.base.kind, world.base.name), {"team": "vision"})
    root.set_status(ref_of(world.child), Status.ARCHIVED, "kept")  # so it counts for nothing but its status
    earlier = root.facets(SearchQuery())

    def differences() -> dict[str, int]:
        with world.team.open_uow(actor="root") as uow:
            return dict(uow.catalog.listing_faults())

    recall = world.open(world.base).recall
    assert root.facets(SearchQuery()) != earlier
    assert differences() == {}
    world.recalls("ben").dispose(recall.id, ref_of(world.child), NewDisposition(Disposition.DISPUTE, "other rows"))
    world.recalls("carla").confirm(recall.id, ref_of(world.child))
    assert differences() == {}
    world.recalls().reverse(recall.id, reason="consent found")
    assert differences() == {}
    assert root.facets(SearchQuery()) == earlier


@pytest.mark.parametrize("first", [0, 1])
def test_of_two_recalls_over_one_version_each_holds_until_both_are_reversed(world: World, first: int) -> None:
    root = Catalog(world.team.context("root"))
    root.set_status(ref_of(world.grandchild), Status.DEPRECATED, "use another")
    recalls = [world.open(world.photos).recall, world.open(world.child).recall]
    world.recalls().reverse(recalls[first].id, reason="wrong")
    assert world.status(world.grandchild) is Status.SUSPENDED
    with pytest.raises(WithheldError, match=recalls[1 - first].id):
        readers(world, world.grandchild)["open_file"]()
    assert world.sound()
    world.recalls().reverse(recalls[1 - first].id, reason="wrong too")
    assert world.status(world.grandchild) is Status.DEPRECATED
    assert {world.status(ref) for ref in (world.photos, world.base, world.child)} == {Status.ACTIVE}
    assert world.sound()


def test_a_protected_alias_falls_back_to_the_last_clean_version_and_returns_with_a_reversal(team: Team) -> None:
    old, new = team.publish(), team.publish()
    bring_to(team, old, "production")
    bring_to(team, new, "production")
    world = World(team, *[new] * 8)
    recall = world.open(new).recall
    assert team.alias("vision/digits") == old
    assert world.sound()
    world.recalls().reverse(recall.id, reason="wrong")
    assert team.alias("vision/digits") == new
    assert world.sound()


def test_a_protected_alias_does_not_fall_back_to_a_retired_version(team: Team) -> None:
    old, new = team.publish(), team.publish()
    bring_to(team, old, "production")
    bring_to(team, new, "production")
    team.promotions("carla").approve(team.promotions("ana").request(ref_of(old), "retired").summary.id)
    World(team, *[new] * 8).open(new)
    assert team.alias("vision/digits") == new


def test_an_alias_without_a_clean_earlier_version_stops_where_it_is(team: Team) -> None:
    only = team.publish()
    bring_to(team, only, "production")
    world = World(team, *[only] * 8)
    recall = world.open(only).recall
    assert team.alias("vision/digits") == only
    with pytest.raises(RefusedError, match=recall.id):
        Catalog(team.context("guest")).open_file(Reference.parse("models:/vision/digits@production"), WEIGHTS)


def test_a_recall_is_one_entry_of_the_log_with_every_version_whose_status_it_changes(world: World) -> None:
    before = len(world.team.actions())
    recall = world.open(world.base).recall
    assert len(world.team.actions()) == before + 1
    assert world.team.actions(recall.id) == ["recall.opened"]
