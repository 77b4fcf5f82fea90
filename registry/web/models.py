"""The page of a registered model: one version at a time, under six tabs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import Request

from registry.domain.catalog.marks import MarkInForce
from registry.domain.catalog.models import (
    AliasValue,
    CardRevision,
    HistoryEntry,
    ModelSummary,
    Status,
    VersionDetail,
    VersionSummary,
)
from registry.domain.governance.policies.evidence_types import EvidenceType
from registry.domain.governance.promotion import EvidenceValue, RequestSummary, StageOption
from registry.domain.governance.reviews.bypasses import Emergency
from registry.domain.governance.reviews.findings import Finding, FindingState
from registry.domain.governance.status_changes import status_target
from registry.domain.names import AssetKind, Name, Reference, VersionRef
from registry.domain.paging import PageRequest
from registry.domain.verbs.lineage import ParentCheck
from registry.domain.verbs.registry import Registry
from registry.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    PolicyRefusedError,
    RefusedError,
    RegistryError,
)
from registry.web.governance.evidence import RefusedEvidence
from registry.web.graph import Family, children_of, family_of
from registry.web.markdown import RenderedCard, render_card
from registry.web.parts import AsActor, see
from registry.web.render import link, page

router = APIRouter()
TABS = {
    "overview": "Overview",
    "versions": "Versions",
    "lineage": "Lineage",
    "approvals": "Approvals",
    "files": "Files",
    "activity": "Activity",
}


@dataclass(frozen=True, slots=True)
class Content:
    """What the chosen tab needs beside the version itself; the rest stays empty."""

    versions: Sequence[VersionSummary] = ()
    next_page: str = ""
    card: RenderedCard | None = None
    revisions: Sequence[CardRevision] = ()
    family: Family | None = None
    children: Sequence[str] = ()
    """How many models and datasets were made directly from it, by method: `12 by fine tuning`."""
    checks: Sequence[ParentCheck] = ()
    """What the weights say about the parents, and where it is called otherwise than they are."""
    marks: Sequence[MarkInForce] = ()
    """Those of the version and of what it was made from."""
    findings: Sequence[Finding] = ()
    """The open ones about the version."""
    now: datetime | None = None
    requests: Sequence[RequestSummary] = ()
    evidence: Sequence[EvidenceValue] = ()
    options: Sequence[StageOption] = ()
    types: Sequence[EvidenceType] = ()
    refused: RefusedEvidence | None = None
    """The form of evidence that was just sent and refused."""
    error: RegistryError | None = None
    """Why the promotion that was just requested was refused; `to_stage` and `comment` are what was asked for."""
    to_stage: str = ""
    comment: str = ""
    activity: Sequence[HistoryEntry] = ()


@dataclass(frozen=True, slots=True)
class ModelPage:
    """One registered model, one of its versions, one tab."""

    model: ModelSummary
    aliases: Sequence[AliasValue]
    version: VersionDetail | None
    numbers: Sequence[VersionSummary]
    tab: str
    tabs: Sequence[tuple[str, str, str]]
    """Key, title, address."""
    content: Content = field(default_factory=Content)
    emergencies: Sequence[Emergency] = ()
    """Promotions of this version in an emergency that nobody has reviewed yet."""


@router.get("/models/{team}/{name}")
@router.get("/models/{team}/{name}/{version}")
def model(
    request: Request,
    registry: AsActor,
    team: str,
    name: str,
    version: str | None = None,
    tab: str = "overview",
    cursor: str | None = None,
) -> HTMLResponse:
    """One model; without a version the latest is shown."""
    if tab not in TABS:
        raise NotFoundError(f"A model has no tab {tab[:40]!r}")
    return _shown(request, registry, Name(team, name), version, tab, cursor)


def approvals(request: Request, registry: Registry, ref: VersionRef, refused: RefusedEvidence) -> HTMLResponse:
    """The tab of approvals of one version, with the form that was refused."""
    return _shown(request, registry, ref.name, str(ref.number), "approvals", error=refused.error, refused=refused)


def _shown(
    request: Request,
    registry: Registry,
    full_name: Name,
    version: str | None,
    tab: str,
    cursor: str | None = None,
    *,
    error: RegistryError | None = None,
    **sent: Any,
) -> HTMLResponse:
    """With `error`, the page is the answer to a form that was refused; `sent` are fields of `Content` about that."""
    detail = registry.catalog.model(full_name)
    shown = _version(registry, full_name, version, detail.summary)
    base = f"/models/{full_name}/{shown.summary.ref.number}" if shown else f"/models/{full_name}"
    context = ModelPage(
        model=detail.summary,
        aliases=detail.aliases,
        version=shown,
        numbers=registry.catalog.versions(full_name, PageRequest(100)).items,
        tab=tab,
        tabs=[(key, title, link(base, tab=None if key == "overview" else key)) for key, title in TABS.items()],
        emergencies=[one for one in registry.reviews.emergencies(Reference.to(shown.summary.ref)) if one.is_open]
        if shown
        else (),
        content=replace(_content(registry, full_name, shown, tab, PageRequest(50, cursor)), error=error, **sent),
    )
    api = f"/api/v1/models/{full_name}" + (f"/versions/{shown.summary.ref.number}" if shown else "")
    status = error.family.status if error else 200
    return page(request, "model.html", context, section="models", api=api, status=status)


def _version(registry: Registry, name: Name, version: str | None, summary: ModelSummary) -> VersionDetail | None:
    if version is None:
        return registry.catalog.version(Reference(AssetKind.MODELS, name)) if summary.version else None
    return registry.catalog.version(Reference.parse(f"models:/{name}{'' if version.startswith('@') else '/'}{version}"))


def _content(registry: Registry, name: Name, version: VersionDetail | None, tab: str, paging: PageRequest) -> Content:
    if tab == "versions":
        found = registry.catalog.versions(name, paging)
        following = link(f"/models/{name}", tab=tab, cursor=found.next_cursor) if found.next_cursor else ""
        return Content(versions=found.items, next_page=following)
    if tab == "activity":
        history = registry.catalog.history(name, paging)
        following = link(f"/models/{name}", tab=tab, cursor=history.next_cursor) if history.next_cursor else ""
        return Content(activity=history.items, next_page=following)
    if version is None or tab == "files":
        return Content()
    ref = version.summary.ref
    exact = Reference.to(ref)
    if tab == "lineage":
        open_ones = registry.reviews.findings(reference=exact, state=FindingState.OPEN, page=PageRequest(20)).items
        return Content(
            family=family_of(registry, str(ref)),
            checks=registry.lineage.checks(exact),
            marks=registry.lineage.marks(exact).marks,
            findings=open_ones,
            now=datetime.now(UTC),
        )
    if tab == "approvals":
        return Content(
            requests=registry.promotions.requests(reference=exact, page=PageRequest(100)).items,
            evidence=registry.promotions.evidence(exact),
            options=registry.promotions.options(exact),
            types=registry.promotions.evidence_types(exact),
        )
    card = render_card(version.card.text) if version.card else None
    return Content(
        card=card,
        revisions=registry.catalog.cards(exact),
        children=children_of(registry, str(ref)),
        checks=registry.lineage.checks(exact) if version.parents else (),
    )


@router.post("/status", response_model=None)
def set_status(
    request: Request,
    registry: AsActor,
    reference: Annotated[str, Form()],
    status: Annotated[str, Form()],
    comment: Annotated[str, Form()] = "",
) -> HTMLResponse | RedirectResponse:
    """Give a version of a model or dataset another status; that of a model in use is requested instead."""
    wanted = Reference.parse(reference)
    if status not in {one.value for one in Status}:
        raise InvalidError(f"There is no status {status[:40]!r}")
    try:
        registry.catalog.set_status(wanted, Status(status), comment)
    except PolicyRefusedError:
        return request_promotion(request, registry, reference, status_target(Status(status)), comment)
    return see(f"/{wanted.kind}/{wanted.name}/{wanted.number}")


@router.post("/promotions", response_model=None)
def request_promotion(
    request: Request,
    registry: AsActor,
    reference: Annotated[str, Form()],
    to_stage: Annotated[str, Form()],
    comment: Annotated[str, Form()] = "",
) -> HTMLResponse | RedirectResponse:
    """Open a promotion request and go to its page; a refusal is shown where the form is, and the comment is kept."""
    wanted = Reference.parse(reference, kind=AssetKind.MODELS)
    try:
        opened = registry.promotions.request(wanted, to_stage, comment=comment)
    except (RefusedError, InvalidError, ConflictError) as error:
        ref = registry.catalog.version(wanted).summary.ref
        return _shown(
            request,
            registry,
            ref.name,
            str(ref.number),
            "approvals",
            error=error,
            to_stage=to_stage,
            comment=comment,
        )
    return see(f"/promotions/{opened.summary.id}")
