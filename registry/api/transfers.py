"""Recipes and transfer steps."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from registry.api.wire import House, Paging, Text, answer, public_id, speaks
from registry.domain.names import Name
from registry.domain.paging import Page
from registry.domain.transfers import Method, Recipe, StepDetail, StepState, StepSummary
from registry.services.recipes import recipe_schema

router = APIRouter(tags=["transfers"])
YAML = "application/yaml"
DOCUMENT = {"type": "string", "description": "A recipe as YAML text, see /api/v1/recipes/schema"}


@router.get("/recipes/schema", **speaks({"type": "object", "description": "A JSON Schema"}))
def schema() -> Response:
    """The JSON Schema of recipes, as `forebear recipe schema` prints it."""
    return answer(recipe_schema())


@router.post("/recipes/check", **speaks(Recipe, takes=DOCUMENT, taken_as=YAML))
def check(office: House, text: Text) -> Response:
    """The recipe after defaults. Nothing is written."""
    return answer(office.transfers.check(text))


@router.post("/transfers", **speaks(StepDetail, takes=DOCUMENT, taken_as=YAML, status=202))
def submit(office: House, text: Text, auto_batch: bool = False) -> Response:
    """Queue the step and start its worker in the background; the answer is the step as it was queued."""
    return answer(office.transfers.submit(text, background=True, auto_batch=auto_batch), 202)


@router.get("/transfers", **speaks(Page[StepSummary]))
def search(
    office: House,
    page: Paging,
    state: StepState | None = None,
    method: Method | None = None,
    output: str | None = None,
) -> Response:
    """Transfer steps, newest first."""
    name = Name.parse(output) if output else None
    return answer(office.transfers.search(state=state, method=method, output=name, page=page))


@router.get("/transfers/{step}", **speaks(StepDetail))
def show(office: House, step: str) -> Response:
    """Everything about a step: inputs, recipe after defaults, learning curve, provenance manifest."""
    return answer(office.transfers.step(public_id(step)))


@router.get("/transfers/{step}/log", **speaks({"type": "string"}, media="text/plain"))
def log(office: House, step: str) -> Response:
    """What the workers of the step have written, as text."""
    return PlainTextResponse(office.transfers.log(public_id(step)))


@router.post("/transfers/{step}/resume", **speaks(StepDetail, status=202))
def resume(office: House, step: str) -> Response:
    """Go on from the last whole checkpoint, in the background."""
    return answer(office.transfers.resume(public_id(step), background=True), 202)


@router.post("/transfers/{step}/cancel", **speaks(StepDetail))
def cancel(office: House, step: str) -> Response:
    """Stop the step; nothing but its record is left."""
    return answer(office.transfers.cancel(public_id(step)))
