"""The tasks of a recall: who says what becomes of a descendant, and what that does."""

from __future__ import annotations

from typing import Any

import pytest

from registry.domain.catalog.models import Status
from registry.domain.governance.recalls import Disposition, NewDisposition, RecallState, Task
from registry.domain.names import Reference, VersionRef
from registry.errors import ConflictError, InvalidError, NotFoundError, PermissionDeniedError, WithheldError
from registry.services.catalog.verbs import Catalog
from registry.services.governance.dossier import open_dossier
from tests.registry.services.governance.recalls.worlds import World
from tests.registry.services.teams import ref_of

SOON = "2026-12-31"


def dispose(world: World, recall: str, ref: VersionRef, kind: Disposition, who: str = "ana", **more: Any) -> Task:
    wish = NewDisposition(kind, "decided", **more)
    return world.recalls(who).dispose(recall, ref_of(ref), wish)


def read(world: World, ref: VersionRef) -> None:
    Catalog(world.team.context("ana")).open_file(ref_of(ref), "weights/model.safetensors").close()


def state(world: World, recall: str) -> RecallState:
    return world.recalls().show(recall).recall.state


def test_every_descendant_gets_a_task_and_the_recall_closes_when_all_have_a_disposition(world: World) -> None:
    recall = world.open(world.base).recall
    tasks = world.recalls().tasks(recall.id).items
    assert {task.ref for task in tasks} == {world.child, world.grandchild, world.synthetic, world.pupil}
    assert (recall.tasks, recall.open_tasks, recall.state) == (4, 4, RecallState.OPEN)
    dispose(world, recall.id, world.child, Disposition.REPLACE, replacement=Reference.parse("models:/vision/heir/1"))
    dispose(world, recall.id, world.grandchild, Disposition.RETIRE, who="root")
    dispose(world, recall.id, world.synthetic, Disposition.RETIRE, who="root")
    assert [task.ref for task in world.recalls().tasks(recall.id, unsettled=True).items] == [world.pupil]
    dispose(world, recall.id, world.pupil, Disposition.DISPUTE)
    assert state(world, recall.id) is RecallState.OPEN, "a dispute that nobody confirmed settles nothing"
    world.recalls("root").confirm(recall.id, ref_of(world.pupil))
    assert state(world, recall.id) is RecallState.CLOSED
    assert world.team.actions(recall.id) == ["recall.opened", "recall.closed"]
    assert world.sound()


def test_a_descendant_that_is_deleted_leaves_nothing_to_decide_and_the_last_one_closes_the_recall(world: World) -> None:
    recall = world.open(world.child).recall
    assert recall.tasks == 1
    Catalog(world.team.context("root")).delete(ref_of(world.grandchild))
    shown = world.recalls().show(recall.id).recall
    assert (shown.tasks, shown.open_tasks, shown.state) == (1, 0, RecallState.CLOSED)
    (task,) = world.recalls().tasks(recall.id).items
    assert (task.deleted, task.disposition, task.settled(world.team.clock.now())) == (True, None, True)
    assert world.recalls().tasks(recall.id, unsettled=True).items == []
    assert recall.id not in {one.id for one in world.recalls().list(state=RecallState.OPEN).items}
    assert world.team.actions(recall.id) == ["recall.opened", "recall.closed"]
    assert world.sound()


def test_an_accepted_risk_opens_the_files_until_the_day_is_over_and_then_the_task_is_open_again(world: World) -> None:
    recall = world.open(world.child).recall
    dispose(world, recall.id, world.grandchild, Disposition.ACCEPT, until=SOON)
    with pytest.raises(WithheldError):
        read(world, world.grandchild)
    task = world.recalls("root").confirm(recall.id, ref_of(world.grandchild))
    read(world, world.grandchild)
    assert state(world, recall.id) is RecallState.CLOSED
    assert task.until is not None
    world.team.clock.forward(seconds=(task.until - world.team.clock.now()).total_seconds())
    with pytest.raises(WithheldError):
        read(world, world.grandchild)
    assert state(world, recall.id) is RecallState.OPEN
    assert world.sound()


