"""The compiled graph of a registry: that of the edges in force, whatever was added and closed since it was made."""

from __future__ import annotations

from dataclasses import astuple
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import select

from lineage import Assurance
from lineage.compiled import CurrentGraph
from registry.domain.catalog.models import Status
from registry.domain.transfers.corrections import StepEdge
from registry.services.storage.impact import VersionFacts
from registry.services.unit_of_work import UnitOfWork
from registry.storage.database import Database
from registry.storage.lineage import generations
from registry.storage.tables import edge
from registry.storage.unit_of_work import SqlUnitOfWorkFactory as Factory
from tests.builders import NOW, add_dataset_version, add_version, model_ref

LATER = NOW + timedelta(hours=1)
Rows = list[tuple[int, int, str]]


def compiled(uow: UnitOfWork) -> Rows:
    return rows_of(uow.impact.graph())


def rows_of(graph: CurrentGraph) -> Rows:
    targets, sources, roles = graph.out_of(np.arange(graph.size))
    keys = zip(graph.keys_at(sources).tolist(), graph.keys_at(targets).tolist(), roles.tolist(), strict=True)
    return sorted((source, target, graph.names[role]) for source, target, role in keys)


def in_force(database: Database) -> Rows:
    query = select(edge.c.from_node, edge.c.to_node, edge.c.role).where(edge.c.superseded_by.is_(None))
    with database.engine.connect() as connection:
        return sorted((row.from_node, row.to_node, row.role) for row in connection.execute(query))


def grow(open_uow: Factory, name: str = "vision/digits") -> str:
    with open_uow(actor="ana", write=True) as uow:
        scans = add_dataset_version(uow, "data/scans")
        base = add_version(uow, "vision/base")
        made = add_version(uow, name, parents=[base], data={"train": scans, "test": scans})
        detail = uow.catalog.version(made)
        assert detail is not None
        uow.commit_unaudited()
    return detail.step


def test_it_is_the_graph_of_the_edges_in_force_before_and_after_every_change(
    database: Database, open_uow: Factory
) -> None:
    def check(newer: int) -> None:
        with open_uow(actor="ana") as uow:
            assert compiled(uow) == in_force(database)
            state = uow.impact.state()
            assert state is not None
            assert (state.newer, state.right) == (newer, True)

    with open_uow(actor="ana") as uow:
        assert uow.impact.state() is None
        assert compiled(uow) == []
    step = grow(open_uow)
    check(6)
    open_uow.generations.remove()
    check_first = in_force(database)
    with open_uow(actor="ana") as uow:
        assert compiled(uow) == check_first
    check(0)
    with open_uow(actor="ana", write=True) as uow:
        uow.graph.set_assurance(step, "models:/vision/base/1", Assurance.VERIFIED, at=LATER)
        uow.commit_unaudited()
    check(2)
    with open_uow(actor="ana", write=True) as uow:
        uow.graph.set_assurance(step, "datasets:/data/scans/1", Assurance.VERIFIED, at=LATER)
        uow.graph.set_assurance(step, "models:/vision/base/1", Assurance.CONTRADICTED, at=LATER)
        uow.commit_unaudited()
    check(6)
    grow(open_uow, "vision/letters")
    check(12)


def test_it_follows_a_correction_that_withdraws_an_input_and_one_that_names_another(
    database: Database, open_uow: Factory
) -> None:
    step = grow(open_uow)
    with open_uow(actor="ana") as uow:
        compiled(uow)
    for after in (None, StepEdge(model_ref("vision/other/1"), "teacher")):
        with open_uow(actor="ana", write=True) as uow:
            if after is not None:
                add_version(uow, "vision/other")
            oldest = uow.corrections.inputs(step)[0]
            uow.corrections.supersede(oldest.key, after, at=LATER)
            uow.commit_unaudited()
        with open_uow(actor="ana") as uow:
            found = compiled(uow)
            state = uow.impact.state()
        assert found == in_force(database)
        assert state is not None
        assert state.right
        assert (after is None) or any(role == "teacher" for _, _, role in found)


