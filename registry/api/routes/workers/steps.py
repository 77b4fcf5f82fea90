"""Steps that workers on other machines take, report on and hand over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from registry.api.bodies import WhyGivenUp
from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.uploads import received
from registry.api.wire import LINES, AsActor, answer, body_of, nothing, public_id, speaks, upload_of
from registry.domain.codec import from_json
from registry.domain.data.rows import index_lines
from registry.domain.paging import Page
from registry.domain.transfers.steps import StepDetail, StepSummary
from registry.domain.transfers.work import Able, Assignment, Outcome, WorkReport, output_of
from registry.domain.verbs.registry import Registry

router = APIRouter(tags=["workers"], route_class=Route)
Worker = Annotated[
    str, Header(alias="Forebear-Worker", max_length=80, description="The `worker` of the assignment: the key to it")
]


def _steps(registry: Registry, _: Mapping[str, str]) -> Page[StepSummary]:
    return registry.transfers.search()


def _step(registry: Registry, path: Mapping[str, str]) -> StepDetail:
    return registry.transfers.step(public_id(path["step"]))


StepsUnchanged = Annotated[Registry, changes(_steps, "/transfers")]
StepUnchanged = Annotated[Registry, changes(_step, "/transfers/{step}")]


@router.post("/transfers/take", **speaks(Assignment, takes=Able))
def take(registry: StepsUnchanged, body: Annotated[Able, Depends(body_of(Able))]) -> Response:
    """Take the oldest step that waits for a worker and fits this one. 204: none waits. Service accounts only."""
    assignment = registry.work.take(body)
    if assignment is None:
        return nothing()
    taken = answer(assignment)
    taken.headers["Cache-Control"] = "no-store"
    return taken


@router.get("/transfers/{step}/rows", **speaks({"type": "string", "description": "A row a line"}, media=LINES))
def rows(registry: AsActor, step: str, role: Annotated[str, Query(max_length=80)], worker: Worker = "") -> Response:
    """The rows of the data in one role, as JSON lines, for the worker that holds the step."""
    found = registry.work.rows(public_id(step), worker, role)
    return Response(b"".join(index_lines(found)), media_type=LINES, headers={"Cache-Control": "private, no-store"})


@router.post("/transfers/{step}/report", **speaks(takes=WorkReport, status=204))
def report(
    registry: StepUnchanged, step: str, body: Annotated[WorkReport, Depends(body_of(WorkReport))], worker: Worker = ""
) -> Response:
    """How far the worker is, and its points of the learning curve; its lease is renewed."""
    registry.work.report(public_id(step), worker, body)
    return nothing()


@router.post("/transfers/{step}/failure", **speaks(StepDetail, takes=WhyGivenUp))
def give_up(
    registry: StepUnchanged, step: str, body: Annotated[WhyGivenUp, Depends(body_of(WhyGivenUp))], worker: Worker = ""
) -> Response:
    """The step failed on its worker."""
    return answer(registry.work.give_up(public_id(step), worker, body.error))


@router.post(
    "/transfers/{step}/output",
    **speaks(StepDetail, takes=upload_of(Outcome), taken_as="multipart/form-data", status=201),
)
async def hand_over(request: Request, registry: StepUnchanged, step: str, worker: Worker = "") -> Response:
    """What the step made: its files as parts, and how it ran as the JSON part `details`. No pickle is taken."""
    detail = await run_in_threadpool(registry.transfers.step, public_id(step))
    async with received(request, registry, lambda details: output_of(detail, from_json(Outcome, details))) as upload:
        outcome = from_json(Outcome, upload.details)
        folder = next(iter(upload.files.values())).parent if len(upload.files) == 1 else upload.source
        made = await run_in_threadpool(registry.work.hand_over, public_id(step), worker, outcome, folder)
        return answer(made, 201)
