"""Edges are closed and replaced, and what was in force at a time stays to be seen: over both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from lineage import Assurance, NodeId
from registry.domain.names import VersionRef
from registry.domain.transfers.corrections import Correction, StepEdge
from registry.errors import ConflictError
from registry.services.storage.corrections import KeptEdge
from registry.services.unit_of_work import UnitOfWork
from registry.storage.unit_of_work import SqlUnitOfWorkFactory as Factory
from tests.builders import NOW, add_version, model_ref

BASE, OTHER, CHILD = (model_ref(f"vision/{name}/1") for name in ("base", "other", "child"))
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def uow(open_uow: Factory) -> Iterator[UnitOfWork]:
    """base -> child -> heir, the first of them declared; other beside them."""
    with open_uow(actor="ana", write=True) as uow:
        add_version(uow, "vision/base")
        add_version(uow, "vision/other")
        add_version(uow, "vision/child", parents=[BASE], assurance=Assurance.DECLARED)
        add_version(uow, "vision/heir", parents=[CHILD])
        yield uow


def key(uow: UnitOfWork, ref: VersionRef | str) -> NodeId:
    node = uow.graph.node(str(ref))
    assert node is not None
    return node.id


def only(uow: UnitOfWork) -> KeptEdge:
    (found,) = uow.corrections.inputs(uow.corrections.step_of(CHILD))
    return found


def ask(uow: UnitOfWork, after: StepEdge | None) -> Correction:
    step, edge = uow.corrections.step_of(CHILD), only(uow)
    value = Correction("cor-1", CHILD, step, edge.value, after, "a slip", ("It owes less",), "equal", "ana", NOW)
    uow.corrections.add(value, edge.key)
    return value


def parents(uow: UnitOfWork, **when: object) -> set[str]:
    node = uow.graph.nodes([key(uow, CHILD)])[key(uow, CHILD)]
    found, _, _ = uow.graph.walk(node, up=1, down=0, limit=10, **when)  # type: ignore[arg-type]
    return {one.label for one in found if one.label.startswith("vision/")} - {CHILD.label}


@pytest.mark.parametrize("withdrawn", [False, True])
def test_a_closed_edge_is_seen_as_of_the_time_before(uow: UnitOfWork, *, withdrawn: bool) -> None:
    after = None if withdrawn else StepEdge(OTHER, "source")
    value = ask(uow, after)
    assert uow.corrections.get("cor-1") == value
    assert uow.corrections.edge_of("cor-1") == only(uow).key
    uow.corrections.supersede(only(uow).key, after, at=LATER)
    now = set() if withdrawn else {OTHER.label}
    assert parents(uow) == parents(uow, as_of=LATER) == now
    assert parents(uow, as_of=LATER - timedelta(seconds=1)) == {BASE.label}
    assert uow.corrections.edge_of("cor-1") is None
    below = uow.recalls.below([key(uow, BASE)])
    assert {one.label for one in below.nodes} == {BASE.label}, "nothing comes from it any more"
    kept = uow.corrections.inputs(value.step)
    assert [one.value for one in kept] == ([] if withdrawn else [StepEdge(OTHER, "source")])


def test_a_correction_waits_until_it_is_decided_once(uow: UnitOfWork) -> None:
    value, step = ask(uow, StepEdge(OTHER, "source")), key(uow, uow.corrections.step_of(CHILD))
    assert [one.id for one in uow.corrections.waiting()] == [value.id]
    assert not uow.corrections.corrected([step])
    assert uow.corrections.state() == {"correction cor-1": f"asked: {BASE} as source to {OTHER} as source"}
    uow.corrections.decide(value.id, agreed=True, by="root", comment="yes", at=LATER)
    assert uow.corrections.waiting() == []
    assert uow.corrections.corrected([step])
    (done,) = uow.corrections.of_step(value.step)
    assert (done.agreed, done.decided_by, done.comment, done.decided_at) == (True, "root", "yes", LATER)
    with pytest.raises(ConflictError, match="decided already"):
        uow.corrections.decide(value.id, agreed=False, by="root", comment="no", at=LATER)


def test_what_waits_about_a_deleted_version_is_not_shown_as_waiting(uow: UnitOfWork) -> None:
    ask(uow, None)
    uow.catalog.delete_version(CHILD, at=LATER)
    assert uow.corrections.waiting() == []


def test_a_circle_is_found_by_the_ancestors_of_the_new_input(uow: UnitOfWork) -> None:
    step = key(uow, uow.corrections.step_of(CHILD))
    found = {name: uow.corrections.comes_from(key(uow, f"models:/vision/{name}/1"), step) for name in (
        "base", "other", "child", "heir",
    )}  # fmt: skip
    assert found == {"base": False, "other": False, "child": True, "heir": True}


def test_what_was_ever_seen_by_the_registry_counts_as_seen(uow: UnitOfWork) -> None:
    assert not only(uow).seen
    heir = uow.corrections.step_of(model_ref("vision/heir/1"))
    uow.graph.set_assurance(heir, str(CHILD), Assurance.VERIFIED, at=LATER)
    (edge,) = uow.corrections.inputs(heir)
    assert edge.seen
    assert edge.value.assurance is Assurance.VERIFIED
