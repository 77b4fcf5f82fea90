"""The page of what is otherwise in one version of a model than in another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from lineage import TensorChange
from registry.domain.catalog.models import VersionSummary
from registry.domain.names import AssetKind, Reference
from registry.domain.paging import PageRequest
from registry.domain.verbs.catalog import VersionDifference
from registry.presenting.differences import answered, decades, distance, farthest_first, reach, rows, weights_in_words
from registry.web.parts import AsActor
from registry.web.render import link, page

router = APIRouter()
WIDTH, HEIGHT = 440, 220
LEFT, RIGHT, TOP, BOTTOM = 48, 14, 20, 44
MOST_BARS = 200
"""Bars of the plot; of more tensors each bar is the farthest of several."""
MOST = 100
"""Tensors in the table."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its left edge, upper edge, width and height in pixels, and the tensor that it stands for."""

    x: float
    y: float
    width: float
    height: float
    name: str


@dataclass(frozen=True, slots=True)
class Plot:
    """The changed tensors in the order of the file, by their relative distance on a logarithmic axis."""

    bars: tuple[Bar, ...]
    marks: tuple[tuple[float, str], ...]
    description: str


@dataclass(frozen=True, slots=True)
class DifferencePage:
    """Two versions, as they were named; `versions` are others of the same models, to choose from."""

    one: str
    other: str
    found: VersionDifference | None
    """None where only one version was named, or none."""
    versions: Sequence[VersionSummary]
    rows: Sequence[tuple[str, str, str, str]]
    answered: str
    weights: str
    plot: Plot | None
    farthest: Sequence[tuple[TensorChange, str]]
    more: int
    """Changed tensors that are not in the table."""


@router.get("/difference")
def difference(request: Request, registry: AsActor, one: str = "", other: str = "") -> HTMLResponse:
    """What is otherwise in `other` than in `one`; without one of them, a form that asks for both."""
    pair = [Reference.parse(text, kind=AssetKind.MODELS) if text.strip() else None for text in (one, other)]
    first, second = pair
    found = registry.catalog.difference(first, second) if first is not None and second is not None else None
    names = dict.fromkeys(reference.name for reference in pair if reference is not None)
    versions = [version for name in names for version in registry.catalog.versions(name, PageRequest(100)).items]
    weights = found.weights if found is not None else None
    changed = farthest_first(weights) if weights is not None else []
    context = DifferencePage(
        one=one,
        other=other,
        found=found,
        versions=versions,
        rows=rows(found) if found is not None else (),
        answered=answered(found.answers) if found is not None and found.answers is not None else "",
        weights=weights_in_words(weights) if weights is not None else "",
        plot=plotted(weights.changed) if weights is not None and changed else None,
        farthest=[(change, distance(change)) for change in changed[:MOST]],
        more=max(len(changed) - MOST, 0),
    )
    api = "/api/v1/models"
    if found is not None:
        ref = found.one
        api = link(f"/api/v1/models/{ref.name}/versions/{ref.number}/difference", other=str(found.other))
    return page(request, "difference.html", context, section="models", api=api)


def plotted(changes: Sequence[TensorChange]) -> Plot:
    """A bar for each tensor, or for several that are neighbours."""
    low, high = decades(changes)
    share = -(-len(changes) // MOST_BARS)
    groups = [changes[start : start + share] for start in range(0, len(changes), share)]
    room = (WIDTH - LEFT - RIGHT) / len(groups)
    bars = []
    for number, group in enumerate(groups):
        farthest = max(group, key=lambda one: reach(one, low, high))
        tall = max((HEIGHT - TOP - BOTTOM) * reach(farthest, low, high), 1.0)
        left = round(LEFT + number * room, 1)
        wide = round(max(room - 1, min(room, 1)), 1)
        bars.append(Bar(left, round(HEIGHT - BOTTOM - tall, 1), wide, round(tall, 1), farthest.name))
    step = (HEIGHT - TOP - BOTTOM) / (high - low)
    marks = tuple(
        (round(HEIGHT - BOTTOM - (power - low) * step, 1), f"{10.0**power:g}") for power in range(low, high + 1)
    )
    ends = f"from {10.0**low:g} to {10.0**high:g}"
    description = f"Relative L2 distance of {len(changes)} changed tensors in the order of the file, {ends}"
    return Plot(tuple(bars), marks, description)
