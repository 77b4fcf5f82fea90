"""What a picture shows of a family: never more than it holds, and what it leaves out is counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from lineage import Graph, NodeKind
from lineage.outline import Direction
from registry.domain.people.people import Actor
from registry.domain.recipes.recipe import Method
from registry.domain.transfers.steps import StepState
from registry.domain.verbs.lineage import Neighbourhood, Reach, Rest
from registry.errors import NotFoundError, UsageError
from registry.services.context import Context
from registry.services.lineage.verbs import Lineage
from registry.settings import Settings
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.builders import NOW, add_dataset_version, add_version, step, step_input
from tests.fakes.clock import FakeClock

BASE = "models:/library/base/1"
LATER = NOW + timedelta(days=1)


@pytest.fixture
def lineage(open_uow: SqlUnitOfWorkFactory) -> Lineage:
    """`base` with 30 fine-tunings (the first of which has one of its own), 3 merges and a step that failed."""
    with open_uow(actor="ana", write=True) as uow:
        rows = add_dataset_version(uow, "data/rows")
        base = add_version(uow, "library/base", data={"train": rows})
        children = [add_version(uow, f"vision/tuned-{i}", parents=[base], data={"train": rows}) for i in range(30)]
        for i in range(3):
            add_version(uow, f"vision/merged-{i}", parents=[base, children[i]], method=Method.MERGE, at=LATER)
        add_version(uow, "vision/leaf", parents=[children[0]])
        uow.steps.add(step("vision/failed", inputs=[step_input(base, role="source")], state=StepState.FAILED))
        uow.commit_unaudited()
    unused = cast("Any", None)  # walks ask for no bytes and no plug-in
    actor = Actor("ana", frozenset({"viewer"}))
    return Lineage(Context(actor, Path(), open_uow, unused, FakeClock(), unused, Settings()))


def models(found: Neighbourhood) -> list[str]:
    return [node.label for node in found.nodes if node.kind is NodeKind.MODEL]


def rest_of(found: Neighbourhood, towards: Direction = Direction.DOWN) -> dict[str, Rest]:
    return {one.group: one for one in found.rest if one.node == found.focus and one.towards is towards}


def test_a_wide_fan_is_drawn_by_its_first_and_the_rest_is_counted_by_method(lineage: Lineage) -> None:
    found = lineage.near(BASE, Reach(up=0, down=1, each=4))
    assert models(found)[:5] == ["library/base/1", *(f"vision/tuned-{i}/1" for i in range(4))]
    assert {group: one.count for group, one in rest_of(found).items()} == {"fine_tuning": 26}
    assert sum(label.startswith("vision/merged") for label in models(found)) == 3
    assert found.counted
    Graph(found.nodes, found.edges)  # no edge leads out of it


def test_a_picture_never_holds_more_than_its_limit_and_no_step_without_what_it_made(lineage: Lineage) -> None:
    for limit in range(1, 40):
        found = lineage.near(BASE, Reach(up=2, down=2, each=8, limit=limit))
        assert len(found.nodes) <= limit
        graph = Graph(found.nodes, found.edges)
        alone = [n for n in found.nodes if n.kind is NodeKind.STEP and n.facts["state"] == "succeeded"]
        assert all(graph.out_of(one.id) for one in alone)
        below = graph.out_of(found.focus)
        drawn = {"fine_tuning": 0, "merge": 0, "unfinished": 0}
        for edge in below:
            node = graph.node(edge.target)
            drawn[node.facts["method"] if node.facts["state"] == "succeeded" else "unfinished"] += 1
        counted = {
            group: drawn[group] + (rest_of(found)[group].count if group in rest_of(found) else 0) for group in drawn
        }
        assert counted == {"fine_tuning": 30, "merge": 3, "unfinished": 1}


def test_what_is_left_out_is_asked_for_page_by_page_each_once(lineage: Lineage) -> None:
    found = lineage.near(BASE, Reach(up=0, down=1, each=4))
    seen = models(found)[1:5]
    rest = rest_of(found)["fine_tuning"]
    while True:
        page = lineage.near(BASE, Reach(up=0, down=1, each=7, group=rest.group, after=rest.after))
        assert len(page.nodes) <= 15
        seen += models(page)[1:]
        if "fine_tuning" not in rest_of(page):
            break
        rest = rest_of(page)["fine_tuning"]
    assert seen == [f"vision/tuned-{i}/1" for i in range(30)]


def test_what_comes_beyond_the_last_generation_is_counted(lineage: Lineage) -> None:
    found = lineage.near(BASE, Reach(up=0, down=1, each=30, limit=100))
    labels = {node.id: node.label for node in found.nodes}
    beyond = [(labels[one.node], one.group, one.count) for one in found.rest if one.towards is Direction.DOWN]
    assert [one for one in beyond if one[1] != "merge"] == [("vision/tuned-0/1", "fine_tuning", 1)]
    assert [one[0] for one in beyond if one[1] == "merge"] == [f"vision/tuned-{i}/1" for i in range(3)]
    assert rest_of(found, Direction.UP)["fine_tuning"].count == 1  # the step that made it, which up=0 leaves out
    assert all(one.after is None for one in found.rest)


def test_as_of_a_day_only_what_was_recorded_by_then_is_drawn_and_counted(lineage: Lineage) -> None:
    before = lineage.near(BASE, Reach(up=0, down=1, each=40, limit=200), as_of=LATER - timedelta(hours=1))
    assert not [label for label in models(before) if label.startswith("vision/merged")]
    with pytest.raises(NotFoundError, match="did not exist yet"):
        lineage.near("models:/vision/merged-0/1", as_of=NOW)


def test_more_neighbours_than_are_counted_are_said_to_be_at_least_so_many(lineage: Lineage) -> None:
    found = lineage.near(BASE, Reach(up=0, down=1, each=4, most=20))
    assert not found.counted
    assert rest_of(found)["fine_tuning"].count >= 16


def test_a_node_is_counted_however_much_hangs_on_the_others(lineage: Lineage) -> None:
    whole = lineage.near("datasets:/data/rows/1", Reach(up=0, down=3, each=40, limit=300))
    narrow = lineage.near("datasets:/data/rows/1", Reach(up=0, down=3, each=40, limit=300, most=34))
    assert whole.counted
    assert narrow == whole


@pytest.mark.parametrize(
    "reach",
    [
        Reach(up=-1),
        Reach(down=31),
        Reach(each=0),
        Reach(limit=1001),
        Reach(most=0),
        Reach(group="fine_tuning"),
        Reach(up=0, down=1, after=3),
        Reach(up=0, down=1, group="sideways"),
    ],
)
def test_a_reach_that_makes_no_sense_is_refused(lineage: Lineage, reach: Reach) -> None:
    with pytest.raises(UsageError) as refused:
        lineage.near(BASE, reach)
    assert refused.value.remedy
    lineage.near(BASE, replace(Reach(), up=0))
