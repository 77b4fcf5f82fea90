"""Walks of the graph: what came before, what came after, and one way between two things."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.concurrency import run_in_threadpool

from lineage import Assurance, Graph
from lineage.formats import as_dot, as_mermaid
from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.uploads import received
from registry.api.wire import LINES, AsActor, Paging, answer, body_of, public_id, speaks, upload_of
from registry.domain.cascade.plan import CascadePlan
from registry.domain.catalog.compute import ComputeReport, NewCompute
from registry.domain.catalog.licences import LicenceClass
from registry.domain.catalog.marks import Marks, NewMark
from registry.domain.catalog.models import Status
from registry.domain.catalog.notices import Notice
from registry.domain.codec import from_json, to_json
from registry.domain.data.leakage import Leakage, LeakageCount
from registry.domain.names import Reference
from registry.domain.paging import Page
from registry.domain.recipes.recipe import Method
from registry.domain.text import read_moment
from registry.domain.verbs.impact import Affected, ImpactSummary
from registry.domain.verbs.lineage import (
    MOST_COUNTED,
    Ancestry,
    CommonAncestors,
    Exchange,
    Identification,
    Kin,
    Neighbourhood,
    Obligations,
    Only,
    ParentCheck,
    Reach,
    Relatives,
    Use,
)
from registry.domain.verbs.registry import Registry
from registry.errors import NotFoundError

router = APIRouter(prefix="/lineage", tags=["lineage"], route_class=Route)
MAX_NODES = 5000
LINES_AT_ONCE = 500
DRAWN = "The graph in the language of Mermaid or of Graphviz (DOT)"
Target = Annotated[
    str, Query(max_length=256, description="`models:/team/name/3`, `datasets:/team/name/1` or a step id")
]
At = Annotated[
    str | None, Query(max_length=64, description="Only what was recorded by then: a time with its zone, or a day")
]
Generations = Annotated[int, Query(ge=0, le=30, description="Generations")]
Depth = Annotated[int, Query(ge=-1, le=10_000, description="Generations; -1 for all")]


class Format(StrEnum):
    """How a part of the graph is written."""

    JSON = "json"
    MERMAID = "mermaid"
    DOT = "dot"


@router.get("", **speaks(Ancestry, or_text=DRAWN))
def show(
    registry: AsActor,
    target: Target,
    up: Depth = -1,
    down: Depth = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_NODES)] = 2000,
    format: Format = Format.JSON,
    at: At = None,
) -> Response:
    """The part of the graph around `target`, as JSON, Mermaid or DOT."""
    as_of = _moment(at)
    found = registry.lineage.show(target, up=up, down=down, limit=limit, as_of=as_of)
    return _written(found, format)


@router.get("/near", **speaks(Neighbourhood))
def near(
    registry: AsActor,
    target: Target,
    up: Generations = 2,
    down: Generations = 2,
    each: Annotated[int, Query(ge=1, le=200, description="Neighbours of one group beside one another")] = 8,
    limit: Annotated[int, Query(ge=1, le=1000, description="Nodes of the answer")] = 120,
    group: Annotated[str | None, Query(max_length=64, description="Only neighbours of this group of `rest`")] = None,
    after: Annotated[int | None, Query(ge=0, description="Only neighbours after this node")] = None,
    most: Annotated[
        int,
        Query(ge=1, le=MOST_COUNTED, description="Neighbours of the node itself that are counted; of others a tenth"),
    ] = (MOST_COUNTED),
    stage: Annotated[
        str | None, Query(max_length=64, description="Only models at this stage, and the ways there")
    ] = None,
    status: Annotated[Status | None, Query(description="Only versions with this status")] = None,
    method: Annotated[Method | None, Query(description="Only versions that were made so")] = None,
    assurance: Annotated[Assurance | None, Query(description="Only versions made from an input with this")] = None,
    licence: Annotated[LicenceClass | None, Query(description="Only versions under a licence of this class")] = None,
    at: At = None,
) -> Response:
    """What a picture shows of the family of `target`: a bounded number of nodes, and counts of what is left out.

    The next ones of a group that is counted in `rest` are asked for with its `group` and `after`, and `up` or `down` 1.
    With a stage, status, method, assurance or class of licences: what matches, and the ways to it (`matches`).
    """
    as_of = _moment(at)
    only = Only(stage, status, method, assurance, licence)
    return answer(
        registry.lineage.near(target, Reach(up, down, each, limit, group, after, most), only=only, as_of=as_of)
    )


@router.get("/path", **speaks(Ancestry, or_text=DRAWN))
def path(registry: AsActor, source: Target, target: Target, format: Format = Format.JSON, at: At = None) -> Response:
    """One shortest way from an ancestor to a descendant. A 404 says that there is none."""
    found = registry.lineage.path(source, target, as_of=_moment(at))
    if found is None:
        raise NotFoundError(f"{target} does not descend from {source}", facts={"no_path": True})
    return _written(found, format)


@router.get("/common", **speaks(CommonAncestors))
def common(registry: AsActor, one: Target, other: Target, at: At = None) -> Response:
    """The nearest common ancestors of two things, with one shortest way from each of those to both."""
    return answer(registry.lineage.common(one, other, as_of=_moment(at)))


@router.get("/relatives", **speaks(Relatives))
def relatives(
    registry: AsActor,
    target: Target,
    relation: Kin,
    limit: Annotated[int, Query(ge=1, le=MAX_NODES)] = 100,
    at: At = None,
) -> Response:
    """The roots of a model or dataset (models that were made from no model), or its siblings, oldest first."""
    return answer(registry.lineage.relatives(target, relation, limit=limit, as_of=_moment(at)))


@router.get("/impact", **speaks(ImpactSummary))
def impact(registry: AsActor, target: Target, at: At = None) -> Response:
    """How many versions a recall of `target` would touch, by effect, role, stage, owner and team: all of them."""
    return answer(registry.lineage.impact(target, as_of=_moment(at)))


@router.get("/impact/versions", **speaks(Page[Affected]))
def affected(registry: AsActor, page: Paging, target: Target, ways: bool = False, at: At = None) -> Response:
    """The versions that a recall of `target` would touch, by effect and distance; with `ways`, a shortest way to each.

    The target comes first.
    """
    return answer(registry.lineage.affected(target, ways=ways, page=page, as_of=_moment(at)))


@router.get("/impact/every", **speaks({"type": "string", "description": "One version a line"}, media=LINES))
def every_affected(registry: AsActor, target: Target, ways: bool = False, at: At = None) -> Response:
    """The same as JSON lines, streamed: every version, however many there are."""
    found = registry.lineage.every_affected(target, ways=ways, as_of=_moment(at))
    return StreamingResponse(_lines(found), headers={"Cache-Control": "no-store"}, media_type=LINES)


def _lines(found: Iterator[Affected]) -> Iterator[str]:
    """Many at once: each part of a stream takes a turn of the server."""
    while part := "".join(f"{json.dumps(to_json(one), ensure_ascii=False)}\n" for one in islice(found, LINES_AT_ONCE)):
        yield part


@router.get("/checks", **speaks(list[ParentCheck]))
def checks(registry: AsActor, target: Target) -> Response:
    """What the weights of a model version say about its parents: the newest comparison with each."""
    return answer(registry.lineage.checks(Reference.parse(target)))


def _checks(registry: Registry, path: Mapping[str, str]) -> Sequence[ParentCheck]:
    return registry.lineage.checks(Reference.parse(path["target"]))


@router.post("/checks", **speaks(list[ParentCheck]))
def verify(
    registry: Annotated[Registry, changes(_checks, "/lineage/checks")],
    target: Target,
    parent: Annotated[
        str | None, Query(max_length=256, description="Compare with this version, claimed or not")
    ] = None,
) -> Response:
    """Compare the weights of a model version with those of its parents, and record on the edges what they say."""
    other = None if parent is None else Reference.parse(parent)
    return answer(registry.lineage.verify(Reference.parse(target), parent=other))


@dataclass(frozen=True, slots=True)
class IdentifyDetails:
    """How many registered versions to compare an uploaded file with."""

    limit: int = 20


@router.post("/identify", **speaks(Identification, takes=upload_of(IdentifyDetails), taken_as="multipart/form-data"))
async def identify(request: Request, registry: AsActor) -> Response:
    """The registered models that an uploaded safetensors file is kin to by its weights. It is not kept."""
    async with received(request) as upload:
        details = from_json(IdentifyDetails, upload.details)
        source = str(upload.source)
        return answer(await run_in_threadpool(lambda: registry.lineage.identify(source, limit=details.limit)))


@router.get("/export", **speaks({"type": ["object", "array"], "items": {"type": "object"}}))
def export(registry: AsActor, target: Target, format: Exchange) -> Response:
    """A version and all that it came from for other programs.

    `openlineage` is a list of run events, `prov` PROV-JSON, `cyclonedx` a bill of materials (1.6), `spdx` SPDX 3.0.1,
    `hub` the front matter of a Hugging Face model card.
    """
    return JSONResponse(registry.lineage.export(Reference.parse(target), format))


@router.get("/notice", **speaks(Notice))
def notice(registry: AsActor, target: Target) -> Response:
    """The texts of licences and the copyright lines to pass on with a version, and which are not on record."""
    return answer(registry.lineage.notice(Reference.parse(target)))


@router.get("/leakage", **speaks(Leakage))
def leakage(registry: AsActor, target: Target, near: bool = False) -> Response:
    """Which rows that a model version was tested on stood in training data, its own or that of an ancestor.

    With `near=true`, for whom may edit, also those that are nearly copies of training rows.
    """
    return answer(registry.lineage.leakage(Reference.parse(target), near=near))


@router.get("/leakage/count", **speaks(LeakageCount))
def leakage_count(registry: AsActor, target: Target) -> Response:
    """The count of seen test rows that was asked for last, while the ancestry has the data that it is about."""
    return answer(registry.lineage.leakage_count(Reference.parse(target)))


def _counted(registry: Registry, path: Mapping[str, str]) -> LeakageCount:
    return registry.lineage.leakage_count(Reference.parse(path["target"]))


@router.post("/leakage/count", **speaks(LeakageCount))
def count_leakage(
    registry: Annotated[Registry, changes(_counted, "/lineage/leakage/count")],
    target: Target,
) -> Response:
    """Count anew which test rows were seen in training, or nearly, and keep that for the conditions of policies."""
    return answer(registry.lineage.count_leakage(Reference.parse(target)))


@router.get("/obligations", **speaks(Obligations))
def obligations(registry: AsActor, target: Target, use: Use | None = None, at: At = None) -> Response:
    """Every clause of a licence that is in force for a model or dataset version, with the shortest way that it came."""
    return answer(registry.lineage.obligations(Reference.parse(target), use=use, as_of=_moment(at)))


@router.get("/marks", **speaks(Marks))
def marks(registry: AsActor, target: Target) -> Response:
    """The marks of a version, such as personal data: its own and those of what it was made from, with the way."""
    return answer(registry.lineage.marks(Reference.parse(target)))


def _marked(registry: Registry, path: Mapping[str, str]) -> Marks:
    return registry.lineage.marks(Reference.parse(path["target"]))


@router.post("/marks", **speaks(Marks, takes=NewMark))
def mark(
    registry: Annotated[Registry, changes(_marked, "/lineage/marks")],
    target: Target,
    body: Annotated[NewMark, Depends(body_of(NewMark))],
) -> Response:
    """Set a mark on a version of a model or dataset, or take it away (`present` is false), with the reason."""
    return answer(registry.catalog.mark(Reference.parse(target), body))


@router.get("/compute", **speaks(ComputeReport))
def compute(registry: AsActor, target: Target) -> Response:
    """How much compute went into a model version since the models that it all began with, each step once."""
    return answer(registry.lineage.compute(Reference.parse(target)))


def _computed(registry: Registry, path: Mapping[str, str]) -> ComputeReport:
    return registry.lineage.compute(Reference.parse(path["target"]))


@router.post("/compute", **speaks(ComputeReport, takes=NewCompute))
def declare_compute(
    registry: Annotated[Registry, changes(_computed, "/lineage/compute")],
    target: Target,
    body: Annotated[NewCompute, Depends(body_of(NewCompute))],
) -> Response:
    """Declare how much compute the training of a version took, or whether it is a GPAI model; the newest counts."""
    return answer(registry.lineage.declare_compute(Reference.parse(target), body))


def _moment(at: str | None) -> datetime | None:
    """The time of a question about the past. Raises: BadFilterError."""
    return None if at is None else read_moment(at, "at")


def _written(found: Ancestry, format: Format) -> Response:
    if format is Format.JSON:
        return answer(found)
    write = as_mermaid if format is Format.MERMAID else as_dot
    return PlainTextResponse(write(Graph(found.nodes, found.edges), found.focus))


@router.get("/cascade", **speaks(CascadePlan))
def cascade(registry: AsActor, reference: str, replaced: str | None = None, recall: str | None = None) -> Response:
    """What was made from an earlier version of `reference` or from what `recall` took back, and would be made again."""
    other = None if replaced is None else Reference.parse(replaced)
    of_recall = None if recall is None else public_id(recall)
    return answer(registry.cascades.plan(Reference.parse(reference), replaced=other, recall=of_recall))
