"""The pages of the guided way. Each asks one question; the forms do what a command of the same name does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import Request

from registry.domain.data.datasets import DatasetSummary
from registry.domain.data.looks import Look
from registry.domain.names import AssetKind, Reference
from registry.domain.paging import PageRequest
from registry.domain.recipes.recipe import Method
from registry.domain.selection.report import UNITS, SelectionReport, Start
from registry.domain.verbs.registry import Registry
from registry.domain.verbs.selection import Ranking, RankingState, Recommend
from registry.errors import NotFoundError
from registry.presenting.looks import remarks
from registry.presenting.starting import methods_for
from registry.web.guided.choices import NO, YES, Choices, Stage, recipe_of, stages, start_of
from registry.web.guided.result import result
from registry.web.parts import AsActor, see
from registry.web.render import page, part
from registry.web.steps import known

router = APIRouter()
MOST_DATASETS = 12


@dataclass(frozen=True, slots=True)
class DataPage:
    """Choose a file, a folder or a dataset. `most_bytes` and `most_files` are the limits of one upload."""

    stages: Sequence[Stage]
    datasets: Sequence[DatasetSummary]
    most_bytes: int
    most_files: int


@dataclass(frozen=True, slots=True)
class LookPage:
    """What the data looks like."""

    stages: Sequence[Stage]
    chosen: Choices
    look: Look
    remarks: Sequence[str]


@dataclass(frozen=True, slots=True)
class RankingPage:
    """A ranking under way or done: `report` is None before its end."""

    stages: Sequence[Stage]
    chosen: Choices
    ranking: Ranking | None
    report: SelectionReport | None
    unit: str


@dataclass(frozen=True, slots=True)
class RankingPart:
    """What has happened in a ranking so far; `unit` is that of its scores."""

    ranking: Ranking
    unit: str


@dataclass(frozen=True, slots=True)
class MethodPage:
    """How to start from the model: the recommended method first."""

    stages: Sequence[Stage]
    chosen: Choices
    start: Start
    methods: Sequence[Method]


@dataclass(frozen=True, slots=True)
class RecipePage:
    """With or without baselines; once that is chosen, the recipe, which is all that is run."""

    stages: Sequence[Stage]
    chosen: Choices
    recipe: str


def _asked(
    data: str = "", ranking: str = "", start: int = 0, method: str = "", baselines: str = "", step: str = ""
) -> Choices:
    return Choices(data, ranking, start, method, baselines, step)


def _sent(
    data: Annotated[str, Form()],
    ranking: Annotated[str, Form()],
    start: Annotated[int, Form()],
    method: Annotated[str, Form()],
    baselines: Annotated[str, Form()],
) -> Choices:
    return Choices(data, ranking, start, method, baselines)


@router.get("/start")
def start(request: Request, registry: AsActor, chosen: Annotated[Choices, Depends(_asked)]) -> HTMLResponse:
    """The first question that is not answered yet."""
    way = stages(chosen)
    if not chosen.data:
        return _data(request, registry)
    if not chosen.ranking:
        found = registry.datasets.look(Reference.parse(chosen.data, kind=AssetKind.DATASETS), pictures=True)
        api = f"/api/v1/datasets/{found.dataset.name}/versions/{found.dataset.number}/look"
        return page(request, "start/look.html", LookPage(way, chosen, found, remarks(found)), section="start", api=api)
    ranking, report = _ranking(registry, chosen.ranking)
    api = f"/api/v1/selections/{chosen.ranking}"
    if report is None or not chosen.start:
        context = RankingPage(way, chosen, ranking, report, _unit(ranking, report))
        api = f"{api}/ranking" if report is None else api
        return page(request, "start/ranking.html", context, section="start", api=api)
    if not chosen.method:
        model = start_of(report, chosen)
        asked = MethodPage(way, chosen, model, methods_for(registry, model))
        return page(request, "start/method.html", asked, section="start", api=api)
    recipe = recipe_of(report, chosen)
    if not chosen.step:
        name = "start/recipe.html" if chosen.baselines else "start/baselines.html"
        return page(request, name, RecipePage(way, chosen, recipe), section="start", api=api)
    shown = result(registry, way, chosen, recipe)
    api = f"/api/v1/transfers/{shown.step.summary.id}"
    return page(request, "start/result.html", shown, section="start", api=api)


@router.get("/start/rankings/{ranking_id}")
def told(registry: AsActor, ranking_id: str) -> HTMLResponse:
    """What has happened in a ranking so far, for the page that waits for it."""
    ranking = registry.selection.ranking(ranking_id)
    return part("start/told.html", RankingPart(ranking, _unit(ranking, None)))


@router.post("/start/ranking")
def rank(registry: AsActor, data: Annotated[str, Form()]) -> RedirectResponse:
    """Have the engine rank the models for the data."""
    ranking = registry.selection.start(Recommend(Reference.parse(data, kind=AssetKind.DATASETS)))
    return see(Choices(data).with_ranking(ranking.id).address)


@router.post("/start/run")
def run(registry: AsActor, chosen: Annotated[Choices, Depends(_sent)]) -> RedirectResponse:
    """Run the recipe of the page in the background."""
    _, report = _ranking(registry, chosen.ranking)
    if report is None or chosen.baselines not in {YES, NO}:
        raise NotFoundError("There is no recipe to run yet", remedy="Answer the questions of /start first")
    recipe = recipe_of(report, chosen)
    step = registry.transfers.submit(recipe, background=True, baselines=chosen.baselines == YES)
    return see(chosen.with_step(step.summary.id).address)


def _unit(ranking: Ranking | None, report: SelectionReport | None) -> str:
    """What the scores are; empty before the first model is read."""
    known = report or (ranking and ranking.standings)
    return UNITS[known.labels] if known else ""


@router.post("/start/cancel")
def cancel(
    registry: AsActor, chosen: Annotated[Choices, Depends(_sent)], step: Annotated[str, Form()]
) -> RedirectResponse:
    """Cancel the run, and go back to the recipe."""
    registry.transfers.cancel(known(step))
    return see(chosen.address)


def _data(request: Request, registry: Registry) -> HTMLResponse:
    found = [one for one in registry.datasets.search("", PageRequest(MOST_DATASETS)).items if one.version is not None]
    settings = request.app.state.settings
    context = DataPage(stages(Choices()), found, settings.max_upload, settings.data_limits.files)
    return page(request, "start/data.html", context, section="start", api="/api/v1/datasets")


def _ranking(registry: Registry, ranking_id: str) -> tuple[Ranking | None, SelectionReport | None]:
    """How a ranking stands, and its report once there is one; one that a command made was never started here."""
    try:
        return None, registry.selection.report(ranking_id)
    except NotFoundError:
        found = registry.selection.ranking(ranking_id)
    if found.state is RankingState.SUCCEEDED:  # it ended between the two looks
        return found, registry.selection.report(ranking_id)
    return found, None
