"""The page of a registered model: one version at a time, under six tabs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from registry.domain.catalog.models import (
    AliasValue,
    CardRevision,
    HistoryEntry,
    ModelSummary,
    VersionDetail,
    VersionSummary,
)
from registry.domain.governance.evidence_types import EvidenceType, FieldType
from registry.domain.governance.promotion import EvidenceValue, RequestSummary, StageOption
from registry.domain.names import AssetKind, Name, Reference
from registry.domain.paging import PageRequest
from registry.domain.verbs.registry import Registry
from registry.errors import NotFoundError
from registry.web.graph import Branch, outline_of
from registry.web.markdown import RenderedCard, render_card
from registry.web.parts import AsActor, see
from registry.web.render import link, page

router = APIRouter()
MAX_EVIDENCE = 32 * 1024**2
"""Bytes of a form with a piece of evidence and its file; the API takes larger ones."""
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
    ancestors: Branch | None = None
    descendants: Branch | None = None
    complete: bool = True
    requests: Sequence[RequestSummary] = ()
    evidence: Sequence[EvidenceValue] = ()
    options: Sequence[StageOption] = ()
    types: Sequence[EvidenceType] = ()
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
    full_name = Name(team, name)
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
        content=_content(registry, full_name, shown, tab, PageRequest(50, cursor)),
    )
    api = f"/api/v1/models/{full_name}" + (f"/versions/{shown.summary.ref.number}" if shown else "")
    return page(request, "model.html", context, section="models", api=api)


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
    if tab == "lineage":
        found_graph = registry.lineage.show(str(ref), up=-1, down=-1, limit=500)
        up, down = outline_of(found_graph)
        return Content(ancestors=up, descendants=down, complete=found_graph.complete)
    exact = Reference.to(ref)
    if tab == "approvals":
        return Content(
            requests=registry.promotions.requests(reference=exact, page=PageRequest(100)).items,
            evidence=registry.promotions.evidence(exact),
            options=registry.promotions.options(exact),
            types=registry.promotions.evidence_types(exact),
        )
    card = render_card(version.card.text) if version.card else None
    return Content(card=card, revisions=registry.catalog.cards(exact))


@router.post("/promotions")
def request_promotion(
    registry: AsActor,
    reference: Annotated[str, Form()],
    to_stage: Annotated[str, Form()],
    comment: Annotated[str, Form()] = "",
) -> RedirectResponse:
    """Open a promotion request and go to its page."""
    opened = registry.promotions.request(Reference.parse(reference, kind=AssetKind.MODELS), to_stage, comment=comment)
    return see(f"/promotions/{opened.summary.id}")


@router.post("/evidence", max_body_size=MAX_EVIDENCE)
async def add_evidence(request: Request, registry: AsActor) -> RedirectResponse:
    """Add evidence about a version by the form of its type, and go back to where the form was."""
    form = await request.form()
    try:
        await run_in_threadpool(_add_evidence, registry, form)
    finally:
        await form.close()
    back = str(form.get("back", ""))
    return see(back if back.startswith(("/promotions/", "/models/")) else "/promotions")


def _add_evidence(registry: Registry, form: FormData) -> None:
    reference = Reference.parse(str(form.get("reference", "")), kind=AssetKind.MODELS)
    name, file = str(form.get("type", "")), form.get("file")
    attached = file if isinstance(file, UploadFile) and file.filename else None
    kind = next((one for one in registry.promotions.evidence_types(reference) if one.name == name), None)
    registry.promotions.add_evidence(
        reference,
        name,
        _filled(form, kind),
        file=attached.file if attached else None,
        file_name=attached.filename if attached else None,
    )


def _filled(form: FormData, kind: EvidenceType | None) -> dict[str, object]:
    """What the form holds: each field that is not blank, numbers as numbers where the type says so."""
    found: dict[str, object] = {
        key.removeprefix("field-"): value.strip()
        for key, value in form.items()
        if key.startswith("field-") and isinstance(value, str) and value.strip()
    }
    for one in kind.fields if kind else ():
        if one.type is FieldType.NUMBER and one.name in found:
            with suppress(ValueError):  # what is no number is refused by the form's own rule
                found[one.name] = float(str(found[one.name]))
    return found
