"""The family tree for other programs: no name can break out of its quotes, and nothing is lost."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from lineage import Graph, Node, NodeKind
from lineage.formats import as_dot, as_mermaid, dot_text, mermaid_text
from lineage.outline import plain
from tests.lineage.worlds import FAMILY, LAW, draw, graphs

GRAPH, IDS = draw(FAMILY)

MERMAID_LABEL = r'"((?:[^"#;<>&`\\\n]|#\d+;)*)"'
MERMAID_LINE = re.compile(
    rf"  n\d+(?:\[{MERMAID_LABEL}\]|\[\({MERMAID_LABEL}\)\]|\(\[{MERMAID_LABEL}\]\))"
    rf"|  n\d+ (?:--x|-->|-\.->|==>)\|{MERMAID_LABEL}\| n\d+"
    r"|  classDef focus stroke-width:3px|  class n\d+ focus"
)
DOT_LABEL = r'"((?:[^"\\\n]|\\["\\])*)"'
DOT_LINE = re.compile(
    rf"  n\d+ \[label={DOT_LABEL}, shape=(?:box|cylinder|ellipse)(?:, penwidth=3)?\];"
    rf"|  n\d+ -> n\d+ \[label={DOT_LABEL}, style=(?:dotted|dashed|solid|bold)\];"
)


def one_node(label: str) -> Graph:
    return Graph([Node(1, NodeKind.MODEL, label)], [])


@LAW
@given(st.text())
def test_no_name_escapes_its_quotes_in_mermaid(label: str) -> None:
    _, line = as_mermaid(one_node(label)).split("\n")[:-1]
    assert MERMAID_LINE.fullmatch(line)
    inside = re.sub(r"#(\d+);", lambda code: chr(int(code[1])), mermaid_text(label))
    assert inside == plain(label)


@LAW
@given(st.text())
def test_no_name_escapes_its_quotes_in_dot(label: str) -> None:
    *_, line, closing = as_dot(one_node(label)).split("\n")[:-1]
    assert closing == "}"
    assert DOT_LINE.fullmatch(line)
    assert re.sub(r"\\(.)", r"\1", dot_text(label)) == plain(label)


@LAW
@given(graphs(), st.data())
def test_every_node_and_edge_is_drawn_once(graph: Graph, data: st.DataObject) -> None:
    focus = data.draw(st.none() | st.sampled_from(sorted(graph.nodes)))
    drawn = len(graph.nodes) + len(list(graph.edges))
    mermaid, dot = as_mermaid(graph, focus), as_dot(graph, focus)
    assert all(MERMAID_LINE.fullmatch(line) for line in mermaid.split("\n")[1:-1])
    assert all(DOT_LINE.fullmatch(line) for line in dot.split("\n")[2:-2])
    assert mermaid.count("\n") == 1 + drawn + (0 if focus is None else 2)
    assert dot.count("\n") == 3 + drawn


def test_shapes_show_the_kind_and_strokes_the_assurance() -> None:
    mermaid = as_mermaid(GRAPH.around(IDS["small"], up=1), IDS["small"])
    assert 'n0["lite0"]' in mermaid
    assert 'n2(["distil"])' in mermaid
    assert 'n0 -.->|"source"| n2' in mermaid
    assert 'n1 -->|"teacher"| n2' in mermaid
    assert mermaid.endswith("class n3 focus\n")
    dot = as_dot(GRAPH.around(IDS["digits-probe"], up=1), IDS["digits-probe"])
    assert 'n1 [label="mnist", shape=cylinder];' in dot
    assert 'n0 -> n2 [label="source", style=bold];' in dot
    assert 'n3 [label="digits-probe", shape=box, penwidth=3];' in dot


def test_a_step_is_called_by_its_method_and_a_model_by_its_name() -> None:
    facts = {"method": "fine_tuning"}
    graph = Graph([Node(1, NodeKind.STEP, "step-1", facts=facts), Node(2, NodeKind.MODEL, "a/b/1", facts=facts)], [])
    assert 'n0(["fine_tuning (step-1)"])' in as_mermaid(graph)
    assert 'n1["a/b/1"]' in as_mermaid(graph)
