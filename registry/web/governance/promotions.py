"""Approvals: the inbox, one request with its verdict and votes, and the forms to vote."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request

from lineage import Node
from registry.domain.catalog.models import VersionDetail
from registry.domain.governance.policies.evidence_types import EvidenceType
from registry.domain.governance.promotion import (
    CheckResult,
    RequestDetail,
    RequestState,
    RequestSummary,
)
from registry.domain.governance.replays import Explanation
from registry.domain.governance.reviews.findings import NewFinding, Severity
from registry.domain.ids import is_id
from registry.domain.names import Reference
from registry.domain.paging import PageRequest
from registry.domain.selection.report import SelectionReport
from registry.domain.verbs.registry import Registry
from registry.errors import InvalidError, NotFoundError, RegistryError
from registry.web.governance.differences import Differences, against_production, ancestors_of, policy_words
from registry.web.governance.evidence import RefusedEvidence, add_from, reference_in
from registry.web.models import approvals
from registry.web.parts import AsActor, done, see
from registry.web.render import link, page

router = APIRouter()
MAX_EVIDENCE = 32 * 1024**2
"""Bytes of a form with a piece of evidence and its file; the API takes larger ones."""


@dataclass(frozen=True, slots=True)
class InboxPage:
    """Requests in one state, newest first."""

    requests: Sequence[RequestSummary]
    state: str
    states: Sequence[str]
    next_page: str


@dataclass(frozen=True, slots=True)
class RequestPage:
    """One request: what is requested, every check with its outcome, who voted, on which evidence, by which policy."""

    request: RequestDetail
    passed: Sequence[CheckResult]
    missing: Sequence[CheckResult]
    version: VersionDetail | None
    """None when the version was deleted since."""
    ranking: SelectionReport | None
    """Why this parent: the kept ranking that the version's tag `selection` names."""
    open: bool
    mine: bool
    vetoed: bool
    """Whether a veto stands."""
    now: datetime
    conditional: bool
    """Whether the policy takes approvals with conditions here."""
    severities: Sequence[str]
    types: Sequence[EvidenceType]
    """The evidence that the reader may add."""
    differences: Differences | None
    """Against the version in production; None where there is none."""
    ancestors: Sequence[Node]
    more_ancestors: int
    """How many are not listed."""
    words: Mapping[str, str]
    """By `kind id` of a check, what the policy says about it."""
    comment: str = ""
    """What was written into the form that was refused."""
    error: RegistryError | None = None
    refused: RefusedEvidence | None = None
    """The form of evidence that was just sent and refused."""


@dataclass(frozen=True, slots=True)
class ExplanationPage:
    """A decision and its replay; `same` where both agree."""

    found: Explanation
    same: bool


@router.get("/promotions")
def inbox(request: Request, registry: AsActor, state: str = "open", cursor: str | None = None) -> HTMLResponse:
    """Open requests, or those that were closed in some way."""
    states = [one.value for one in RequestState]
    wanted = RequestState(state) if state in states else None
    found = registry.promotions.requests(state=wanted, page=PageRequest(30, cursor))
    following = link("/promotions", state=state, cursor=found.next_cursor) if found.next_cursor else ""
    context = InboxPage(found.items, state, [*states, "all"], following)
    api = link("/api/v1/promotions", state=wanted.value if wanted else None)
    return page(request, "promotions.html", context, section="promotions", api=api)


@router.get("/promotions/{request_id}")
def show(request: Request, registry: AsActor, request_id: str) -> HTMLResponse:
    """One request with its verdict as of now."""
    return _shown(request, registry, request_id)


@router.get("/promotions/{request_id}/explanation")
def explain(request: Request, registry: AsActor, request_id: str) -> HTMLResponse:
    """A decision, judged again from what was stored with it."""
    found = registry.promotions.explain(_known(request_id))
    api = f"/api/v1/promotions/{request_id}/explanation"
    return page(request, "explanation.html", ExplanationPage(found, found.same), section="promotions", api=api)


@router.post("/promotions/{request_id}/approve", response_model=None)
def approve(
    request: Request, registry: AsActor, request_id: str, comment: Annotated[str, Form()] = ""
) -> HTMLResponse | RedirectResponse:
    """Vote for."""
    vote = partial(registry.promotions.approve, _known(request_id), comment=comment)
    return _decided(request, registry, request_id, vote, comment)


@router.post("/promotions/{request_id}/approve-with-condition", response_model=None)
def approve_with_condition(
    request: Request,
    registry: AsActor,
    request_id: str,
    comment: Annotated[str, Form()] = "",
    text: Annotated[str, Form()] = "",
    severity: Annotated[str, Form()] = "",
    owner: Annotated[str, Form()] = "",
    due: Annotated[str, Form()] = "",
) -> HTMLResponse | RedirectResponse:
    """Vote for, on the condition that something is put right by a day."""

    def act() -> RequestDetail:
        if severity not in set(Severity):
            raise InvalidError("A condition needs a severity", remedy=f"Choose {', '.join(Severity)}")
        condition = NewFinding(text, Severity(severity), owner.strip(), due)
        return registry.promotions.approve(_known(request_id), comment=comment, conditions=[condition])

    return _decided(request, registry, request_id, act, comment)


