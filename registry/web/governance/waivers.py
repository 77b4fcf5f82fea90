"""Waivers and reviews of emergencies: the list of them, and the forms to ask for one, to agree to it and to end it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import Request

from registry.domain.governance.reviews.waivers import NewWaiver, Waiver, carried
from registry.domain.ids import is_id
from registry.domain.names import Reference
from registry.domain.verbs.registry import Registry
from registry.errors import NotFoundError, RegistryError
from registry.web.parts import AsActor, done, see
from registry.web.render import link, page

router = APIRouter()


@dataclass(frozen=True, slots=True)
class WaiversPage:
    """The waivers of one version, or all that are asked for or in force."""

    waivers: Sequence[Waiver]
    carried: Sequence[str]
    """A sentence for each waiver that an ancestor carries."""
    reference: str
    now: datetime
    sent: Mapping[str, str] = field(default_factory=dict)
    """What was written into the form that was refused."""
    error: RegistryError | None = None


@router.get("/waivers")
def waivers(request: Request, registry: AsActor, reference: str = "") -> HTMLResponse:
    """Waivers of one version, or of all."""
    return _shown(request, registry, reference)


@router.post("/waivers", response_model=None)
def ask(
    request: Request,
    registry: AsActor,
    reference: Annotated[str, Form()] = "",
    gate: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    until: Annotated[str, Form()] = "",
) -> HTMLResponse | RedirectResponse:
    """Ask for a waiver; a refusal is shown above the form, which keeps what was written."""

    def act() -> None:
        registry.reviews.ask_for_waiver(Reference.parse(reference), NewWaiver(gate.strip(), reason, until))

    return _done(request, registry, reference, act, {"gate": gate, "reason": reason, "until": until})


@router.post("/waivers/{waiver_id}/{deed}", response_model=None)
def decide(
    request: Request,
    registry: AsActor,
    waiver_id: str,
    deed: str,
    comment: Annotated[str, Form()] = "",
    reference: Annotated[str, Form()] = "",
) -> HTMLResponse | RedirectResponse:
    """Agree to a waiver, or end it."""
    deeds = {"approve": registry.reviews.approve_waiver, "end": registry.reviews.end_waiver}
    if not is_id(waiver_id) or deed not in deeds:
        raise NotFoundError(f"There is no waiver {waiver_id[:80]!r}")
    return _done(request, registry, reference, partial(deeds[deed], waiver_id, comment=comment), {})


@router.post("/emergencies/{emergency_id}/review")
def review_emergency(registry: AsActor, emergency_id: str, comment: Annotated[str, Form()] = "") -> RedirectResponse:
    """Agree with an emergency afterwards; the banner of its version has the form."""
    if not is_id(emergency_id):
        raise NotFoundError(f"There is no emergency {emergency_id[:80]!r}")
    ref = registry.reviews.review_emergency(emergency_id, comment=comment).ref
    return see(f"/models/{ref.name}/{ref.number}")


def _done(
    request: Request, registry: Registry, reference: str, act: Callable[[], object], sent: Mapping[str, str]
) -> HTMLResponse | RedirectResponse:
    def shown(error: RegistryError) -> HTMLResponse:
        return _shown(request, registry, reference, sent=sent, error=error)

    return done(act, shown, link("/waivers", reference=reference))


def _shown(
    request: Request,
    registry: Registry,
    reference: str,
    *,
    sent: Mapping[str, str] | None = None,
    error: RegistryError | None = None,
) -> HTMLResponse:
    found, now = registry.reviews.waivers(Reference.parse(reference) if reference else None), datetime.now(UTC)
    context = WaiversPage(found.own, carried(found.ancestors, now), reference, now, sent or {}, error)
    status = error.family.status if error else 200
    api = link("/api/v1/waivers", reference=reference)
    return page(request, "waivers.html", context, section="promotions", api=api, status=status)
