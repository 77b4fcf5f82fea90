"""The lineage page: the ancestry as an outline for every reader, and as a graph to walk for those with JavaScript."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from lineage import Graph, Node, NodeKind
from lineage.outline import Direction, Line, outline
from registry.domain.verbs.lineage import Ancestry
from registry.web.parts import AsActor
from registry.web.render import link, page

router = APIRouter()
LIMIT = 400
"""Nodes of one page; the graph loads more where a reader asks."""


@dataclass(frozen=True, slots=True)
class Twig:
    """One line of an outline as a nested list writes it: what it opens, and how many lists end after it."""

    line: Line
    address: str
    opens: bool
    closes: int


Branch = Sequence[Twig]
"""An outline as a flat run of twigs: no depth of ancestry can exhaust a stack."""


@dataclass(frozen=True, slots=True)
class LineagePage:
    """The part of the graph around one thing."""

    target: str
    label: str
    kind: str
    address: str
    ancestors: Branch
    descendants: Branch
    complete: bool
    up: int
    down: int
    nodes: int


@router.get("/lineage")
def lineage(request: Request, registry: AsActor, target: str, up: int = -1, down: int = -1) -> HTMLResponse:
    """Where `target` comes from and what came from it."""
    found = registry.lineage.show(target, up=up, down=down, limit=LIMIT)
    focus = next(node for node in found.nodes if node.id == found.focus)
    ancestors, descendants = outline_of(found)
    context = LineagePage(
        target=target,
        label=focus.label,
        kind=focus.kind.value,
        address=address(focus),
        ancestors=ancestors,
        descendants=descendants,
        complete=found.complete,
        up=up,
        down=down,
        nodes=len(found.nodes),
    )
    api = link("/api/v1/lineage", target=target, up=up, down=down)
    return page(request, "lineage.html", context, section="lineage", api=api)


def outline_of(found: Ancestry) -> tuple[Branch, Branch]:
    """The outlines of the ancestors and of the descendants of the focus."""
    known = {node.id for node in found.nodes}
    graph = Graph(found.nodes, (edge for edge in found.edges if edge.source in known and edge.target in known))
    return (
        _twigs(outline(graph, found.focus, Direction.UP)),
        _twigs(outline(graph, found.focus, Direction.DOWN)),
    )


def address(node: Node) -> str:
    """The page of a node."""
    room = {NodeKind.MODEL: "models", NodeKind.DATASET: "datasets", NodeKind.STEP: "steps"}[node.kind]
    return quote(f"/{room}/{node.label}")


def _twigs(lines: Sequence[Line]) -> Branch:
    after = [line.depth for line in lines[1:]] + [0]
    return [
        Twig(line, address(line.node), following > line.depth, max(line.depth - following, 0))
        for line, following in zip(lines, after, strict=True)
    ]