def test_of_an_earlier_time_a_walk_and_the_whole_graph_of_then_have_the_same_edges(
    database: Database, open_uow: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole one is made once for one time, until there is another edge."""
    step = grow(open_uow)
    before = in_force(database)
    with open_uow(actor="ana", write=True) as uow:
        other = add_version(uow, "vision/other", at=LATER)
        scans = next(one for one in uow.corrections.inputs(step) if one.value.role == "train")
        uow.corrections.supersede(scans.key, None, at=LATER)
        add_version(uow, "vision/late", parents=[model_ref("vision/base/1"), other], at=LATER)
        uow.commit_unaudited()
    made = list[object]()
    plain = generations._whole

    def watched(*given: object) -> object:
        made.append(given)
        return plain(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(generations, "_whole", watched)
    for most in (generations.MOST_BELOW, 0):
        monkeypatch.setattr(generations, "MOST_BELOW", most)
        for label in ("models:/vision/base/1", "datasets:/data/scans/1"):
            with open_uow(actor="ana") as uow:
                node = uow.graph.node(label)
                assert node is not None
                for at, edges in ((NOW, before), (LATER, in_force(database))):
                    found = uow.impact.graph_below(node.id, at)
                    assert below(rows_of(found), node.id) == below(edges, node.id)
    assert len(made) == 2, "that of then, and that of now, which holds as of any later time"


def below(edges: Rows, key: int) -> Rows:
    reached = {key}
    while more := {target for source, target, _ in edges if source in reached} - reached:
        reached |= more
    return [one for one in edges if one[0] in reached]


def test_it_is_made_anew_when_much_is_newer(
    database: Database, open_uow: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(open_uow)
    with open_uow(actor="ana") as uow:
        compiled(uow)
    monkeypatch.setattr(generations, "MOST_NEWER", 5)
    grow(open_uow, "vision/letters")
    with open_uow(actor="ana") as uow:
        assert compiled(uow) == in_force(database)
        state = uow.impact.state()
    assert state is not None
    assert (state.newer, state.edges) == (0, 12)


def test_who_began_to_read_before_it_was_made_sees_the_graph_of_then(database: Database, open_uow: Factory) -> None:
    grow(open_uow)
    with open_uow(actor="ana") as early:
        before = compiled(early)
        grow(open_uow, "vision/letters")
        open_uow.generations.remove()
        with open_uow(actor="ana") as late:
            assert compiled(late) == in_force(database)
        assert compiled(early) == before


def test_facts_of_many_versions_are_read_at_once(open_uow: Factory) -> None:
    grow(open_uow)
    with open_uow(actor="ana", write=True) as uow:
        uow.catalog.set_status(model_ref("vision/base/1"), Status.SUSPENDED, "wait", at=LATER)
        uow.catalog.delete_version(model_ref("vision/digits/1"), at=LATER)
        labels = ("models:/vision/base/1", "models:/vision/digits/1", "datasets:/data/scans/1")
        base, digits, scans = (uow.graph.node(label).id for label in labels)  # type: ignore[union-attr]
        facts = uow.impact.facts([base, digits, scans])
        assert facts[base] == VersionFacts(model_ref("vision/base/1"), "registered", Status.SUSPENDED, "ana", False)
        assert (facts[digits].deleted, facts[scans].stage, facts[scans].status) == (True, "", Status.ACTIVE)
        assert uow.impact.labels([base, scans]) == {base: "vision/base/1", scans: "data/scans/1"}
        assert sorted(zip(*astuple(uow.impact.standings([base, digits, scans])), strict=True)) == [
            ("data/scans", "ana", None, False),
            ("vision/base", "ana", "registered", False),
            ("vision/digits", "ana", "registered", True),
        ]