def test_neither_who_proposed_nor_who_made_the_version_confirms(world: World) -> None:
    recall = world.open(world.child).recall
    world.team.people("root").grant("dora", "admin")
    dispose(world, recall.id, world.grandchild, Disposition.ACCEPT, who="root", until=SOON)
    with pytest.raises(PermissionDeniedError, match="root proposed this"):
        world.recalls("root").confirm(recall.id, ref_of(world.grandchild))
    for who in ("ben", "guest", "robot"):
        with pytest.raises(PermissionDeniedError):
            world.recalls(who).confirm(recall.id, ref_of(world.grandchild))
    dispose(world, recall.id, world.grandchild, Disposition.ACCEPT, who="dora", until=SOON)
    world.recalls("root").confirm(recall.id, ref_of(world.grandchild))
    with pytest.raises(ConflictError, match="Nothing waits to be confirmed"):
        world.recalls("root").confirm(recall.id, ref_of(world.grandchild))


def test_a_dispute_that_is_confirmed_gives_the_version_its_earlier_status(world: World) -> None:
    Catalog(world.team.context("root")).set_status(ref_of(world.grandchild), Status.DEPRECATED, "old")
    recall = world.open(world.child).recall
    dispose(world, recall.id, world.grandchild, Disposition.DISPUTE)
    world.recalls("root").confirm(recall.id, ref_of(world.grandchild))
    assert world.status(world.grandchild) is Status.DEPRECATED
    read(world, world.grandchild)
    with pytest.raises(ConflictError, match="has the disposition dispute"):
        dispose(world, recall.id, world.grandchild, Disposition.RETIRE, who="root")
    assert world.sound()


def test_what_was_retired_stays_so_when_the_recall_is_reversed(world: World) -> None:
    recall = world.open(world.child).recall
    dispose(world, recall.id, world.grandchild, Disposition.RETIRE, who="root")
    done = world.recalls().reverse(recall.id, reason="wrong")
    assert list(done.left) == [world.grandchild]
    assert world.status(world.grandchild) is Status.RECALLED
    with pytest.raises(ConflictError, match="is reversed"):
        dispose(world, recall.id, world.grandchild, Disposition.RETIRE, who="root")
    assert world.sound()


def test_a_replacement_is_a_clean_version_of_the_same_kind(world: World) -> None:
    recall = world.open(world.base).recall
    for other in (world.pupil, world.base, world.child, world.photos):
        with pytest.raises(InvalidError):
            dispose(world, recall.id, world.child, Disposition.RETRAIN, replacement=ref_of(other))
    with pytest.raises(InvalidError, match="needs the version"):
        dispose(world, recall.id, world.child, Disposition.RETRAIN)
    task = dispose(world, recall.id, world.child, Disposition.RETRAIN, replacement=ref_of(world.heir))
    assert (task.replacement, task.withheld) == (str(world.heir), True)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        (Disposition.ACCEPT, {}),
        (Disposition.ACCEPT, {"until": "2020-01-01"}),
        (Disposition.ACCEPT, {"until": "2036-01-01"}),
        (Disposition.RETIRE, {"until": SOON}),
        (Disposition.DISPUTE, {"replacement": Reference.parse("models:/vision/heir/1")}),
    ],
)
def test_a_risk_is_accepted_until_a_day_within_a_year_and_nothing_else_has_one(
    world: World, kind: Disposition, more: dict[str, Any]
) -> None:
    recall = world.open(world.child).recall
    with pytest.raises(InvalidError):
        dispose(world, recall.id, world.grandchild, kind, **more)


def test_who_only_reads_disposes_of_nothing_and_what_has_no_task_is_not_found(world: World) -> None:
    recall = world.open(world.child).recall
    with pytest.raises(PermissionDeniedError):
        dispose(world, recall.id, world.grandchild, Disposition.DISPUTE, who="guest")
    for other in (world.child, world.heir):
        with pytest.raises(NotFoundError, match="no task for"):
            dispose(world, recall.id, other, Disposition.DISPUTE)


def test_gates_read_how_many_ancestors_are_tainted_and_whether_the_evidence_is_invalid(world: World) -> None:
    def counts(ref: VersionRef) -> tuple[int, int, int]:
        with world.team.open_uow(actor="root") as uow:
            found = open_dossier(uow, ref, requested_by=None).candidate.ancestors
        return found.recalled, found.tainted, found.invalid_evidence

    assert counts(world.grandchild) == (0, 0, 0)
    recall = world.open(world.photos).recall
    assert counts(world.grandchild) == (1, 3, 0)
    assert counts(world.stranger) == (1, 0, 1)
    world.recalls().reverse(recall.id, reason="wrong")
    assert counts(world.stranger) == counts(world.grandchild) == (0, 0, 0)
