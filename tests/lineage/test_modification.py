"""What was done since the roots: each step once, and unknown where one step is, against a plain oracle."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lineage import Edge, Graph, Node, NodeKind
from lineage.modification import modification
from tests.lineage.worlds import LAW

MODEL, STEP = NodeKind.MODEL, NodeKind.STEP


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Node], list[Edge], dict[int, float]]:
    """Models 1, 3, 5… each made by the step before it (2 makes 3) from any earlier models and data, or from none."""
    count = draw(st.integers(1, 8))
    nodes = [Node(1, MODEL, "m1"), Node(100, NodeKind.DATASET, "d")]
    edges = []
    for number in range(1, count + 1):
        step, model = 2 * number, 2 * number + 1
        nodes += [Node(step, STEP, f"s{step}"), Node(model, MODEL, f"m{model}")]
        edges.append(Edge(step, model, "output"))
        earlier = st.sampled_from(range(1, model, 2))
        edges += [Edge(parent, step, "source") for parent in draw(st.sets(earlier, max_size=3))]
        edges += [Edge(100, step, "train")] if draw(st.booleans()) else []
    steps = st.sampled_from(range(2, 2 * count + 1, 2))
    return nodes, edges, draw(st.dictionaries(steps, st.integers(0, 9).map(float)))


@LAW
@given(worlds())
def test_the_sum_counts_each_step_between_a_model_and_its_roots_once(
    world: tuple[list[Node], list[Edge], dict[int, float]],
) -> None:
    nodes, edges, amounts = world
    focus = max(node.id for node in nodes if node.kind is MODEL)
    parents = {key: [e.source for e in edges if e.target == key] for key in range(1, 101)}
    done, roots, waiting = set[int](), set[int](), [focus]
    while waiting:
        model = waiting.pop()
        sources = [(step, one) for step in parents[model] for one in parents[step] if one % 2]
        done |= {step for step, _ in sources}
        waiting += [one for _, one in sources]
        if not sources:
            roots.add(model)
    found = modification(Graph(nodes, edges), focus)
    assert (set(found.roots), set(found.steps)) == (roots, done)
    assert all(edge.target == made for step, made in found.steps.items() for edge in edges if edge.source == step)
    known = done <= amounts.keys()
    assert found.total(amounts) == (sum(amounts[step] for step in done) if known else None)
    assert set(found.unknown(amounts)) == done - amounts.keys()


def test_a_step_on_two_paths_counts_once() -> None:
    """A model fine-tuned twice, and both merged: three steps, not four."""
    kinds = {1: MODEL, 2: STEP, 3: MODEL, 4: STEP, 5: MODEL, 6: STEP, 7: MODEL, 8: STEP, 9: MODEL}
    ways = [(1, 2), (2, 3), (3, 4), (4, 5), (3, 6), (6, 7), (5, 8), (7, 8), (8, 9)]
    graph = Graph([Node(key, kind, str(key)) for key, kind in kinds.items()], [Edge(a, b, "source") for a, b in ways])
    found = modification(graph, 9)
    assert (found.roots, found.steps) == ((1,), {2: 3, 4: 5, 6: 7, 8: 9})
    assert found.total({2: 100.0, 4: 1.0, 6: 2.0, 8: 0.0}) == 103.0
    assert modification(graph, 1).total({}) == 0
