"""The lineage page: a family as an outline and a table for every reader, and as a graph to walk with JavaScript.

All three show the same bounded part, and say how much is left out, with a link to the next of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Annotated, TypeVar
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from lineage import Assurance, Edge, Graph, Node, NodeId, NodeKind
from lineage.outline import Direction, Line, outline
from registry.domain.catalog.licences import LicenceClass
from registry.domain.catalog.models import Status
from registry.domain.recipes.recipe import Method
from registry.domain.text import read_moment
from registry.domain.verbs.lineage import MAX_GENERATIONS, UNFINISHED, Matches, Neighbourhood, Only, Reach, Rest
from registry.domain.verbs.registry import Registry
from registry.errors import UsageError
from registry.web.parts import AsActor
from registry.web.render import link, page, words

router = APIRouter()
ROOMS = {NodeKind.MODEL: "models", NodeKind.DATASET: "datasets", NodeKind.STEP: "steps"}
CHOICES = {
    "status": ("Status", tuple(Status)),
    "method": ("Method", tuple(Method)),
    "assurance": ("Assurance of an input", tuple(Assurance)),
    "licence": ("Licence", tuple(LicenceClass)),
}
"""What a reader can filter by besides the stage: the field, its name, and its values."""
CHILDREN = 5000
"""Children that the page of a model counts, which is read often."""
FOUND_LIMIT = 200
"""Nodes of a page with a filter."""
UP, DOWN, EACH, LIMIT = 6, 3, 4, 50
"""How much of a family a page shows before a reader asks for more."""
COUNTED = 1000
"""Neighbours that such a page counts of the node that it is about, ten times as many as of each other one."""
PAGE, PAGE_LIMIT = 60, 200
"""Neighbours of one group on a page of their own, and the nodes of such a page."""


@dataclass(frozen=True, slots=True)
class More:
    """What is left out beside a node: `26 by fine tuning`, and where the next of it are."""

    words: str
    address: str


@dataclass(frozen=True, slots=True)
class Twig:
    """One line of an outline as a nested list writes it: what it opens, and how many lists end after it."""

    line: Line
    address: str
    opens: bool
    closes: int
    more: Sequence[More]


Branch = Sequence[Twig]
"""An outline as a flat run of twigs: no depth of ancestry can exhaust a stack."""


@dataclass(frozen=True, slots=True)
class Input:
    """Something that a row was made from, as far as it is shown."""

    node: Node
    address: str
    edge: Edge


@dataclass(frozen=True, slots=True)
class Row:
    """A model or dataset of the family, or a step that has made nothing; `place` is how far from the focus it is."""

    node: Node
    address: str
    place: str
    step: Node | None
    inputs: Sequence[Input]
    more: Sequence[More]


@dataclass(frozen=True, slots=True)
class Family:
    """The part of the graph around `target` that is shown. An empty `at` is now.

    With a filter, `matches` says what it found, and `aside` are the nodes that are there for the way alone.
    """

    target: str
    focus: Node
    reach: Reach
    only: Mapping[str, str]
    at: str
    matches: Matches | None
    aside: frozenset[NodeId]
    ancestors: Branch
    descendants: Branch
    rows: Sequence[Row]
    complete: bool


@dataclass(frozen=True, slots=True)
class LineagePage:
    """A family on a page of its own."""

    family: Family
    address: str
    choices: Mapping[str, tuple[str, Sequence[str]]] = field(default_factory=lambda: CHOICES)


@router.get("/lineage")
def lineage(
    request: Request,
    registry: AsActor,
    target: str,
    up: int = UP,
    down: int = DOWN,
    group: Annotated[str, Query(max_length=64)] = "",
    after: int | None = None,
    stage: Annotated[str, Query(max_length=64)] = "",
    status: str = "",
    method: str = "",
    assurance: str = "",
    licence: str = "",
    at: Annotated[str, Query(max_length=64)] = "",
) -> HTMLResponse:
    """Where `target` comes from and what came from it; with a filter, what of that matches, and the ways there."""
    only = Only(
        stage.strip() or None,
        _chosen(Status, status, "status"),
        _chosen(Method, method, "method"),
        _chosen(Assurance, assurance, "assurance"),
        _chosen(LicenceClass, licence, "class of licences"),
    )
    # -1 generations, as in older links, are all that a page shows; a filter goes through all of them
    up, down = (MAX_GENERATIONS if one == -1 or only else one for one in (up, down))
    if group:
        reach = Reach(up, down, PAGE, PAGE_LIMIT, group, after, COUNTED)
    else:
        reach = Reach(up, down, EACH, FOUND_LIMIT if only else LIMIT, most=COUNTED)
    family = family_of(registry, target, reach, only, at)
    context = LineagePage(family, address(family.focus))
    api = link("/api/v1/lineage/near", asdict(reach) | dict(family.only), target=target, at=at)
    return page(request, "lineage.html", context, section="lineage", api=api)


def family_of(
    registry: Registry,
    target: str,
    reach: Reach = Reach(UP, DOWN, EACH, LIMIT, most=COUNTED),
    only: Only = Only(),
    at: str = "",
) -> Family:
    """What the pages show of a family. Raises: as `LineageVerbs.near`, BadFilterError for a moment that is none."""
    found = registry.lineage.near(target, reach, only=only, as_of=read_moment(at, "The day") if at else None)
    graph = Graph(found.nodes, found.edges)
    rests = _rests(found, graph, at)
    return Family(
        target=target,
        focus=graph.node(found.focus),
        reach=reach,
        only={name: str(value) for name, value in asdict(only).items() if value is not None},
        at=at,
        matches=found.matches,
        aside=frozenset(graph.nodes) - {found.focus, *found.matches.drawn} if found.matches else frozenset(),
        ancestors=_twigs(outline(graph, found.focus, Direction.UP), Direction.UP, rests),
        descendants=_twigs(outline(graph, found.focus, Direction.DOWN), Direction.DOWN, rests),
        rows=list(_rows(graph, found.focus, rests)),
        complete=not found.rest,
    )


_Word = TypeVar("_Word", bound=StrEnum)


def _chosen(words_of: type[_Word], text: str, name: str) -> _Word | None:
    """Raises: UsageError."""
    try:
        return words_of(text) if text else None
    except ValueError:
        raise UsageError(f"There is no {name} {text[:40]!r}", remedy=f"Give one of {', '.join(words_of)}") from None


def children_of(registry: Registry, target: str) -> Sequence[str]:
    """What was made directly from it, counted by method: `12 by fine tuning`; of very many, a page counts some."""
    found = registry.lineage.near(target, Reach(up=0, down=1, each=1, limit=1, most=CHILDREN))
    below = (one for one in found.rest if one.towards is Direction.DOWN and one.group != UNFINISHED)
    return [named(one, counted=found.counted) for one in below]


def address(node: Node) -> str:
    """The page of a node."""
    return quote(f"/{ROOMS[node.kind]}/{node.label}")


def named(rest: Rest, *, counted: bool) -> str:
    """`26 by fine tuning`, `1 unfinished step`, `3 datasets`; at least so many where not all were counted."""
    number = f"{rest.count:,}{'' if counted else ' or more'}"
    plural = "" if rest.count == 1 else "s"
    if rest.group == UNFINISHED:
        return f"{number} unfinished step{plural}"
    kinds = {NodeKind.MODEL.value: "model", NodeKind.DATASET.value: "dataset", NodeKind.STEP.value: "step"}
    return f"{number} {kinds[rest.group]}{plural}" if rest.group in kinds else f"{number} by {words(rest.group)}"


_Rests = Mapping[tuple[NodeId, Direction], Sequence[More]]


def _rests(found: Neighbourhood, graph: Graph, at: str) -> _Rests:
    rests: dict[tuple[NodeId, Direction], list[More]] = {}
    for rest in found.rest:
        node = graph.node(rest.node)
        target = node.label if node.kind is NodeKind.STEP else f"{ROOMS[node.kind]}:/{node.label}"
        up, down = (1, 0) if rest.towards is Direction.UP else (0, 1)
        where = link("/lineage", target=target, up=up, down=down, group=rest.group, after=rest.after, at=at)
        rests.setdefault((rest.node, rest.towards), []).append(More(named(rest, counted=found.counted), where))
    return rests


def _twigs(lines: Sequence[Line], towards: Direction, rests: _Rests) -> Branch:
    after = [line.depth for line in lines[1:]] + [0]
    return [
        Twig(
            line,
            address(line.node),
            opens=following > line.depth,
            closes=max(line.depth - following, 0),
            more=() if line.shown_at is not None else rests.get((line.node.id, towards), ()),
        )
        for line, following in zip(lines, after, strict=True)
    ]


def _rows(graph: Graph, focus: NodeId, rests: _Rests) -> Iterator[Row]:
    """The focus, then what it came from, then what came from it, nearest first."""
    places = {focus: "this one"}
    for walk, way in ((graph.ancestors, "before"), (graph.descendants, "after")):
        for key, generation in walk(focus).items():
            places.setdefault(key, f"{generation} {way}")
    for key, place in places.items():
        node = graph.node(key)
        if node.kind is NodeKind.STEP and graph.out_of(key):
            continue
        step = node if node.kind is NodeKind.STEP else next((graph.node(one.source) for one in graph.into(key)), None)
        into = graph.into(step.id) if step else ()
        inputs = [Input(graph.node(one.source), address(graph.node(one.source)), one) for one in into]
        more = [one for towards in Direction for one in rests.get((key, towards), ())]
        yield Row(node, address(node), place, step, inputs, more)
