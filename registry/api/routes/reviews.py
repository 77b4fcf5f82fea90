"""What is reviewed around a promotion: findings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from registry.api.bodies import Comment, FindingWish, WaiverWish
from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import AsActor, Paging, answer, body_of, public_id, speaks
from registry.domain.governance.reviews.findings import Finding, FindingState, NewFinding
from registry.domain.governance.reviews.inbox import Inbox
from registry.domain.governance.reviews.past import AsOf
from registry.domain.governance.reviews.ticks import TickReport
from registry.domain.governance.reviews.waivers import NewWaiver, Waiver, Waivers
from registry.domain.names import Reference
from registry.domain.paging import Page
from registry.domain.text import read_moment
from registry.domain.verbs.registry import Registry

router = APIRouter(tags=["governance"], route_class=Route)


def _inbox(registry: Registry, _path: Mapping[str, str]) -> Inbox:
    return registry.reviews.inbox()


def _findings(registry: Registry, _path: Mapping[str, str]) -> Page[Finding]:
    return registry.reviews.findings()


def _finding(registry: Registry, path: Mapping[str, str]) -> Finding:
    return registry.reviews.finding(public_id(path["finding_id"]))


InboxUnchanged = Annotated[Registry, changes(_inbox, "/inbox")]


def _waivers(registry: Registry, _path: Mapping[str, str]) -> Waivers:
    return registry.reviews.waivers()


def _waiver(registry: Registry, path: Mapping[str, str]) -> Waiver:
    return registry.reviews.waiver(public_id(path["waiver_id"]))


WaiversUnchanged = Annotated[Registry, changes(_waivers, "/waivers")]
WaiverUnchanged = Annotated[Registry, changes(_waiver, "/waivers/{waiver_id}")]
FindingsUnchanged = Annotated[Registry, changes(_findings, "/findings")]
FindingUnchanged = Annotated[Registry, changes(_finding, "/findings/{finding_id}")]


@router.get("/inbox", **speaks(Inbox))
def inbox(registry: AsActor) -> Response:
    """What waits for you, what you requested, and which of your votes went stale."""
    return answer(registry.reviews.inbox())


@router.get("/as-of", **speaks(AsOf))
def as_of(
    registry: AsActor,
    reference: Annotated[str, Query(description="models:/team/name/3 or models:/team/name@production")],
    at: Annotated[str, Query(description="A time with its zone, or a day: as it was when the day ended, UTC")],
) -> Response:
    """What a version was then, or the version that an alias named then: by whose approval, on what evidence."""
    return answer(registry.reviews.as_of(Reference.parse(reference), read_moment(at, "at")))


@router.post("/tick", **speaks(TickReport))
def tick(registry: InboxUnchanged) -> Response:
    """Do everything that is due by now, as the server does each minute; doing it twice does nothing more."""
    return answer(registry.reviews.tick())


@router.get("/findings", **speaks(Page[Finding]))
def findings(
    registry: AsActor,
    page: Paging,
    reference: str | None = None,
    owner: str | None = None,
    state: FindingState | None = None,
) -> Response:
    """Findings, newest first; about one version (`reference`), of one `owner`, in one `state`."""
    about = Reference.parse(reference) if reference else None
    return answer(registry.reviews.findings(reference=about, owner=owner, state=state, page=page))


@router.post("/findings", **speaks(Finding, takes=FindingWish, status=201))
def add(registry: FindingsUnchanged, body: Annotated[FindingWish, Depends(body_of(FindingWish))]) -> Response:
    """Raise a finding about a version. `due` is the last day to resolve it, as YYYY-MM-DD in UTC."""
    wish = NewFinding(body.text, body.severity, body.owner, body.due, body.request)
    return answer(registry.reviews.add_finding(body.reference, wish), 201)


@router.get("/findings/{finding_id}", **speaks(Finding))
def show(registry: AsActor, finding_id: str) -> Response:
    """One finding."""
    return answer(registry.reviews.finding(public_id(finding_id)))


@router.post("/findings/{finding_id}/resolve", **speaks(Finding, takes=Comment))
def resolve(
    registry: FindingUnchanged, finding_id: str, body: Annotated[Comment, Depends(body_of(Comment))]
) -> Response:
    """Say that a finding was put right; the comment says how."""
    return answer(registry.reviews.resolve_finding(public_id(finding_id), comment=body.comment))


@router.get("/waivers", **speaks(Waivers))
def waivers(registry: AsActor, reference: str | None = None) -> Response:
    """Waivers of a version and of its ancestors (`reference`), or all that are asked for or in force."""
    return answer(registry.reviews.waivers(Reference.parse(reference) if reference else None))


@router.post("/waivers", **speaks(Waiver, takes=WaiverWish, status=201))
def ask_for_waiver(registry: WaiversUnchanged, body: Annotated[WaiverWish, Depends(body_of(WaiverWish))]) -> Response:
    """Ask that a version is excepted from a gate. `until` is the last day, as YYYY-MM-DD in UTC."""
    wish = NewWaiver(body.gate, body.reason, body.until)
    return answer(registry.reviews.ask_for_waiver(body.reference, wish), 201)


@router.get("/waivers/{waiver_id}", **speaks(Waiver))
def waiver(registry: AsActor, waiver_id: str) -> Response:
    """One waiver."""
    return answer(registry.reviews.waiver(public_id(waiver_id)))


@router.post("/waivers/{waiver_id}/approve", **speaks(Waiver, takes=Comment))
def approve_waiver(
    registry: WaiverUnchanged, waiver_id: str, body: Annotated[Comment, Depends(body_of(Comment))]
) -> Response:
    """Agree to a waiver; it is in force with the last approval that the policy asks for."""
    return answer(registry.reviews.approve_waiver(public_id(waiver_id), comment=body.comment))


@router.post("/waivers/{waiver_id}/end", **speaks(Waiver, takes=Comment))
def end_waiver(
    registry: WaiverUnchanged, waiver_id: str, body: Annotated[Comment, Depends(body_of(Comment))]
) -> Response:
    """End a waiver at once, with the reason as the comment."""
    return answer(registry.reviews.end_waiver(public_id(waiver_id), comment=body.comment))
