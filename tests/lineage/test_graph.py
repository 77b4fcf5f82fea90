"""The compiled family tree: laws over any graph, and the answers for one family drawn by hand."""

from __future__ import annotations

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage import Assurance, BadEdgeError, CycleError, Edge, Graph, Node, NodeKind, UnknownNodeError
from tests.lineage.worlds import FAMILY, LAW, chain, draw, graphs

GRAPH, IDS = draw(FAMILY)


def names(ids: object) -> set[str]:
    return {GRAPH.node(key).label for key in ids}  # type: ignore[attr-defined]


def reach(graph: Graph) -> set[tuple[int, int]]:
    """Every (ancestor, descendant), by joining edges until nothing new comes: slow and plain."""
    pairs = {(edge.source, edge.target) for edge in graph.edges}
    while True:
        more = {(a, d) for a, b in pairs for c, d in pairs if b == c} - pairs
        if not more:
            return pairs
        pairs |= more


@LAW
@given(graphs(most=14))
def test_ancestors_and_descendants_say_the_same_and_agree_with_brute_force(graph: Graph) -> None:
    pairs = reach(graph)
    assert {(up, key) for key in graph.nodes for up in graph.ancestors(key)} == pairs
    assert {(key, down) for key in graph.nodes for down in graph.descendants(key)} == pairs


@LAW
@given(graphs(), st.data())
def test_a_deeper_walk_finds_all_that_a_shallower_one_found(graph: Graph, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(graph.nodes)))
    depth = data.draw(st.integers(0, 6))
    for walk in (graph.ancestors, graph.descendants):
        shallow, deep, everything = walk(key, depth=depth), walk(key, depth=depth + 1), walk(key)
        assert shallow.items() <= deep.items() <= everything.items()
        assert shallow == {node: generation for node, generation in everything.items() if generation <= depth}
        assert list(everything.values()) == sorted(everything.values())


@LAW
@given(graphs())
def test_every_node_comes_after_all_that_it_was_made_from(graph: Graph) -> None:
    place = {node.id: number for number, node in enumerate(graph.order())}
    assert place.keys() == graph.nodes.keys()
    assert all(place[edge.source] < place[edge.target] for edge in graph.edges)


@LAW
@given(graphs(), st.data())
def test_a_path_is_made_of_edges_that_exist_and_is_as_short_as_can_be(graph: Graph, data: st.DataObject) -> None:
    source, target = (data.draw(st.sampled_from(sorted(graph.nodes))) for _ in range(2))
    path = graph.path(source, target)
    if source == target:
        assert path == ()
        return
    assert (path is not None) == (source in graph.ancestors(target))
    if path is not None:
        assert set(path) <= set(graph.edges)
        assert (path[0].source, path[-1].target) == (source, target)
        assert all(one.target == two.source for one, two in itertools.pairwise(path))
        assert len(path) == shortest(graph, source, target)


def shortest(graph: Graph, source: int, target: int) -> int:
    """Edges between the two, found by widening one ring at a time."""
    ring, steps = {source}, 0
    while target not in ring:
        ring, steps = {edge.target for edge in graph.edges if edge.source in ring}, steps + 1
    return steps


@LAW
@given(graphs(most=14), st.data())
def test_common_ancestors_are_what_both_came_from(graph: Graph, data: st.DataObject) -> None:
    one, two = (data.draw(st.sampled_from(sorted(graph.nodes))) for _ in range(2))
    common = {node.id for node in graph.common_ancestors(one, two)}
    assert common == ({one} | graph.ancestors(one).keys()) & ({two} | graph.ancestors(two).keys())
    nearest = {node.id for node in graph.common_ancestors(one, two, nearest=True)}
    assert nearest == {key for key in common if not (common & graph.descendants(key).keys())}


@LAW
@given(graphs(), st.data())
def test_a_subgraph_holds_exactly_the_edges_between_its_nodes(graph: Graph, data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(graph.nodes)))
    part = graph.around(key, up=1, down=1)
    assert part.nodes.keys() == {key} | graph.ancestors(key, depth=1).keys() | graph.descendants(key, depth=1).keys()
    assert set(part.edges) == {e for e in graph.edges if e.source in part.nodes and e.target in part.nodes}


@LAW
@given(graphs())
def test_parents_and_children_are_two_views_of_one_kinship(graph: Graph) -> None:
    ups = {kin for key in graph.nodes for kin in map(repr, graph.parents(key))}
    downs = {kin for key in graph.nodes for kin in map(repr, graph.children(key))}
    assert ups == downs


def test_one_generation_is_the_step_and_what_went_into_it() -> None:
    assert names(GRAPH.ancestors(IDS["digits"], depth=1)) == {"tune", "digits-probe", "mnist"}
    assert names(GRAPH.ancestors(IDS["digits"], depth=2)) == {
        *("tune", "digits-probe", "mnist"),
        *("probe", "lite0", "add-mnist"),
    }
    assert GRAPH.ancestors(IDS["digits"], depth=0) == {}
    assert names(GRAPH.descendants(IDS["lite0"], depth=1)) == {"probe", "digits-probe", "distil", "small"}


