"""How a part of the family tree looks in a terminal: the lines of `lineage.outline`, with colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lineage import Assurance, Graph, NodeId, NodeKind
from lineage.outline import MARKS, Direction, Line, describe, guides, mark_of, outline
from registry.cli.printing import heading, hint, out

if TYPE_CHECKING:
    from rich.text import Text

    from registry.domain.verbs.lineage import Ancestry

KIND_COLOURS = {NodeKind.MODEL: "bold", NodeKind.DATASET: "cyan", NodeKind.STEP: "magenta"}
ASSURANCE_COLOURS = {
    Assurance.CONTRADICTED: "bold red",
    Assurance.DECLARED: "yellow",
    Assurance.OBSERVED: "green",
    Assurance.VERIFIED: "bold green",
}


MARK_COLOURS = {"recalled": "bold red", "tainted": "bold yellow"}


def show_ancestry(ancestry: Ancestry, *, up: bool, down: bool) -> None:
    """The ancestors, the descendants, or both, each as an outline that starts at the focus."""
    graph = Graph(ancestry.nodes, ancestry.edges)
    if up:
        _draw(outline(graph, ancestry.focus, Direction.UP))
    if up and down:
        heading("Descendants")
    if down:
        _draw(outline(graph, ancestry.focus, Direction.DOWN))
    if not ancestry.complete:
        hint("The graph is larger than this: only the nearest nodes are shown. Limit the generations with --depth.")


def show_path(ancestry: Ancestry) -> None:
    """The way from the ancestor down to the descendant."""
    draw_down(Graph(ancestry.nodes, ancestry.edges), ancestry.nodes[0].id)


def draw_down(graph: Graph, start: NodeId) -> None:
    """What came from `start`, as an outline."""
    _draw(outline(graph, start, Direction.DOWN))


def _draw(lines: tuple[Line, ...]) -> None:
    from rich.text import Text

    for line, guide in zip(lines, guides(lines), strict=True):
        out().print(Text(guide, style="dim") + label(line), soft_wrap=True)


def label(line: Line) -> Text:
    """What a line says, with the name in the colour of its kind and the assurance in its own."""
    from rich.text import Text

    text = Text(describe(line), style="dim" if line.shown_at is not None else "")
    text.highlight_regex(r"\(.*\)$|\(.*\)(?= \[)|↑ see above$|… \d+ more$", "dim")
    text.highlight_words([line.node.label], KIND_COLOURS[line.node.kind])
    mark = mark_of(line.node)
    if mark is not None:
        text.highlight_words([MARKS[mark], mark, line.node.facts.get("taint", mark)], MARK_COLOURS[mark])
    if line.assurance is not None:
        text.highlight_words([f"[{line.assurance}]"], ASSURANCE_COLOURS[line.assurance])
    return text
