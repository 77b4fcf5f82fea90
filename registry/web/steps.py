"""Transfer steps: the list, and one step with its inputs, recipe, learning curves and provenance."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import Request

from registry.domain.codec import to_json
from registry.domain.comparison.forgetting import Forgetting
from registry.domain.comparison.looks import said
from registry.domain.comparison.records import skipped_of, verdict_of
from registry.domain.comparison.verdict import TransferVerdict
from registry.domain.ids import is_id
from registry.domain.names import AssetKind
from registry.domain.paging import PageRequest
from registry.domain.transfers.provenance import corrected_since, notes_of
from registry.domain.transfers.recorded import OWN_CODE
from registry.domain.transfers.step_events import GOING, Place
from registry.domain.transfers.steps import Progress, StepDetail, StepState, StepSummary
from registry.errors import NotFoundError
from registry.presenting.curves import best
from registry.presenting.documents import as_yaml
from registry.presenting.formats import number
from registry.web.curve import Plot, Table, plots, table
from registry.web.parts import AsActor, see
from registry.web.render import link, page, part

router = APIRouter()
_SHOWN_ELSEWHERE = frozenset({"schema", "actor", "adapter", "method", "recipe", "started_at", "ended_at", "metrics"})


@dataclass(frozen=True, slots=True)
class StepsPage:
    """Steps, newest first."""

    steps: Sequence[StepSummary]
    state: str
    states: Sequence[str]
    next_page: str


@dataclass(frozen=True, slots=True)
class Live:
    """How far a step is that goes on. `events` is the address of what happens next, `place` what is known already."""

    events: str
    place: str
    progress: Progress | None
    counted: str
    rate: str


@dataclass(frozen=True, slots=True)
class StepPage:
    """One step. `recipe` and `manifest` are text for people; the manifest's own bytes are at the API."""

    step: StepDetail
    plots: tuple[Plot, ...]
    epochs: Table
    run: Live | None
    """None once it has ended."""
    recipe: str
    manifest: str
    notes: Sequence[str]
    verdict: TransferVerdict | None
    looks: str
    """The how many-th verdict on its test rows it is, as a sentence; empty for the first."""
    forgetting: Forgetting | None
    """What was measured of the version that it made on the test data of the models above; None before that."""
    skipped: Mapping[str, str]
    highlights: Mapping[str, str]
    resumable: bool
    cancellable: bool


@dataclass(frozen=True, slots=True)
class CurvesPart:
    """The learning curves of a step, drawn and as numbers."""

    plots: tuple[Plot, ...]
    epochs: Table


@router.get("/steps")
def steps(request: Request, registry: AsActor, state: str = "", cursor: str | None = None) -> HTMLResponse:
    """Every step, or those in one state."""
    states = [one.value for one in StepState]
    wanted = StepState(state) if state in states else None
    found = registry.transfers.search(state=wanted, page=PageRequest(30, cursor))
    following = link("/steps", state=state, cursor=found.next_cursor) if found.next_cursor else ""
    context = StepsPage(found.items, state, states, following)
    return page(request, "steps.html", context, section="steps", api=link("/api/v1/transfers", state=state))


@router.get("/steps/{step}")
def step(request: Request, registry: AsActor, step: str) -> HTMLResponse:
    """One step."""
    detail = registry.transfers.step(known(step))
    recipe = as_yaml(to_json(detail.recipe)) if detail.recipe else ""
    manifest = json.dumps(to_json(detail.manifest), indent=2, ensure_ascii=False) if detail.manifest else ""
    chosen = best(detail)
    context = StepPage(
        step=detail,
        plots=plots(detail.curve, chosen),
        epochs=table(detail.curve, chosen),
        run=live_of(detail),
        recipe=recipe,
        manifest=manifest,
        notes=(*corrected_since(detail.manifest, detail.inputs), *notes_of(detail.manifest)),
        verdict=(verdict := verdict_of(detail.manifest, detail.verdict_void)),
        looks="" if verdict is None else said(verdict.looks),
        forgetting=_forgetting(registry, detail),
        skipped=skipped_of(detail.manifest),
        highlights=highlights(detail.manifest or {}),
        resumable=detail.summary.state.may_resume and detail.summary.adapter != OWN_CODE,
        cancellable=detail.summary.state.may_cancel and detail.summary.may_be_cancelled_by(registry.actor),
    )
    return page(request, "step.html", context, section="steps", api=f"/api/v1/transfers/{step}")


@router.get("/steps/{step}/curves")
def curves(registry: AsActor, step: str) -> HTMLResponse:
    """Its learning curves as they are now, for the page of a step that goes on."""
    detail = registry.transfers.step(known(step))
    chosen = best(detail)
    return part("curves.html", CurvesPart(plots(detail.curve, chosen), table(detail.curve, chosen)))


@router.post("/steps/{step}/resume")
def resume(registry: AsActor, step: str) -> RedirectResponse:
    """Go on from the last checkpoint, in the background."""
    registry.transfers.resume(known(step), background=True)
    return see(f"/steps/{step}")


@router.post("/steps/{step}/cancel")
def cancel(registry: AsActor, step: str) -> RedirectResponse:
    """Stop the step."""
    registry.transfers.cancel(known(step))
    return see(f"/steps/{step}")


def live_of(detail: StepDetail) -> Live | None:
    """How far it is; None once it has ended."""
    summary = detail.summary
    if summary.state not in GOING:
        return None
    progress = summary.progress if summary.state is StepState.RUNNING else None  # else of an earlier run
    return Live(
        events=f"/api/v1/transfers/{summary.id}/events",
        place=str(Place(max((point.number for point in detail.curve), default=0), summary.state)),
        progress=progress,
        counted=_counted(progress) if progress else "",
        rate=_rate(progress) if progress else "",
    )


def highlights(manifest: Mapping[str, object]) -> dict[str, str]:
    """The short facts of a manifest (texts and numbers, one level of nesting) that the page does not show elsewhere."""
    found: dict[str, str] = {}
    for key, value in manifest.items():
        if key in _SHOWN_ELSEWHERE:
            continue
        inner = value.items() if isinstance(value, Mapping) else [("", value)]
        for word, fact in inner:
            if isinstance(fact, str | int | float) and len(str(fact)) <= 60:
                found[f"{key} · {word}" if word else key] = _said(fact)
    return found


def _forgetting(registry: AsActor, detail: StepDetail) -> Forgetting | None:
    output = detail.summary.output
    if output is None or output.kind is not AssetKind.MODELS:
        return None
    found = registry.transfers.forgetting(detail.summary.id)
    return found if found.sets else None


def _counted(progress: Progress) -> str:
    """As `step.js` says it."""
    if not progress.is_counted:
        return ""
    if progress.total is None and progress.step:
        return f"{number(progress.step)} of {number(progress.steps)} steps"
    read = number(progress.samples)
    return f"{read} of {number(progress.total)} samples" if progress.total else f"{read} samples"


def _rate(progress: Progress) -> str:
    if progress.rate is None:
        return ""
    return f"{number(round(progress.rate) if progress.rate >= 10 else progress.rate)} samples/s"


def _said(fact: str | float) -> str:
    if isinstance(fact, bool):
        return "yes" if fact else "no"
    if isinstance(fact, str):
        return fact
    return f"{fact:.4g}" if abs(fact) >= 1e9 else number(fact)  # a long number would break in its narrow column


def known(step: str) -> str:
    """The id of a step. Raises: NotFoundError for what is none."""
    if not is_id(step):
        raise NotFoundError(f"There is no step {step[:80]!r}")
    return step
