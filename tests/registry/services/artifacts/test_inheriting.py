"""A version that is made while the risk of an input is accepted is withheld with it when that ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from registry.domain.catalog.models import Status
from registry.domain.governance.recalls import Disposition, Effect, Level, NewDisposition, RecallState
from registry.domain.names import VersionRef
from registry.errors import WithheldError
from registry.services.artifacts.inheriting import inherit
from registry.services.catalog.verbs import Catalog
from tests.builders import add_version, step_input, store
from tests.registry.services.governance.recalls.worlds import WEIGHTS, World, build
from tests.registry.services.teams import Team, ref_of

SOON = "2026-12-31"


@pytest.fixture
def world(team: Team) -> World:
    return build(team)


def accept(world: World, recall: str, ref: VersionRef, until: str = SOON) -> None:
    world.recalls("ana").dispose(recall, ref_of(ref), NewDisposition(Disposition.ACCEPT, "needed", until=until))
    world.recalls("root").confirm(recall, ref_of(ref))


def make(world: World, name: str, parent: VersionRef, role: str = "source") -> VersionRef:
    """What `publish` does for a new version with this one input."""
    team = world.team
    with team.open_uow(actor="ana", write=True) as uow:
        given = step_input(parent, role=role)
        made = add_version(
            uow, name, parents=[parent] if role == "source" else (), data={} if role == "source" else {role: parent}
        )
        store(team.blobs, str(made))
        uow.commit(*inherit(uow, made, [given], now=team.clock.now()))
    return made


def read(world: World, ref: VersionRef) -> None:
    Catalog(world.team.context("ana")).open_file(ref_of(ref), WEIGHTS).close()


def test_a_child_made_under_an_accepted_risk_is_withheld_when_the_acceptance_ends(world: World) -> None:
    recall = world.open(world.base).recall
    accept(world, recall.id, world.child)
    made = make(world, "vision/late", world.child)
    read(world, made)
    task = next(one for one in world.recalls().tasks(recall.id).items if one.ref == made)
    assert (task.effect, task.disposition, task.path[-1]) == (Effect.TAINTED, Disposition.ACCEPT, "vision/late/1")
    assert task.path[:3] == next(one for one in world.recalls().tasks(recall.id).items if one.ref == world.child).path
    assert world.sound()
    world.team.clock.forward(seconds=timedelta(days=366).total_seconds())
    with pytest.raises(WithheldError, match=recall.id):
        read(world, made)
    assert world.recalls().show(recall.id).recall.state is RecallState.OPEN
    world.recalls().reverse(recall.id, reason="consent found")
    assert world.status(made) is Status.ACTIVE
    assert world.sound()


def test_what_was_only_measured_on_it_gets_a_task_and_is_not_withheld(world: World) -> None:
    recall = world.open(world.base).recall
    accept(world, recall.id, world.synthetic)
    made = make(world, "vision/measured", world.synthetic, role="test")
    assert world.status(made) is Status.ACTIVE
    task = next(one for one in world.recalls().tasks(recall.id, unsettled=True).items if one.ref == made)
    assert (task.effect, task.withheld) == (Effect.EVIDENCE_INVALID, False)
    assert world.sound()


def test_under_two_recalls_it_is_read_only_while_both_are_accepted(world: World) -> None:
    first, second = world.open(world.base).recall, world.open(world.photos, Level.QUARANTINE).recall
    accept(world, first.id, world.child)
    accept(world, second.id, world.child, until="2026-12-05")
    made = make(world, "vision/late", world.child)
    read(world, made)
    days = {
        one.recall: one.until for r in (first, second) for one in world.recalls().tasks(r.id).items if one.ref == made
    }
    assert days[second.id] < days[first.id]  # type: ignore[operator]
    world.team.clock.forward(seconds=(days[second.id] - world.team.clock.now()).total_seconds())  # type: ignore[operator]
    with pytest.raises(WithheldError):
        read(world, made)
    for recall in (first, second):
        world.recalls().reverse(recall.id, reason="consent found")
    assert world.status(made) is Status.ACTIVE
    assert world.sound()
