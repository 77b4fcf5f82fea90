"""The compiled graph: whatever was compiled, added and closed, it is the graph that the edges in force make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage import Graph, MisfitGraphError, NodeKind
from lineage.compiled import DATASET, MODEL, STEP, STEP_MAKING_DATA, CompiledGraph, CurrentGraph, EdgeRows
from tests.lineage.worlds import FAMILY, LAW, draw, graphs

Rows = Sequence[tuple[int, int, str]]
CODES = {NodeKind.MODEL: MODEL, NodeKind.DATASET: DATASET, NodeKind.STEP: STEP}


def nodes_of(graph: Graph, keys: Iterable[int]) -> tuple[np.ndarray, np.ndarray]:
    ordered = sorted(keys)
    codes = [CODES[graph.node(key).kind] for key in ordered]
    return np.array(ordered, np.int64), np.array(codes, np.uint8)


def rows_of(graph: Graph) -> list[tuple[int, int, str]]:
    return [(edge.source, edge.target, edge.role) for edge in graph.edges]


def edges_in(graph: CurrentGraph) -> list[tuple[int, int, str]]:
    targets, sources, roles = graph.out_of(np.arange(graph.size))
    keys = zip(graph.keys_at(sources).tolist(), graph.keys_at(targets).tolist(), roles.tolist(), strict=True)
    return sorted((source, target, graph.names[role]) for source, target, role in keys)


def compiled(graph: Graph, rows: Rows | None = None) -> CompiledGraph:
    some = rows_of(graph) if rows is None else rows
    chunks = [EdgeRows.of(some[:3]), EdgeRows.of([]), EdgeRows.of(some[3:])]
    return CompiledGraph.of(*nodes_of(graph, graph.nodes), chunks)


@LAW
@given(graphs())
def test_a_compiled_graph_holds_every_edge(graph: Graph) -> None:
    whole = CurrentGraph.alone(compiled(graph))
    assert edges_in(whole) == sorted(rows_of(graph))
    assert (len(whole), whole.newer, whole.size) == (len(rows_of(graph)), 0, len(graph.nodes))


@settings(LAW, max_examples=200)
@given(graphs(), st.data())
def test_with_what_came_later_and_was_closed_it_is_the_graph_of_the_edges_in_force(
    graph: Graph, data: st.DataObject
) -> None:
    keys = sorted(graph.nodes)
    old = set(keys[: data.draw(st.integers(0, len(keys)))])
    rows = rows_of(graph)
    early = [row for row in rows if old.issuperset(row[:2]) and data.draw(st.booleans())]
    late = list(rows)
    for row in early:
        late.remove(row)
    closed = [row for row in early if graph.node(row[0]).kind is not NodeKind.STEP and data.draw(st.booleans())]
    base = CompiledGraph.of(*nodes_of(graph, old), [EdgeRows.of(early)])
    newer = nodes_of(graph, set(keys) - old)
    now = CurrentGraph.of(base, *newer, EdgeRows.of(late), EdgeRows.of(closed))
    for row in closed:
        rows.remove(row)
    assert edges_in(now) == sorted(rows)
    assert len(now) == len(rows)
    again = CurrentGraph.alone(now.compiled())
    assert edges_in(again) == sorted(rows)
    assert again.base.keys.tolist() == keys
    fresh = compiled(graph, rows)
    assert again.base.kinds.tolist() == fresh.kinds.tolist()
    assert again.base.targets.tolist() == fresh.targets.tolist()


def test_all_of_it_can_be_newer() -> None:
    graph, _ = draw(FAMILY)
    nothing = CompiledGraph.of(*nodes_of(graph, []), [])
    now = CurrentGraph.of(nothing, *nodes_of(graph, graph.nodes), EdgeRows.of(rows_of(graph)), EdgeRows())
    assert edges_in(now) == sorted(rows_of(graph))
    assert edges_in(CurrentGraph.alone(now.compiled())) == sorted(rows_of(graph))


def test_a_step_is_marked_when_data_comes_out_of_it_also_when_that_came_later() -> None:
    graph, ids = draw(FAMILY)
    rows = rows_of(graph)
    last = next(row for row in rows if row[0] == ids["add-mnist"])
    rows.remove(last)
    base = compiled(graph, rows)
    places = base.keys.tolist()
    assert base.kinds[places.index(ids["add-mnist"])] == STEP
    empty = np.empty(0, np.int64)
    now = CurrentGraph.of(base, empty, empty, EdgeRows.of([last]), EdgeRows())
    assert now.all_kinds[places.index(ids["add-mnist"])] == STEP_MAKING_DATA
    assert base.kinds[places.index(ids["add-mnist"])] == STEP, "what is compiled is shared and stays"


def test_what_cannot_have_come_after_it_is_refused() -> None:
    graph, ids = draw(FAMILY)
    base, empty = compiled(graph), np.empty(0, np.int64)
    nothing = EdgeRows()
    lite0, probe = ids["lite0"], ids["probe"]
    with pytest.raises(MisfitGraphError):
        CurrentGraph.of(base, np.array([lite0]), np.array([MODEL]), nothing, nothing)  # a node that is there already
    with pytest.raises(MisfitGraphError):
        CurrentGraph.of(base, empty, empty, EdgeRows.of([(lite0, 10**9, "source")]), nothing)  # an edge to nowhere
    for row in ((lite0, probe, "teacher"), (probe, lite0, "source"), (ids["probe"], ids["digits-probe"], "output")):
        with pytest.raises(MisfitGraphError):
            CurrentGraph.of(base, empty, empty, nothing, EdgeRows.of([row]))  # closes what is not there, or an output
    twice = EdgeRows.of([(lite0, probe, "source")] * 2)
    with pytest.raises(MisfitGraphError):
        CurrentGraph.of(base, empty, empty, nothing, twice)
    with pytest.raises(MisfitGraphError):
        CurrentGraph.alone(base).places(np.array([1]))
