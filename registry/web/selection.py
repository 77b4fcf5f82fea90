"""The pages of selection reports: which model was recommended as a start, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from registry.domain.names import Reference
from registry.domain.selection.report import HEADLINE, UNITS, SelectionReport
from registry.presenting.formats import counted, number
from registry.web.parts import AsActor
from registry.web.render import page

router = APIRouter()


@dataclass(frozen=True, slots=True)
class SelectionsPage:
    """The newest reports, about one dataset or about all."""

    reports: Sequence[SelectionReport]
    dataset: str


@dataclass(frozen=True, slots=True)
class SelectionPage:
    """One report. `scores` are the names of the scores beside the headline, which is in `unit`."""

    report: SelectionReport
    unit: str
    scores: Sequence[str]
    priors: Sequence[str]
    parameters: Sequence[str]
    owed: Sequence[str]


@router.get("/selections")
def reports(request: Request, registry: AsActor, dataset: str = "") -> HTMLResponse:
    """The list of reports."""
    found = registry.selection.reports(Reference.parse(dataset) if dataset else None)
    context = SelectionsPage(found, dataset)
    return page(request, "selections.html", context, section="datasets", api="/api/v1/selections")


@router.get("/selections/{report_id}")
def report(request: Request, registry: AsActor, report_id: str) -> HTMLResponse:
    """One report."""
    found = registry.selection.report(report_id)
    context = SelectionPage(
        found,
        UNITS[found.labels],
        list(dict.fromkeys(name for one in found.ranked for name in one.shown if name != HEADLINE)),
        list(dict.fromkeys(name for one in found.ranked for name in one.priors)),
        [f"{number(one.parameters / 1e6)} M" for one in found.ranked],
        [counted(len(one.owed), "clause") if one.owed else "" for one in found.ranked],
    )
    return page(request, "selection.html", context, section="datasets", api=f"/api/v1/selections/{found.id}")
