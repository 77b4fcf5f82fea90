"""An ancestry as an outline: one line per thing, from a focus upward (model <- step <- inputs) or downward.

A lineage graph is not a tree: two branches may meet again. A node is opened once, on the shortest path from the focus
(so that a limit of depth never hides what it should show); elsewhere its line only refers to that one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from lineage.graph import ALL, Graph
from lineage.nodes import Assurance, Edge, Node, NodeId, NodeKind

MAX_INDENT = 32
"""Levels of indentation that text shows; what is deeper is drawn at this one, with its level in front."""

SHOWN = {
    NodeKind.MODEL: ("stage", "status", "taint", "licence", "accuracy", "deleted"),
    NodeKind.DATASET: ("rows", "status", "taint", "licence", "deleted"),
    NodeKind.STEP: ("method", "state"),
}
"""Facts of a node that text shows, in this order."""

MARKS = {"recalled": "\N{MULTIPLICATION X}", "tainted": "\N{WARNING SIGN}"}
"""What stands before the name of what was taken back, and of what is withheld because of what it was made from."""


class Direction(StrEnum):
    """Which way an outline goes from its focus."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: `node`, and by which edges it hangs on the line above (none for the focus).

    One dataset that goes into a step for training and for testing is one line with two edges. `number` counts lines
    from 0, `depth` is the level of indentation, `last` tells that no sibling follows. `shown_at` is the number of the
    line where this node is opened, when that is not this line. `hidden` counts the branches of the node that the limit
    of depth cut off.
    """

    number: int
    depth: int
    last: bool
    node: Node
    edges: tuple[Edge, ...] = ()
    shown_at: int | None = None
    hidden: int = 0

    @property
    def role(self) -> str:
        """`source`, or `train, test`; with the split where it has another name than the role: `train=fold-1`."""
        names = (edge.role if edge.split in {None, edge.role} else f"{edge.role}={edge.split}" for edge in self.edges)
        return ", ".join(dict.fromkeys(names))

    @property
    def assurance(self) -> Assurance | None:
        """The weakest assurance among the edges; None for the focus."""
        order = list(Assurance)
        return min((edge.assurance for edge in self.edges), key=order.index, default=None)


def outline(graph: Graph, focus: NodeId, direction: Direction = Direction.UP, *, depth: int = ALL) -> tuple[Line, ...]:
    """The lines in the order of reading. Data come before models, so that the models continue below.

    Cost is linear in the lines. Raises: UnknownNodeError.
    """
    walk = graph.ancestors if direction is Direction.UP else graph.descendants
    generations = {focus: 0, **walk(focus, depth=depth)}
    opener = _openers(graph, focus, direction, generations)
    lines: list[Line] = []
    opened_at: dict[NodeId, int] = {}
    waiting: list[tuple[int, bool, NodeId | None, NodeId, tuple[Edge, ...]]] = [(0, True, None, focus, ())]
    while waiting:
        level, last, above, here, edges = waiting.pop()
        line = Line(len(lines), level, last, graph.node(here), edges)
        if opener[here] == above:
            opened_at[here] = len(lines)
            below = _branches(graph, here, direction)
            shown = [branch for branch in below if branch[0] in generations]
            line = replace(line, hidden=len(below) - len(shown))
            for number, (there, joining) in enumerate(reversed(shown)):
                waiting.append((level + 1, number == 0, here, there, joining))
        else:
            line = replace(line, shown_at=-1)
        lines.append(line)
    return tuple(line if line.shown_at is None else replace(line, shown_at=opened_at[line.node.id]) for line in lines)


def _branches(graph: Graph, here: NodeId, direction: Direction) -> list[tuple[NodeId, tuple[Edge, ...]]]:
    """The neighbours on the way, each once with all its edges, data first, then by name."""
    joined: dict[NodeId, list[Edge]] = {}
    for edge in graph.into(here) if direction is Direction.UP else graph.out_of(here):
        joined.setdefault(edge.source if direction is Direction.UP else edge.target, []).append(edge)

    def place(there: NodeId) -> tuple[bool, str, NodeId]:
        node = graph.node(there)
        return node.kind is not NodeKind.DATASET, node.label, there

    return [(there, tuple(joined[there])) for there in sorted(joined, key=place)]


def _openers(
    graph: Graph, focus: NodeId, direction: Direction, generations: dict[NodeId, int]
) -> dict[NodeId, NodeId | None]:
    """Under which neighbour each node is opened: the first on a shortest way from the focus."""
    opener: dict[NodeId, NodeId | None] = {focus: None}
    for here in generations:  # nearest first
        for there, _ in _branches(graph, here, direction):
            if there in generations:
                opener.setdefault(there, here)
    return opener


def render(lines: Sequence[Line]) -> str:
    """The outline as plain text with box-drawing characters, a line each."""
    return "\n".join(guide + describe(line) for guide, line in zip(guides(lines), lines, strict=True))


def guides(lines: Sequence[Line]) -> Iterator[str]:
    """What stands left of each line: the bars and branches of the tree, and the level where it is too deep to draw."""
    bars: list[str] = []  # for each level above, what stands in its column
    for line in lines:
        del bars[max(line.depth - 1, 0) :]
        tee = "" if line.depth == 0 else "└─ " if line.last else "├─ "
        far = f"({line.depth}) " if line.depth > MAX_INDENT else ""
        yield "".join(bars[: MAX_INDENT - 1]) + tee + far
        if line.depth:
            bars.append("   " if line.last else "│  ")


def mark_of(node: Node) -> str | None:
    """`recalled` for what was taken back, `tainted` for what is withheld because of what it was made from."""
    if node.facts.get("status") == "recalled":
        return "recalled"
    return "tainted" if node.facts.get("taint") else None


def describe(line: Line) -> str:
    """The text of a line, without its guide: `source: library/lite0/1 (registered · Apache-2.0) [observed]`.

    Downward, the assurance stands at the step that took the thing above it.

    One of `MARKS` stands before the name of what is recalled or tainted; the words are among the facts.
    """
    role = "" if line.node.kind is NodeKind.STEP or line.role in {"", "output"} else f"{line.role}: "
    facts = " · ".join(_facts(line.node))
    claimed = line.assurance if line.role != "output" else None
    assurance = f" [{claimed}]" if claimed else ""
    tail = f" … {line.hidden} more" if line.hidden else ""
    if line.shown_at is not None:
        tail = " ↑ see above" if line.shown_at < line.number else " ↓ see below"
    mark = mark_of(line.node)
    name = f"{MARKS[mark]} {line.node.label}" if mark else line.node.label
    return plain(f"{role}{name}{f' ({facts})' if facts else ''}{assurance}{tail}")


def _facts(node: Node) -> Iterator[str]:
    """The facts that are shown: numbers with their name, and no status when there is nothing to say about it."""
    for key in SHOWN[node.kind]:
        value = node.facts.get(key)
        if key == "deleted" and value:
            yield "deleted"
        elif key == "rows" and value:
            yield f"{value} rows"
        elif key == "accuracy" and value:
            yield f"accuracy {value}"
        elif value and (key, value) != ("status", "active"):
            yield value


def plain(text: str) -> str:
    """`text` on one line and without control characters: what a terminal may be sent."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
