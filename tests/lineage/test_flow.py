"""The laws of marks that flow down a graph: a mark more with each edge, a path for each mark, the same every time."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lineage import Edge, Graph, Node, NodeKind
from lineage.flow import flow
from tests.lineage.worlds import LAW

MARKS = ("red", "blue", "green")


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Node], list[Edge], dict[int, set[str]]]:
    """Versions (short) and steps (even), edges from smaller to larger ones, and own marks of some."""
    count = draw(st.integers(2, 10))
    pairs = [(a, b) for a in range(1, count + 1) for b in range(a + 1, count + 1, 2)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=14))
    nodes = [Node(key, NodeKind.MODEL if key % 2 else NodeKind.STEP, f"{key}") for key in range(1, count + 1)]
    own = draw(st.dictionaries(st.integers(1, count), st.sets(st.sampled_from(MARKS), min_size=1), max_size=count))
    return nodes, [Edge(a, b, "source") for a, b in chosen], own


def everything(edge: Edge, mark: str) -> str | None:
    return mark


def fading(edge: Edge, mark: str) -> str | None:
    """Red ends on long edges, and blue becomes green on short ones."""
    short = edge.target - edge.source < 3
    return None if mark == "red" and not short else "green" if mark == "blue" and short else mark


@LAW
@given(worlds())
def test_a_node_has_the_marks_of_all_its_ancestors_where_every_edge_carries_them(
    world: tuple[list[Node], list[Edge], dict[int, set[str]]],
) -> None:
    nodes, edges, own = world
    found = flow(Graph(nodes, edges), own, everything)
    for node in nodes:
        above, waiting = set(), [node.id]
        while waiting:
            key = waiting.pop()
            if key not in above:
                above.add(key)
                waiting += [edge.source for edge in edges if edge.target == key]
        assert found.marks(node.id) == {mark for key in above for mark in own.get(key, ())}


@LAW
@given(worlds(), st.data())
def test_one_more_edge_never_removes_a_mark(
    world: tuple[list[Node], list[Edge], dict[int, set[str]]], data: st.DataObject
) -> None:
    nodes, edges, own = world
    fewer = [edge for edge in edges if data.draw(st.booleans())]
    before, after = (flow(Graph(nodes, some), own, fading) for some in (fewer, edges))
    assert all(before.marks(node.id) <= after.marks(node.id) for node in nodes)


@LAW
@given(worlds())
def test_every_mark_has_a_path_of_edges_that_carry_it_from_where_it_begins(
    world: tuple[list[Node], list[Edge], dict[int, set[str]]],
) -> None:
    nodes, edges, own = world
    found = flow(Graph(nodes, edges), own, fading)
    by_ends = {(edge.source, edge.target): edge for edge in edges}
    for node in nodes:
        for mark in found.marks(node.id):
            path = found.path(node.id, mark)
            assert path[-1] == node.id
            possible = set(own.get(path[0], ()))
            for ends in pairwise(path):
                possible = {passed for one in possible if (passed := fading(by_ends[ends], one)) is not None}
            assert mark in possible


@LAW
@given(worlds())
def test_marks_that_arrived_flow_no_further_when_they_flow_again(
    world: tuple[list[Node], list[Edge], dict[int, set[str]]],
) -> None:
    nodes, edges, own = world
    graph = Graph(nodes, edges)
    once = flow(graph, own, everything)
    twice = flow(graph, {node.id: once.marks(node.id) for node in nodes}, everything)
    assert all(once.marks(node.id) == twice.marks(node.id) for node in nodes)
