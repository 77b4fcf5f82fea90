"""What is reached in a compiled graph: all of it, by its strongest effect, on shortest ways."""

from __future__ import annotations

from collections.abc import Hashable
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage import Edge, Graph, NodeKind
from lineage.compiled import CurrentGraph
from lineage.flow import Flow, Link
from lineage.reaching import ENDS, Reached, is_step, reach
from tests.lineage.test_compiled import compiled
from tests.lineage.worlds import FAMILY, LAW, draw, graphs

STRONG, WEAK = 0, 1
RULES = {"source": ({"0": 0, "1": 1}), "teacher": {"0": 1, "1": 1}}
"""By role, what it makes of a strong and of a weak effect; any other role makes the third of both."""


def carry(role: str, effect: int, *, makes_data: bool) -> int:
    if effect == 2:
        return ENDS
    if makes_data:
        return WEAK
    return RULES.get(role, {}).get(str(effect), 2)


def walked(graph: Graph, start: int) -> Reached:
    whole = CurrentGraph.alone(compiled(graph))
    table = np.full((3, 2, max(1, len(whole.names))), ENDS, np.uint8)
    for effect in range(3):
        for makes_data in (False, True):
            for number, role in enumerate(whole.names):
                table[effect, int(makes_data), number] = carry(role, effect, makes_data=makes_data)
    return reach(whole, whole.places(np.array([start])), table)


def by_flow(graph: Graph, start: int) -> dict[int, tuple[int, int]]:
    """The effect on each version and the length of the shortest way that brings it, walked node by node."""
    making = {e.source for e in graph.edges if graph.node(e.target).kind is NodeKind.DATASET}

    def along(way: Hashable, mark: str) -> str | None:
        edge = cast("Edge", way)
        if graph.node(edge.source).kind is NodeKind.STEP:
            return mark
        becomes = carry(edge.role, int(mark), makes_data=edge.target in making)
        return None if becomes == ENDS else str(becomes)

    family = graph.around(start, up=0, down=-1)
    links = [Link(edge.source, edge.target, edge) for edge in family.edges]
    flowed = Flow.of(links, {start: ("0",)}, along)
    found = {}
    for node in family.nodes.values():
        marks = flowed.marks(node.id)
        if node.kind is not NodeKind.STEP and marks:
            found[node.id] = (int(min(marks)), len(flowed.path(node.id, min(marks))) - 1)
    return found


def check_all(graph: Graph) -> None:
    edges = {(edge.source, edge.target) for edge in graph.edges}
    for start in (node.id for node in graph.nodes.values() if node.kind is not NodeKind.STEP):
        found = walked(graph, start)
        keys = found.graph.keys_at(found.places).tolist()
        columns = zip(keys, found.effects.tolist(), found.distances.tolist(), strict=True)
        assert {key: (effect, distance) for key, effect, distance in columns} == by_flow(graph, start)
        assert len(set(keys)) == len(keys) == len(found)
        order = list(zip(found.effects.tolist(), found.distances.tolist(), keys, strict=True))
        assert order == sorted(order)
        above, roles = found.parents(slice(None))
        for row, key in enumerate(keys):
            way = found.graph.keys_at(np.fromiter(found.way(row), np.int64)).tolist()
            assert (way[0], way[-1], len(way) - 1) == (key, start, found.distances[row])
            assert edges.issuperset(zip(way[1:], way, strict=False))
            if len(way) > 1:
                assert int(found.graph.keys_at(above[row : row + 1])[0]) == way[2]
                role = found.graph.names[roles[row]]
                assert any((e.source, e.target, e.role) == (way[2], way[1], role) for e in graph.edges)
            else:
                assert above[row] == roles[row] == -1


@settings(LAW, max_examples=200)
@given(graphs())
def test_it_is_what_a_walk_of_one_node_after_another_finds(graph: Graph) -> None:
    check_all(graph)


@pytest.mark.slow
@settings(LAW, max_examples=10_000)
@given(graphs(most=40))
def test_it_is_that_for_ten_thousand_graphs(graph: Graph) -> None:
    check_all(graph)


def test_a_weak_way_can_be_shorter_than_the_strong_one_and_the_strong_one_counts() -> None:
    graph, ids = draw("""
        m.base -teacher-> s.quick
        s.quick -output-> m.pupil
        m.base -source-> s.slow
        s.slow -output-> m.middle
        m.middle -source-> s.quick
        d.rows -test-> s.quick
    """)
    found = walked(graph, ids["base"])
    rows = dict(zip(found.graph.keys_at(found.places).tolist(), range(len(found)), strict=True))
    pupil = rows[ids["pupil"]]
    assert [int(found.effects[pupil]), int(found.distances[pupil])] == [STRONG, 4]
    tested = walked(graph, ids["rows"])
    assert tested.effects.tolist() == [STRONG, 2], "it was only measured on them"


def test_a_step_is_known_as_one() -> None:
    graph, ids = draw(FAMILY)
    whole = CurrentGraph.alone(compiled(graph))
    places = whole.places(np.array([ids["probe"], ids["lite0"]]))
    assert [is_step(whole, int(one)) for one in places] == [True, False]


@given(st.integers(1, 5))
def test_a_version_that_nothing_was_made_from_reaches_itself(count: int) -> None:
    lines = "\n".join(f"s.step{i} -output-> m.alone{i}" for i in range(count))
    graph, ids = draw(lines)
    found = walked(graph, ids["alone0"])
    assert (len(found), found.distances.tolist()) == (1, [0])
