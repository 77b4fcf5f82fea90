"""Which model to start from, and whether data has moved away from one: the reports of two commands.

`forebear recommend` and `forebear drift check` make them.
"""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.responses import Response

from registry.api.repeats import Route
from registry.api.wire import AsActor, answer, public_id, speaks
from registry.domain.drift.report import KeptReport
from registry.domain.names import Reference
from registry.domain.selection.backtest import Backtest
from registry.domain.selection.report import SelectionReport

router = APIRouter(tags=["selection"], route_class=Route)


@router.get("/selections", **speaks(Sequence[SelectionReport]))
def reports(registry: AsActor, dataset: str | None = None) -> Response:
    """The newest reports, at most 50, newest first; with `dataset` those about that version."""
    return answer(registry.selection.reports(Reference.parse(dataset) if dataset else None))


@router.get("/selections/backtest", **speaks(Backtest))
def backtest(registry: AsActor) -> Response:
    """How well rankings and priors would have chosen, over the transfers on record."""
    return answer(registry.selection.backtest())


@router.get("/selections/{report_id}", **speaks(SelectionReport))
def report(registry: AsActor, report_id: str) -> Response:
    """One report: the candidates in their order, what was left out, and the recipes."""
    return answer(registry.selection.report(public_id(report_id)))


@router.get("/drift", **speaks(Sequence[KeptReport]))
def drift(registry: AsActor, reference: str) -> Response:
    """The drift reports about a version, at most 50, newest first."""
    return answer(registry.drift.reports(Reference.parse(reference)))
