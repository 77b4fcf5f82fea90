"""An ancestry as lines of text: everything once, nothing lost, and readable."""

from __future__ import annotations

import dataclasses
import itertools
from textwrap import dedent

from hypothesis import given
from hypothesis import strategies as st

from lineage import Assurance, Edge, Graph, Node, NodeKind
from lineage.outline import MAX_INDENT, Direction, Line, outline, render
from tests.lineage.worlds import FAMILY, LAW, chain, draw, graphs

GRAPH, IDS = draw(FAMILY)


@LAW
@given(graphs(), st.data(), st.sampled_from(Direction))
def test_everything_within_the_depth_is_opened_exactly_once(
    graph: Graph, data: st.DataObject, direction: Direction
) -> None:
    focus = data.draw(st.sampled_from(sorted(graph.nodes)))
    depth = data.draw(st.integers(-1, 5))
    walk = graph.ancestors if direction is Direction.UP else graph.descendants
    lines = outline(graph, focus, direction, depth=depth)
    opened = [line.node.id for line in lines if line.shown_at is None]
    assert sorted(opened) == sorted({focus, *walk(focus, depth=depth)})
    for line in lines:
        if line.shown_at is not None:
            assert lines[line.shown_at].node == line.node
            assert lines[line.shown_at].shown_at is None


@LAW
@given(graphs(), st.data(), st.sampled_from(Direction))
def test_the_lines_hold_every_edge_of_what_they_show(graph: Graph, data: st.DataObject, direction: Direction) -> None:
    focus = data.draw(st.sampled_from(sorted(graph.nodes)))
    lines = outline(graph, focus, direction)
    ends = {line.node.id for line in lines}
    shown = [edge for line in lines for edge in line.edges]
    assert len(shown) == len(set(shown))
    assert set(shown) == {edge for edge in graph.edges if edge.source in ends and edge.target in ends}
    assert all(line.hidden == 0 for line in lines)


@LAW
@given(graphs(), st.data())
def test_depth_and_last_describe_a_tree(graph: Graph, data: st.DataObject) -> None:
    lines = outline(graph, data.draw(st.sampled_from(sorted(graph.nodes))))
    assert [line.number for line in lines] == list(range(len(lines)))
    assert lines[0].depth == 0
    for line, following in itertools.pairwise(lines):
        assert 1 <= following.depth <= line.depth + 1
    for line in lines:
        after = next((later.depth for later in lines[line.number + 1 :] if later.depth <= line.depth), 0)
        assert line.last == (after < line.depth or line.depth == 0)


def test_an_outline_of_ancestors_is_printed_as_shown_here() -> None:
    assert render(outline(GRAPH, IDS["digits"])) == dedent("""\
        digits
        └─ tune
           ├─ train: mnist [observed]
           │  └─ add-mnist
           └─ source: digits-probe [observed]
              └─ probe
                 ├─ train, test: mnist [observed] ↑ see above
                 └─ source: lite0 [verified]
                    └─ import-lite0""")


def test_an_outline_of_descendants_is_printed_as_shown_here() -> None:
    assert render(outline(GRAPH, IDS["lite0"], Direction.DOWN)) == dedent("""\
        lite0
        ├─ distil [declared]
        │  └─ small
        └─ probe [verified]
           └─ digits-probe
              └─ tune [observed]
                 └─ digits
                    └─ distil [observed] ↑ see above""")


def test_a_limit_of_depth_says_how_much_it_hides() -> None:
    assert render(outline(GRAPH, IDS["digits"], depth=1)) == dedent("""\
        digits
        └─ tune
           ├─ train: mnist [observed] … 1 more
           └─ source: digits-probe [observed] … 1 more""")


def test_what_is_near_is_opened_near_even_when_a_longer_branch_comes_first() -> None:
    graph, ids = draw("""
        s.deep -output-> m.root
        m.root -source-> s.a
        s.a -output-> m.alpha
        m.alpha -source-> s.join
        m.root -teacher-> s.join
        s.join -output-> m.child
    """)
    assert render(outline(graph, ids["child"], depth=2)) == dedent("""\
        child
        └─ join
           ├─ source: alpha [observed]
           │  └─ a
           │     └─ source: root [observed] ↓ see below
           └─ teacher: root [observed]
              └─ deep""")


def test_a_split_with_another_name_than_its_role_is_reported() -> None:
    node = Node(1, NodeKind.DATASET, "d")
    line = Line(0, 1, True, node, (Edge(1, 2, "train", split="fold-1"), Edge(1, 2, "test", split="test")))
    assert line.role == "train=fold-1, test"


def test_a_path_is_as_sure_as_its_least_sure_edge() -> None:
    edges = (Edge(1, 2, "train", Assurance.VERIFIED), Edge(1, 2, "test", Assurance.DECLARED))
    line = Line(0, 1, True, Node(1, NodeKind.DATASET, "d"), edges)
    assert line.assurance is Assurance.DECLARED
    assert dataclasses.replace(line, edges=()).assurance is None


def line_of(kind: NodeKind, **facts: str) -> str:
    return render(outline(Graph([Node(1, kind, "x", facts=facts)], []), 1))


def test_each_kind_of_node_shows_its_main_facts() -> None:
    model = {"stage": "candidate", "licence": "MIT", "accuracy": "0.93", "method": "import"}
    assert line_of(NodeKind.MODEL, status="active", **model) == "x (candidate · MIT · accuracy 0.93)"
    assert line_of(NodeKind.MODEL, status="recalled", deleted="yes", **model).startswith(
        "✕ x (candidate · recalled · MIT"
    )
    assert line_of(NodeKind.DATASET, rows="5000", licence="MIT", deleted="yes") == "x (5000 rows · MIT · deleted)"
    assert line_of(NodeKind.STEP, state="failed", method="fine_tuning", adapter="torch") == "x (fine_tuning · failed)"


def test_what_is_recalled_or_tainted_is_marked_before_its_name_and_said_in_words() -> None:
    recalled = line_of(NodeKind.DATASET, status="recalled", rows="10")
    assert recalled == "✕ x (10 rows · recalled)"
    tainted = line_of(NodeKind.MODEL, stage="production", status="suspended", taint="weakly-tainted")
    assert tainted == "⚠ x (production · suspended · weakly-tainted)"
    assert line_of(NodeKind.MODEL, status="recalled", taint="tainted").startswith("✕ x (recalled · tainted")


def test_nothing_that_is_printed_can_move_the_cursor() -> None:
    assert line_of(NodeKind.STEP, state="\x1b[2J\n") == "x (�[2J�)"


def test_an_outline_of_ten_thousand_generations_is_narrow_enough_to_print() -> None:
    lines = outline(chain(10_000), 20_000)
    text = render(lines)
    assert len(lines) == text.count("\n") + 1 == 20_001
    assert max(map(len, text.splitlines())) < 3 * MAX_INDENT + 40
    assert "(20000) " in text.splitlines()[-1]
