"""Recalls: what would be reached, opening and reversing one, and the tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from registry.api.bodies import Reason, Source, UpstreamAnswers
from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import AsActor, Paging, Text, answer, body_of, public_id, speaks
from registry.domain.catalog.downloads import Download
from registry.domain.governance.advisories import AdvisoryMatch
from registry.domain.governance.recalls import (
    Impact,
    NewDisposition,
    NewRecall,
    Recall,
    RecallDetail,
    RecallState,
    Reversal,
    Task,
)
from registry.domain.governance.upstream import Pinned, UpstreamCheck
from registry.domain.names import Reference
from registry.domain.paging import Page
from registry.domain.verbs.registry import Registry

router = APIRouter(tags=["governance"], route_class=Route)
ADVISORY = {"type": "string", "description": "A CSAF 2.0 or OSV document, or lines with SHA-256 digests"}


def _recalls(registry: Registry, _path: Mapping[str, str]) -> Page[Recall]:
    return registry.recalls.list()


def _recall(registry: Registry, path: Mapping[str, str]) -> RecallDetail:
    return registry.recalls.show(public_id(path["recall_id"]))


def _upstreams(registry: Registry, _path: Mapping[str, str]) -> Page[Pinned]:
    return registry.upstreams.list()


UpstreamsUnchanged = Annotated[Registry, changes(_upstreams, "/upstreams")]
RecallsUnchanged = Annotated[Registry, changes(_recalls, "/recalls")]
RecallUnchanged = Annotated[Registry, changes(_recall, "/recalls/{recall_id}")]


@router.get("/recalls", **speaks(Page[Recall]))
def recalls(registry: AsActor, page: Paging, state: RecallState | None = None) -> Response:
    """Recalls, newest first; those in one `state`."""
    return answer(registry.recalls.list(state=state, page=page))


@router.post("/recalls/preview", **speaks(Impact, takes=NewRecall))
def preview(registry: AsActor, body: Annotated[NewRecall, Depends(body_of(NewRecall))]) -> Response:
    """What a recall would reach, by how each version was made from the target. Nothing is changed."""
    return answer(registry.recalls.preview(body))


@router.post("/recalls/advisory", **speaks(AdvisoryMatch, takes=ADVISORY, taken_as="text/plain"))
def advisory(registry: AsActor, text: Text) -> Response:
    """Which versions have a file or tensor that an advisory (CSAF 2.0, OSV, a list) names. Nothing is changed."""
    return answer(registry.recalls.advisory(text))


@router.post("/recalls", **speaks(RecallDetail, takes=NewRecall, status=201))
def open_recall(registry: RecallsUnchanged, body: Annotated[NewRecall, Depends(body_of(NewRecall))]) -> Response:
    """Take something back with everything that was made from it."""
    return answer(registry.recalls.open(body), 201)


@router.get("/recalls/{recall_id}", **speaks(RecallDetail))
def show(registry: AsActor, recall_id: str) -> Response:
    """One recall."""
    return answer(registry.recalls.show(public_id(recall_id)))


@router.get("/recalls/{recall_id}/tasks", **speaks(Page[Task]))
def tasks(registry: AsActor, recall_id: str, page: Paging, unsettled: bool = False) -> Response:
    """The descendants of what was taken back; `unsettled` leaves out those with a disposition that holds."""
    return answer(registry.recalls.tasks(public_id(recall_id), unsettled=unsettled, page=page))


@router.get("/recalls/{recall_id}/downloads", **speaks(Page[Download]))
def downloads(registry: AsActor, recall_id: str, page: Paging) -> Response:
    """Who read files of what was taken back, with which token, on which day; for who may open recalls."""
    return answer(registry.recalls.downloads(public_id(recall_id), page=page))


@router.post("/recalls/{recall_id}/tasks", **speaks(Task, takes=NewDisposition))
def dispose(
    registry: RecallUnchanged,
    recall_id: str,
    reference: str,
    body: Annotated[NewDisposition, Depends(body_of(NewDisposition))],
) -> Response:
    """Say what becomes of the descendant `reference`; `until` is a day as YYYY-MM-DD."""
    return answer(registry.recalls.dispose(public_id(recall_id), Reference.parse(reference), body))


@router.post("/recalls/{recall_id}/tasks/confirm", **speaks(Task))
def confirm(registry: RecallUnchanged, recall_id: str, reference: str) -> Response:
    """Confirm what another person proposed about the descendant `reference`."""
    return answer(registry.recalls.confirm(public_id(recall_id), Reference.parse(reference)))


@router.post("/recalls/{recall_id}/reverse", **speaks(Reversal, takes=Reason))
def reverse(registry: RecallUnchanged, recall_id: str, body: Annotated[Reason, Depends(body_of(Reason))]) -> Response:
    """Give each version its earlier status again, except those that were changed since."""
    return answer(registry.recalls.reverse(public_id(recall_id), reason=body.reason))


@router.get("/upstreams", **speaks(Page[Pinned]))
def upstreams(registry: AsActor, page: Paging) -> Response:
    """Versions of which it is known which repository of the Hub they were imported from, by its name."""
    return answer(registry.upstreams.list(page=page))


@router.post("/upstreams", **speaks(Pinned, takes=Source))
def pin(registry: UpstreamsUnchanged, body: Annotated[Source, Depends(body_of(Source))]) -> Response:
    """Say which repository a version was imported from, as `hf:org/name@commit`."""
    return answer(registry.upstreams.pin(body.reference, body.source))


@router.post("/upstreams/check", **speaks(UpstreamCheck, takes=UpstreamAnswers))
def check(
    registry: UpstreamsUnchanged, body: Annotated[UpstreamAnswers, Depends(body_of(UpstreamAnswers))]
) -> Response:
    """Raise a finding where a repository was deleted, renamed, licensed otherwise, or its name was taken over."""
    return answer(registry.upstreams.check(body.answers))
