"""Which model to start from, and whether data has moved away from one: reports, and rankings that an engine runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import AsActor, answer, body_of, public_id, speaks
from registry.domain.drift.report import KeptReport
from registry.domain.names import Reference
from registry.domain.selection.backtest import Backtest
from registry.domain.selection.report import SelectionReport
from registry.domain.verbs.registry import Registry
from registry.domain.verbs.selection import Ranking, Recommend

router = APIRouter(tags=["selection"], route_class=Route)


def _reports(registry: Registry, _path: Mapping[str, str]) -> Sequence[SelectionReport]:
    return registry.selection.reports()


ReportsUnchanged = Annotated[Registry, changes(_reports, "/selections")]


@router.get("/selections", **speaks(Sequence[SelectionReport]))
def reports(registry: AsActor, dataset: str | None = None) -> Response:
    """The newest reports, at most 50, newest first; with `dataset` those about that version."""
    return answer(registry.selection.reports(Reference.parse(dataset) if dataset else None))


@router.get("/selections/backtest", **speaks(Backtest))
def backtest(registry: AsActor) -> Response:
    """How well rankings and priors would have chosen, over the transfers on record."""
    return answer(registry.selection.backtest())


@router.post("/selections", **speaks(Ranking, takes=Recommend, status=202))
def start(registry: ReportsUnchanged, wanted: Annotated[Recommend, Depends(body_of(Recommend))]) -> Response:
    """Have the engine rank the models for a dataset; the answer is the ranking as it was queued."""
    return answer(registry.selection.start(wanted), 202)


@router.get("/selections/{report_id}/ranking", **speaks(Ranking))
def ranking(registry: AsActor, report_id: str) -> Response:
    """How a ranking that was started stands: what has happened so far, or why it failed."""
    return answer(registry.selection.ranking(public_id(report_id)))


@router.get("/selections/{report_id}", **speaks(SelectionReport))
def report(registry: AsActor, report_id: str) -> Response:
    """One report: the candidates in their order, what was left out, and the recipes."""
    return answer(registry.selection.report(public_id(report_id)))


@router.get("/drift", **speaks(Sequence[KeptReport]))
def drift(registry: AsActor, reference: str) -> Response:
    """The drift reports about a version, at most 50, newest first."""
    return answer(registry.drift.reports(Reference.parse(reference)))