@router.post("/promotions/{request_id}/reject", response_model=None)
def reject(
    request: Request, registry: AsActor, request_id: str, comment: Annotated[str, Form()] = ""
) -> HTMLResponse | RedirectResponse:
    """Vote against."""
    vote = partial(registry.promotions.reject, _known(request_id), comment=comment)
    return _decided(request, registry, request_id, vote, comment)


@router.post("/promotions/{request_id}/veto", response_model=None)
def veto(
    request: Request, registry: AsActor, request_id: str, comment: Annotated[str, Form()] = ""
) -> HTMLResponse | RedirectResponse:
    """Block it, and leave it open."""
    act = partial(registry.promotions.veto, _known(request_id), comment=comment)
    return _decided(request, registry, request_id, act, comment)


@router.post("/promotions/{request_id}/complete", response_model=None)
def complete(request: Request, registry: AsActor, request_id: str) -> HTMLResponse | RedirectResponse:
    """Promote, once the cooling-off time has passed."""
    return _decided(request, registry, request_id, partial(registry.promotions.complete, _known(request_id)), "")


@router.post("/promotions/{request_id}/overrule", response_model=None)
def overrule(
    request: Request, registry: AsActor, request_id: str, comment: Annotated[str, Form()] = ""
) -> HTMLResponse | RedirectResponse:
    """Overrule the rejection that closed it."""
    act = partial(registry.promotions.overrule, _known(request_id), comment=comment)
    return _decided(request, registry, request_id, act, comment)


@router.post("/promotions/{request_id}/withdraw", response_model=None)
def withdraw(request: Request, registry: AsActor, request_id: str) -> HTMLResponse | RedirectResponse:
    """Take one's own request back."""
    return _decided(request, registry, request_id, partial(registry.promotions.withdraw, _known(request_id)), "")


def _decided(
    request: Request, registry: AsActor, request_id: str, act: Callable[[], object], comment: str
) -> HTMLResponse | RedirectResponse:
    """Act and show the page again; a refusal is shown on it, and the comment is kept."""

    def shown(error: RegistryError) -> HTMLResponse:
        return _shown(request, registry, request_id, comment=comment, error=error)

    return done(act, shown, f"/promotions/{request_id}")


@router.post("/evidence", max_body_size=MAX_EVIDENCE, response_model=None)
async def add_evidence(request: Request, registry: AsActor) -> HTMLResponse | RedirectResponse:
    """Add evidence by the form of its type; the page that had the form is shown again, with the errors if refused."""
    form = await request.form()
    try:
        return await run_in_threadpool(_add_evidence, request, registry, form)
    finally:
        await form.close()


def _add_evidence(request: Request, registry: Registry, form: FormData) -> HTMLResponse | RedirectResponse:
    reference, back = reference_in(form), str(form.get("back", ""))
    refused = add_from(registry, reference, form)
    if refused is None:
        return see(back if back.startswith(("/promotions/", "/models/")) else "/promotions")
    if back.startswith("/promotions/"):
        return _shown(request, registry, back.removeprefix("/promotions/"), refused=refused)
    return approvals(request, registry, registry.catalog.version(reference).summary.ref, refused)


def _shown(
    request: Request,
    registry: Registry,
    request_id: str,
    *,
    comment: str = "",
    error: RegistryError | None = None,
    refused: RefusedEvidence | None = None,
) -> HTMLResponse:
    detail = registry.promotions.request_detail(_known(request_id))
    exact, version = Reference.to(detail.summary.ref), None
    types: tuple[EvidenceType, ...] = ()
    ancestors: Sequence[Node] = ()
    there_are = 0
    is_open = detail.summary.state is RequestState.OPEN
    with suppress(NotFoundError):
        version = registry.catalog.version(exact)
        types = tuple(registry.promotions.evidence_types(exact)) if is_open else ()
        ancestors, there_are = ancestors_of(registry, detail)
    context = RequestPage(
        request=detail,
        passed=[check for check in detail.verdict.checks if check.passed],
        missing=[check for check in detail.verdict.checks if not check.passed],
        version=version,
        ranking=_ranking(registry, version),
        open=is_open,
        now=datetime.now(UTC),
        conditional=is_open and detail.conditional,
        severities=tuple(Severity),
        mine=detail.summary.requested_by == registry.actor.handle,
        vetoed=any(check.kind == "veto" for check in detail.verdict.checks),
        types=types,
        differences=against_production(registry, detail, version) if version is not None else None,
        ancestors=ancestors,
        more_ancestors=there_are - len(ancestors),
        words=policy_words(registry, detail),
        comment=comment,
        error=error,
        refused=refused,
    )
    why = error or (refused.error if refused else None)
    status = why.family.status if why else 200
    api = f"/api/v1/promotions/{request_id}"
    return page(request, "promotion.html", context, section="promotions", api=api, status=status)


def _ranking(registry: Registry, version: VersionDetail | None) -> SelectionReport | None:
    """None where the version names no ranking, or one that is not there: anybody may write a tag."""
    named = version.tags.get("selection", "") if version is not None else ""
    with suppress(NotFoundError):
        return registry.selection.report(named) if named else None
    return None


def _known(request_id: str) -> str:
    if not is_id(request_id):
        raise NotFoundError(f"There is no promotion request {request_id[:80]!r}")
    return request_id
