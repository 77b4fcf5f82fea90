"""The page of drift reports: what moved away from a version, by how much, and what to run next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from registry.domain.drift.report import Histogram, KeptReport
from registry.domain.names import Reference
from registry.errors import NotFoundError
from registry.web.parts import AsActor
from registry.web.render import page

router = APIRouter()
WIDTH, HEIGHT = 440, 220
LEFT, RIGHT, TOP, BOTTOM = 48, 14, 20, 44


@dataclass(frozen=True, slots=True)
class Plot:
    """One histogram as two outlines: SVG points, pixels, y pointing down. `marks` are (place, text) on each axis."""

    name: str
    before: str
    now: str
    x_marks: tuple[tuple[float, str], ...]
    y_marks: tuple[tuple[float, str], ...]
    stability: float
    description: str


@dataclass(frozen=True, slots=True)
class DriftPage:
    """The reports about one version; `kept` is the one that is shown."""

    model: str
    kept: KeptReport | None
    reports: Sequence[KeptReport]
    plots: Sequence[Plot]


@router.get("/drift")
def drift(request: Request, registry: AsActor, reference: str, report: str = "") -> HTMLResponse:
    """One report, the newest unless another is named, and the list of all."""
    found = registry.drift.reports(Reference.parse(reference))
    shown = next((one for one in found if report in {"", one.id}), None)
    if report and shown is None:
        raise NotFoundError(f"There is no drift report {report[:80]!r} about {reference[:200]}")
    plots = [plotted(one) for one in shown.report.histograms] if shown is not None else []
    context = DriftPage(reference, shown, found, plots)
    return page(request, "drift.html", context, section="models", api=f"/api/v1/drift?reference={quote(reference)}")


def plotted(histogram: Histogram) -> Plot:
    """The outlines of both samples over the same bins."""
    top = max(*histogram.before, *histogram.now, 1e-9)
    bins, span = len(histogram.before), histogram.high - histogram.low

    def x(place: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * place, 1)

    def y(share: float) -> float:
        return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - share / top), 1)

    def outline(shares: Sequence[float]) -> str:
        corners = [(x(n / bins), y(share)) for n, share in enumerate(shares)]
        ends = [(x((n + 1) / bins), y(share)) for n, share in enumerate(shares)]
        steps = [point for pair in zip(corners, ends, strict=True) for point in pair]
        return " ".join(f"{px},{py}" for px, py in steps)

    return Plot(
        histogram.name,
        outline(histogram.before),
        outline(histogram.now),
        tuple((x(n / 4), f"{histogram.low + span * n / 4:.3g}") for n in range(5)),
        tuple((y(top * n / 4), f"{top * n / 4:.0%}") for n in range(5)),
        histogram.stability,
        f"{histogram.name} from {histogram.low:.3g} to {histogram.high:.3g}: the share of rows in each of {bins} bins, "
        f"before and now",
    )
