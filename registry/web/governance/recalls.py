"""Recalls: the list, what one would reach before it is opened, and the board of its tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import Request

from registry.domain.governance.recalls import (
    Disposition,
    Effect,
    Hit,
    Impact,
    Level,
    NewDisposition,
    NewRecall,
    ReasonClass,
    Recall,
    RecallDetail,
    RecallState,
    Task,
)
from registry.domain.ids import is_id
from registry.domain.names import Reference
from registry.domain.paging import PageRequest
from registry.domain.verbs.registry import Registry
from registry.errors import ConflictError, InvalidError, NotFoundError, RefusedError, RegistryError, UsageError
from registry.web.parts import AsActor, see
from registry.web.render import link, page

router = APIRouter()
MOST = 50
"""Recalls, tasks, or versions with one effect, of one page."""
SHOWN = (RefusedError, InvalidError, ConflictError, UsageError, NotFoundError)
"""What is shown above the form that it refuses."""


@dataclass(frozen=True, slots=True)
class RecallsPage:
    """Recalls in one state, and what the one that is asked for would reach."""

    recalls: Sequence[Recall]
    state: str
    next_page: str
    sent: Mapping[str, str] = field(default_factory=dict)
    impact: Impact | None = None
    reached: Sequence[tuple[Effect, int, Sequence[Hit]]] = ()
    """By effect, how many versions, and the first of them."""
    error: RegistryError | None = None
    states: Sequence[str] = (*RecallState, "all")
    levels: Sequence[str] = tuple(Level)
    classes: Sequence[str] = tuple(ReasonClass)


@dataclass(frozen=True, slots=True)
class RecallPage:
    """One recall with its tasks."""

    detail: RecallDetail
    tasks: Sequence[Task]
    unsettled: bool
    cursor: str
    """Of this page of tasks: a form comes back to it."""
    now: datetime
    next_page: str
    error: RegistryError | None = None
    dispositions: Sequence[str] = tuple(Disposition)


@router.get("/recalls")
def recalls(
    request: Request,
    registry: AsActor,
    state: str = "all",
    target: str = "",
    level: str = "",
    cursor: str | None = None,
) -> HTMLResponse:
    """Recalls; with a `target`, what a recall of it would reach."""
    sent, impact, error = {"target": target, "level": level}, None, None
    if target:
        try:
            impact = registry.recalls.preview(_wish(sent))
        except SHOWN as refused:
            error = refused
    return _listed(request, registry, state=state, sent=sent, impact=impact, error=error, cursor=cursor)


@router.post("/recalls", response_model=None)
def open_recall(
    request: Request,
    registry: AsActor,
    target: Annotated[str, Form()] = "",
    level: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    reason_class: Annotated[str, Form()] = "",
) -> HTMLResponse | RedirectResponse:
    """Open a recall; a refusal is shown above the form, which keeps what was written."""
    sent = {"target": target, "level": level, "reason": reason, "reason_class": reason_class}
    try:
        detail = registry.recalls.open(_wish(sent))
    except SHOWN as error:
        return _listed(request, registry, sent=sent, error=error)
    return see(f"/recalls/{detail.recall.id}")


@router.get("/recalls/{recall_id}")
def recall(
    request: Request, registry: AsActor, recall_id: str, unsettled: bool = False, cursor: str | None = None
) -> HTMLResponse:
    """One recall with its tasks; `unsettled` leaves out those with a disposition that holds."""
    return _shown(request, registry, recall_id, unsettled=unsettled, cursor=cursor)


@router.post("/recalls/{recall_id}/tasks", response_model=None)
def dispose(
    request: Request,
    registry: AsActor,
    recall_id: str,
    reference: Annotated[str, Form()] = "",
    kind: Annotated[str, Form()] = "",
    comment: Annotated[str, Form()] = "",
    replacement: Annotated[str, Form()] = "",
    until: Annotated[str, Form()] = "",
    unsettled: Annotated[bool, Form()] = False,
    cursor: Annotated[str, Form()] = "",
) -> HTMLResponse | RedirectResponse:
    """Say what becomes of a descendant."""
    try:
        if kind not in set(Disposition):
            raise InvalidError("A disposition is needed", remedy=f"Choose {', '.join(Disposition)}")
        other = Reference.parse(replacement) if replacement else None
        wish = NewDisposition(Disposition(kind), comment, other, until or None)
        registry.recalls.dispose(_known(recall_id), Reference.parse(reference), wish)
    except SHOWN as error:
        return _shown(request, registry, recall_id, unsettled=unsettled, cursor=cursor or None, error=error)
    return see(_board(recall_id, unsettled=unsettled, cursor=cursor))


@router.post("/recalls/{recall_id}/tasks/confirm", response_model=None)
def confirm(
    request: Request,
    registry: AsActor,
    recall_id: str,
    reference: Annotated[str, Form()] = "",
    unsettled: Annotated[bool, Form()] = False,
    cursor: Annotated[str, Form()] = "",
) -> HTMLResponse | RedirectResponse:
    """Confirm what another person proposed."""
    try:
        registry.recalls.confirm(_known(recall_id), Reference.parse(reference))
    except SHOWN as error:
        return _shown(request, registry, recall_id, unsettled=unsettled, cursor=cursor or None, error=error)
    return see(_board(recall_id, unsettled=unsettled, cursor=cursor))


@router.post("/recalls/{recall_id}/reverse", response_model=None)
def reverse(
    request: Request, registry: AsActor, recall_id: str, reason: Annotated[str, Form()] = ""
) -> HTMLResponse | RedirectResponse:
    """Give each version its earlier status again, except those that were changed since."""
    try:
        registry.recalls.reverse(_known(recall_id), reason=reason)
    except SHOWN as error:
        return _shown(request, registry, recall_id, error=error)
    return see(f"/recalls/{recall_id}")


def _board(recall_id: str, *, unsettled: bool, cursor: str) -> str:
    """The address of one page of the tasks."""
    return link(f"/recalls/{recall_id}", unsettled="true" if unsettled else None, cursor=cursor or None)


def _known(recall_id: str) -> str:
    if not is_id(recall_id):
        raise NotFoundError(f"There is no recall {recall_id[:80]!r}")
    return recall_id


def _wish(sent: Mapping[str, str]) -> NewRecall:
    if sent["level"] not in set(Level):
        raise InvalidError("A level is needed", remedy=f"Choose {', '.join(Level)}")
    kind = sent.get("reason_class") or ReasonClass.QUALITY
    if kind not in set(ReasonClass):
        raise InvalidError(f"{kind!r} is no kind of reason", remedy=f"Choose {', '.join(ReasonClass)}")
    return NewRecall(sent["target"], Level(sent["level"]), sent.get("reason", ""), ReasonClass(kind))


def _listed(
    request: Request,
    registry: Registry,
    *,
    state: str = "all",
    sent: Mapping[str, str],
    impact: Impact | None = None,
    error: RegistryError | None = None,
    cursor: str | None = None,
) -> HTMLResponse:
    wanted = RecallState(state) if state in set(RecallState) else None
    found = registry.recalls.list(state=wanted, page=PageRequest(MOST, cursor))
    following = link("/recalls", state=state, cursor=found.next_cursor) if found.next_cursor else ""
    reached = []
    for effect in Effect:
        hits = [hit for hit in impact.hits if hit.effect is effect] if impact else []
        if hits:
            reached.append((effect, len(hits), hits[:MOST]))
    context = RecallsPage(found.items, state, following, sent, impact, reached, error)
    api = link("/api/v1/recalls", state=wanted.value if wanted else None)
    status = error.family.status if error else 200
    return page(request, "recalls.html", context, section="promotions", api=api, status=status)


def _shown(
    request: Request,
    registry: Registry,
    recall_id: str,
    *,
    unsettled: bool = False,
    cursor: str | None = None,
    error: RegistryError | None = None,
) -> HTMLResponse:
    detail = registry.recalls.show(_known(recall_id))
    found = registry.recalls.tasks(recall_id, unsettled=unsettled, page=PageRequest(MOST, cursor))
    following = _board(recall_id, unsettled=unsettled, cursor=found.next_cursor) if found.next_cursor else ""
    context = RecallPage(detail, found.items, unsettled, cursor or "", datetime.now(UTC), following, error)
    status = error.family.status if error else 200
    return page(
        request, "recall.html", context, section="promotions", api=f"/api/v1/recalls/{recall_id}", status=status
    )
