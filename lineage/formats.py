"""A family tree in other programs' words: Mermaid (flowchart) and Graphviz DOT.

Labels are people's text: both languages get them escaped, so that no name can end a string or start a directive.
Dashed edges are declared, plain ones observed, thick ones verified; those that the weights contradict end in a cross.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lineage.graph import Graph
from lineage.nodes import Assurance, Edge, Node, NodeId, NodeKind
from lineage.outline import plain

_MERMAID_SHAPES = {NodeKind.MODEL: ("[", "]"), NodeKind.DATASET: ("[(", ")]"), NodeKind.STEP: ("([", "])")}
_MERMAID_ARROWS = {
    Assurance.CONTRADICTED: "--x",
    Assurance.DECLARED: "-.->",
    Assurance.OBSERVED: "-->",
    Assurance.VERIFIED: "==>",
}
_DOT_SHAPES = {NodeKind.MODEL: "box", NodeKind.DATASET: "cylinder", NodeKind.STEP: "ellipse"}
_DOT_STYLES = {
    Assurance.CONTRADICTED: "dotted",
    Assurance.DECLARED: "dashed",
    Assurance.OBSERVED: "solid",
    Assurance.VERIFIED: "bold",
}


def as_mermaid(graph: Graph, focus: NodeId | None = None) -> str:
    """A Mermaid flowchart, left to right; models are boxes, datasets cylinders, steps stadiums."""
    return "\n".join(_mermaid(graph, focus)) + "\n"


def _mermaid(graph: Graph, focus: NodeId | None) -> Iterator[str]:
    names = _names(graph)
    yield "flowchart LR"
    for node in graph.order():
        left, right = _MERMAID_SHAPES[node.kind]
        yield f'  {names[node.id]}{left}"{mermaid_text(_title(node))}"{right}'
    for edge in graph.edges:
        arrow = _MERMAID_ARROWS[edge.assurance]
        yield f'  {names[edge.source]} {arrow}|"{mermaid_text(_role(edge))}"| {names[edge.target]}'
    if focus is not None:
        yield "  classDef focus stroke-width:3px"
        yield f"  class {names[focus]} focus"


def as_dot(graph: Graph, focus: NodeId | None = None) -> str:
    """A Graphviz digraph, left to right; models are boxes, datasets cylinders, steps ellipses."""
    return "\n".join(_dot(graph, focus)) + "\n"


def _dot(graph: Graph, focus: NodeId | None) -> Iterator[str]:
    names = _names(graph)
    yield "digraph lineage {"
    yield "  rankdir=LR;"
    for node in graph.order():
        pen = ", penwidth=3" if node.id == focus else ""
        yield f'  {names[node.id]} [label="{dot_text(_title(node))}", shape={_DOT_SHAPES[node.kind]}{pen}];'
    for edge in graph.edges:
        style = _DOT_STYLES[edge.assurance]
        ends = f"{names[edge.source]} -> {names[edge.target]}"
        yield f'  {ends} [label="{dot_text(_role(edge))}", style={style}];'
    yield "}"


def mermaid_text(text: str) -> str:
    """`text` for between Mermaid's double quotes: all but letters, digits and ` _-/:.,=()` become `#NNN;` codes."""
    return "".join(char if char.isalnum() or char in " _-/:.,=()" else f"#{ord(char)};" for char in plain(text))


def dot_text(text: str) -> str:
    """`text` for between DOT's double quotes: a backslash and a quote are escaped, control characters replaced."""
    return plain(text).replace("\\", "\\\\").replace('"', '\\"')


def _names(graph: Graph) -> Mapping[NodeId, str]:
    """Short identifiers that need no quoting: n0, n1, … in topological order."""
    return {node.id: f"n{number}" for number, node in enumerate(graph.order())}


def _title(node: Node) -> str:
    """A step is called by its method, which says more than its id; the id follows."""
    method = node.facts.get("method") if node.kind is NodeKind.STEP else None
    return f"{method} ({node.label})" if method else node.label


def _role(edge: Edge) -> str:
    return edge.role if edge.split in {None, edge.role} else f"{edge.role} ({edge.split})"
