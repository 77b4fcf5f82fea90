"""What the edges of an ancestry say by themselves is what the whole graph says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lineage import Edge, Graph, NodeId
from lineage.above import by_target, depths_above, nearest_common, shortest_path
from lineage.graph import generation_of
from tests.lineage.worlds import LAW, graphs


def above(graph: Graph, key: NodeId) -> list[Edge]:
    return [edge for one in (key, *graph.ancestors(key)) for edge in graph.into(one)]


@LAW
@given(graphs(), st.data())
def test_a_way_found_by_edges_alone_is_as_short_as_that_of_the_graph(graph: Graph, data: st.DataObject) -> None:
    source, target = (data.draw(st.sampled_from(sorted(graph.nodes))) for _ in range(2))
    way, whole = shortest_path(above(graph, target), source, target), graph.path(source, target)
    assert (way is None) == (whole is None)
    if way is not None and whole is not None:
        assert len(way) == len(whole)
        stops = [source, *(edge.target for edge in way)]
        assert stops[-1] == target
        assert all(edge.source == stop for edge, stop in zip(way, stops, strict=False))


@LAW
@given(graphs(), st.data())
def test_the_nearest_common_ancestors_are_those_that_the_graph_names(graph: Graph, data: st.DataObject) -> None:
    one, two = (data.draw(st.sampled_from(sorted(graph.nodes))) for _ in range(2))
    found = nearest_common(by_target(dict.fromkeys([*above(graph, one), *above(graph, two)])), one, two)
    assert found == {node.id for node in graph.common_ancestors(one, two, nearest=True)}


@LAW
@given(graphs(), st.data())
def test_the_depths_of_an_ancestry_are_those_of_the_graph(graph: Graph, data: st.DataObject) -> None:
    target = data.draw(st.sampled_from(sorted(graph.nodes)))
    depths = depths_above(target, above(graph, target))
    assert depths.pop(target) == 0
    kind = graph.node(target).kind
    assert {key: generation_of(hops, kind) for key, hops in depths.items()} == graph.ancestors(target)
