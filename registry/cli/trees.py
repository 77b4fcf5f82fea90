"""How a part of the family tree looks in a terminal: the lines of `lineage.outline`, with colours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from lineage import Assurance, Graph, NodeKind
from lineage.outline import MAX_INDENT, Direction, Line, describe, outline
from registry.cli.printing import heading, hint, out

if TYPE_CHECKING:
    from rich.text import Text

    from registry.domain.verbs import Ancestry

KIND_COLOURS = {NodeKind.MODEL: "bold", NodeKind.DATASET: "cyan", NodeKind.STEP: "magenta"}
ASSURANCE_COLOURS = {Assurance.DECLARED: "yellow", Assurance.OBSERVED: "green", Assurance.VERIFIED: "bold green"}


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
        hint("This is not all of it: the nearest are shown. Ask for fewer generations with --depth.")


def show_path(ancestry: Ancestry) -> None:
    """The way from the ancestor down to the descendant."""
    graph = Graph(ancestry.nodes, ancestry.edges)
    _draw(outline(graph, ancestry.nodes[0].id, Direction.DOWN))


def _draw(lines: tuple[Line, ...]) -> None:
    for line, guides in zip(lines, _guides(lines), strict=True):
        out().print(guides + label(line), soft_wrap=True)


def label(line: Line) -> Text:
    """What a line says, with the name in the colour of its kind and the assurance in its own."""
    from rich.text import Text

    text = Text(describe(line), style="dim" if line.shown_at is not None else "")
    text.highlight_regex(r"\(.*\)$|\(.*\)(?= \[)|↑ see above$|… \d+ more$", "dim")
    text.highlight_words([line.node.label], KIND_COLOURS[line.node.kind])
    if line.assurance is not None:
        text.highlight_words([f"[{line.assurance}]"], ASSURANCE_COLOURS[line.assurance])
    return text


def _guides(lines: tuple[Line, ...]) -> Iterator[Text]:
    """The lines of the tree to the left of each line; what is deeper than fits is drawn at the last level that does."""
    from rich.text import Text

    bars: list[str] = []
    for line in lines:
        del bars[max(line.depth - 1, 0) :]
        tee = "" if line.depth == 0 else "└─ " if line.last else "├─ "
        far = f"({line.depth}) " if line.depth > MAX_INDENT else ""
        yield Text("".join(bars[: MAX_INDENT - 1]) + tee + far, style="dim")
        if line.depth:
            bars.append("   " if line.last else "│  ")
