"""Recipes and transfer steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from registry.api.bodies import RecordedStep
from registry.api.conditions import changes
from registry.api.downloads import download
from registry.api.repeats import Route
from registry.api.streams import Streams
from registry.api.uploads import received
from registry.api.wire import (
    BYTES,
    LINES,
    AsActor,
    Paging,
    Text,
    answer,
    body_of,
    fields_of,
    nothing,
    public_id,
    speaks,
)
from registry.domain.catalog.models import VersionDetail
from registry.domain.codec import from_json
from registry.domain.comparison.forgetting import Forgetting
from registry.domain.comparison.verdict import TransferVerdict
from registry.domain.data.datasets import DatasetVersionDetail
from registry.domain.manifests import FileEntry
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.paging import Page
from registry.domain.recipes.recipe import Method, Recipe
from registry.domain.transfers.recorded import RecordTransfer, check_reading
from registry.domain.transfers.step_events import GOING, Listener, Place
from registry.domain.transfers.steps import StepDetail, StepNews, StepState, StepSummary
from registry.domain.verbs.registry import Registry
from registry.errors import UsageError

router = APIRouter(tags=["transfers"], route_class=Route)
YAML = "application/yaml"
EVENTS = "text/event-stream"
STREAM = {
    "type": "object",
    "description": "One event of the stream",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "description": "To go on after this event"},
        "event": {"enum": ["metric", "progress", "state"]},
        "data": {"type": "string", "description": "JSON: of `metric` an EpochMetric, of the others a StepSummary"},
    },
}
PLACE = "The `id` of the last event that was received: only later events are sent"
Runner = Annotated[str | None, Query(max_length=64, description="What runs it; the server's own setting if left out")]
Whole = Annotated[str, Query(max_length=256, description="The version: `models:/team/name/3`, `datasets:/…`")]
DOCUMENT = {"type": "string", "description": "A recipe as YAML text, see /api/v1/recipes/schema"}


def _steps(registry: Registry, _path: Mapping[str, str]) -> Page[StepSummary]:
    return registry.transfers.search()


def _step(registry: Registry, path: Mapping[str, str]) -> StepDetail:
    return registry.transfers.step(public_id(path["step"]))


StepsUnchanged = Annotated[Registry, changes(_steps, "/transfers")]
StepUnchanged = Annotated[Registry, changes(_step, "/transfers/{step}")]


@router.get("/recipes/schema", **speaks({"type": "object", "description": "A JSON Schema"}))
def schema(registry: AsActor) -> Response:
    """The JSON Schema of recipes, as `forebear recipe schema` prints it."""
    return answer(registry.transfers.recipe_schema())


@router.post("/recipes/check", **speaks(Recipe, takes=DOCUMENT, taken_as=YAML))
def check(registry: AsActor, text: Text) -> Response:
    """The recipe after defaults. Nothing is written."""
    return answer(registry.transfers.check(text))


@router.post("/transfers", **speaks(StepDetail, takes=DOCUMENT, taken_as=YAML, status=202))
def submit(
    registry: StepsUnchanged,
    text: Text,
    auto_batch: bool = False,
    baselines: bool = False,
    seeds: int = 3,
    engine: Runner = None,
) -> Response:
    """Queue the step and start its worker in the background; the answer is the step as it was queued.

    With `auto_batch` it starts again with half the batch size when memory runs out. With `baselines` it also runs what
    the transfer is compared with, each trained arm with so many `seeds`.
    """
    step = registry.transfers.submit(
        text, background=True, engine=engine, auto_batch=auto_batch, baselines=baselines, seeds=seeds
    )
    return answer(step, 202)


@router.get("/transfers", **speaks(Page[StepSummary]))
def search(
    registry: AsActor,
    page: Paging,
    state: StepState | None = None,
    method: Method | None = None,
    output: str | None = None,
) -> Response:
    """Transfer steps, newest first."""
    name = Name.parse(output) if output else None
    return answer(registry.transfers.search(state=state, method=method, output=name, page=page))


@router.post("/transfers/recorded", **speaks(StepDetail, takes=RecordedStep, uploads=RecordedStep, status=201))
async def record(request: Request, registry: StepsUnchanged) -> Response:
    """Record a step that somebody's own program ran: files of its output as parts, and a JSON part `details`.

    A step that failed has no files and comes as JSON, with its `error`. No pickle is read.
    """
    if not request.headers.get("content-type", "").startswith("multipart/"):
        told = await body_of(RecordedStep)(request)
        if not told.error:
            raise UsageError("A step that made something is an upload with its files", remedy="Or give its `error`")
        wanted = RecordTransfer(uploaded=True, **fields_of(told))
        return answer(await run_in_threadpool(registry.transfers.record, wanted), 201)
    async with received(request, registry, _output_of) as upload:
        told = from_json(RecordedStep, upload.details)
        if told.error:
            raise UsageError("A step that failed has no files", remedy="Send its details as JSON")
        wanted = RecordTransfer(source=str(upload.source), uploaded=True, **fields_of(told))
        return answer(await run_in_threadpool(registry.transfers.record, wanted), 201)


def _output_of(details: object) -> Reference:
    return Reference(AssetKind.MODELS, from_json(RecordedStep, details).output)


@router.head("/transfers/inputs/{reading}", include_in_schema=False)
@router.get("/transfers/inputs/{reading}", **speaks(BYTES, media="application/octet-stream"))
def read_input(request: Request, registry: AsActor, reading: str, reference: Whole) -> Response:
    """The bytes of all files of a version, one after the other, whole or by `Range`; written down as read.

    `reading` is an id of 32 hexadecimal digits that the caller chose, to be named when the step is recorded.
    """
    check_reading(reading)
    version = Reference.parse(reference)
    detail: VersionDetail | DatasetVersionDetail = (
        registry.datasets.version(version) if version.kind is AssetKind.DATASETS else registry.catalog.version(version)
    )
    exact, size = Reference.to(detail.summary.ref), sum(file.size for file in detail.files)
    response = download(
        request,
        FileEntry("files", size, detail.summary.digest),
        lambda start, length: registry.transfers.read_input(exact, reading, start=start, length=length),
    )
    del response.headers["Repr-Digest"]  # the tag is the digest of the version, not that of these bytes
    response.headers["Cache-Control"] = "private, no-store"
    return response


@router.get("/transfers/{step}", **speaks(StepDetail))
def show(registry: AsActor, step: str) -> Response:
    """Everything about a step: inputs, recipe after defaults, learning curve, provenance manifest."""
    return answer(registry.transfers.step(public_id(step)))


@router.get("/transfers/{step}/news", **speaks(StepNews))
def news(registry: AsActor, step: str, after: Annotated[int, Query(ge=0, le=10**18)] = 0) -> Response:
    """How the step stands now, and its curve points with a number above `after`. To ask again and again."""
    return answer(registry.transfers.news(public_id(step), after=after))


@router.get("/transfers/{step}/log", **speaks({"type": "string"}, media="text/plain"))
def log(registry: AsActor, step: str) -> Response:
    """What the workers of the step have written, as text."""
    return PlainTextResponse(registry.transfers.log(public_id(step)))


@router.get("/transfers/{step}/events", **speaks(STREAM, media=EVENTS))
def events(
    request: Request,
    registry: AsActor,
    step: str,
    after: Annotated[str | None, Query(max_length=64, description=PLACE)] = None,
    last_event_id: Annotated[str | None, Header(max_length=64, description=PLACE)] = None,
) -> Response:
    """The events of the step, as server-sent events, until it ends. 204: it has ended, with no new events."""
    streams: Streams = request.app.state.streams
    place = Place.parse(last_event_id or after or str(Place()))
    news = registry.transfers.news(public_id(step), after=place.point)
    if news.summary.state not in GOING and news.summary.state is place.state and not news.points:
        return nothing()  # a browser does not reconnect after 204
    who, seen = registry.actor.handle, news.points[-1].number if news.points else place.point
    streams.check_room(who)

    async def still() -> None:
        await request.state.identify()
        # As whoever they are now: the team of the step may have been closed to them.
        await run_in_threadpool(request.state.registry.transfers.news, step, after=seen)

    stream = streams.events(step, Listener(place), registry.transfers, who=who, known=still)
    return StreamingResponse(stream, media_type=EVENTS, headers={"X-Accel-Buffering": "no"})


@router.get("/transfers/{step}/verdict", **speaks(TransferVerdict))
def verdict(registry: AsActor, step: str) -> Response:
    """Whether the transfer was worth it, computed again from the stored answers of its baselines."""
    return answer(registry.transfers.verdict(public_id(step)))


@router.get("/transfers/{step}/forgetting", **speaks(Forgetting))
def forgetting(registry: AsActor, step: str) -> Response:
    """What the version that the step made lost on the test data of the models above it, as far as it was measured."""
    return answer(registry.transfers.forgetting(public_id(step)))


@router.get("/transfers/{step}/answers", **speaks({"type": "string", "description": "An arm a line"}, media=LINES))
def answers(registry: AsActor, step: str) -> Response:
    """What every arm of a step with baselines answered to every test row, as JSON lines."""
    with registry.transfers.answers(public_id(step)) as stream:
        body = stream.read()
    headers = {"Content-Disposition": 'attachment; filename="arms.jsonl"', "Cache-Control": "private"}
    return Response(body, headers=headers, media_type=LINES)


@router.post("/transfers/{step}/resume", **speaks(StepDetail, status=202))
def resume(registry: StepUnchanged, step: str, engine: Runner = None) -> Response:
    """Go on from the last whole checkpoint, in the background."""
    return answer(registry.transfers.resume(public_id(step), background=True, engine=engine), 202)


@router.post("/transfers/{step}/cancel", **speaks(StepDetail))
def cancel(registry: StepUnchanged, step: str) -> Response:
    """Stop the step; nothing but its record is left."""
    return answer(registry.transfers.cancel(public_id(step)))