def test_a_walk_from_a_step_counts_its_own_inputs_as_the_first_generation() -> None:
    assert names(GRAPH.ancestors(IDS["tune"], depth=1)) == {"digits-probe", "mnist"}
    assert names(GRAPH.descendants(IDS["tune"], depth=1)) == {"digits"}


def test_parents_are_the_models_that_went_in_and_not_the_data() -> None:
    (kin,) = GRAPH.parents(IDS["digits"])
    assert (kin.parent.label, kin.step.label, kin.role) == ("digits-probe", "tune", "source")
    assert {(k.parent.label, k.role, k.assurance) for k in GRAPH.parents(IDS["small"])} == {
        ("lite0", "source", Assurance.DECLARED),
        ("digits", "teacher", Assurance.OBSERVED),
    }
    assert {(k.child.label, k.assurance) for k in GRAPH.children(IDS["lite0"])} == {
        ("digits-probe", Assurance.VERIFIED),
        ("small", Assurance.DECLARED),
    }
    assert GRAPH.children(IDS["mnist"]) == ()


def test_roots_are_the_models_that_nothing_here_was_made_from() -> None:
    assert [node.label for node in GRAPH.roots(IDS["small"])] == ["lite0"]
    assert [node.label for node in GRAPH.roots(IDS["minilm"])] == ["minilm"]
    assert GRAPH.roots(IDS["mnist"]) == ()


def test_the_shortest_way_takes_the_shortcut() -> None:
    path = GRAPH.path(IDS["lite0"], IDS["small"])
    assert path is not None
    assert [GRAPH.node(edge.target).label for edge in path] == ["distil", "small"]
    assert GRAPH.path(IDS["minilm"], IDS["small"]) is None
    assert GRAPH.path(IDS["small"], IDS["lite0"]) is None


def test_the_nearest_common_ancestor_is_not_the_oldest() -> None:
    assert [n.label for n in GRAPH.common_ancestors(IDS["digits-probe"], IDS["digits"], nearest=True)] == [
        "digits-probe"
    ]
    assert [n.label for n in GRAPH.common_ancestors(IDS["minilm"], IDS["digits"])] == []


def test_an_edge_given_twice_is_one_edge_and_two_roles_are_two() -> None:
    nodes = [Node(1, NodeKind.DATASET, "d"), Node(2, NodeKind.STEP, "s")]
    graph = Graph(nodes, [Edge(1, 2, "train"), Edge(1, 2, "train"), Edge(1, 2, "test")])
    assert [edge.role for edge in graph.into(2)] == ["train", "test"]


def test_nothing_is_its_own_ancestor() -> None:
    with pytest.raises(CycleError, match="its own ancestor"):
        draw("m.a -source-> s.x\ns.x -output-> m.b\nm.b -source-> s.y\ns.y -output-> m.a\nm.b -source-> s.z")


def test_an_edge_needs_both_its_ends() -> None:
    with pytest.raises(UnknownNodeError, match="no node 2"):
        Graph([Node(1, NodeKind.MODEL, "m")], [Edge(1, 2, "source")])


@pytest.mark.parametrize("kinds", [(NodeKind.MODEL, NodeKind.DATASET), (NodeKind.STEP, NodeKind.STEP)])
def test_a_version_is_only_made_by_a_step(kinds: tuple[NodeKind, NodeKind]) -> None:
    with pytest.raises(BadEdgeError, match="does not join a transfer step with a version"):
        Graph([Node(number, kind, str(number)) for number, kind in enumerate(kinds)], [Edge(0, 1, "source")])


def test_a_query_about_an_unknown_node_is_refused() -> None:
    for ask in (
        GRAPH.ancestors,
        GRAPH.descendants,
        GRAPH.parents,
        GRAPH.children,
        GRAPH.roots,
        lambda key: GRAPH.path(key, IDS["lite0"]),
        lambda key: GRAPH.path(IDS["lite0"], key),
        lambda key: GRAPH.part([key]),
    ):
        with pytest.raises(UnknownNodeError):
            ask(7)


def test_ten_thousand_generations_are_walked_without_recursion() -> None:
    graph = chain(10_000)
    assert len(graph.ancestors(20_000)) == 20_000
    assert graph.ancestors(20_000)[0] == 10_000
    assert len(graph.path(0, 20_000) or ()) == 20_000
    assert [node.id for node in graph.roots(20_000)] == [0]


def test_a_query_costs_what_it_walks_and_not_what_the_graph_holds() -> None:
    def seconds(graph: Graph) -> float:
        start = time.perf_counter()
        for _ in range(300):
            graph.ancestors(2 * 20, depth=20)
        return time.perf_counter() - start

    small, large = chain(20), chain(20_000)
    assert min(seconds(large) for _ in range(5)) < 10 * min(seconds(small) for _ in range(5))
