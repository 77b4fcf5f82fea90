"""Promotions without votes: the forms to declare an emergency and to roll back, beside the emergencies of a version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import Request

from registry.domain.governance.promotion import RequestDetail
from registry.domain.governance.reviews.bypasses import Emergency
from registry.domain.ids import is_id
from registry.domain.names import Reference
from registry.domain.verbs.registry import Registry
from registry.errors import (
    ConflictError,
    InvalidError,
    NotFoundError,
    RefusedError,
    RegistryError,
    UnauthenticatedError,
)
from registry.web.parts import AsActor, see
from registry.web.render import link, page

router = APIRouter()


@dataclass(frozen=True, slots=True)
class EmergenciesPage:
    """The emergencies of one version, or all; with the forms where a version is named."""

    emergencies: Sequence[Emergency]
    reference: str
    stages: Sequence[str] = ()
    sent: Mapping[str, str] = field(default_factory=dict)
    """What was written into the form that was refused; never the token."""
    refused: str = ""
    """Which form was refused: `emergency`, `rollback`, or the id of the emergency that was agreed to."""
    error: RegistryError | None = None


@router.get("/emergencies")
def emergencies(request: Request, registry: AsActor, reference: str = "") -> HTMLResponse:
    """Emergencies of one version, or of all."""
    return _shown(request, registry, reference)


@router.post("/emergencies", response_model=None)
def declare(
    request: Request,
    registry: AsActor,
    reference: Annotated[str, Form()] = "",
    to_stage: Annotated[str, Form()] = "",
    incident: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    token: Annotated[str, Form()] = "",
) -> HTMLResponse | RedirectResponse:
    """Promote without votes; a refusal is shown above the form, which keeps what was written but the token."""

    def act() -> RequestDetail:
        promote = registry.reviews.promote_in_emergency
        return promote(Reference.parse(reference), to_stage, incident=incident, reason=reason, token=token.strip())

    sent = {"to_stage": to_stage, "incident": incident, "reason": reason}
    return _done(request, registry, reference, act, "emergency", sent)


@router.post("/emergencies/{emergency_id}/agree", response_model=None)
def agree(
    request: Request,
    registry: AsActor,
    emergency_id: str,
    comment: Annotated[str, Form()] = "",
    token: Annotated[str, Form()] = "",
) -> HTMLResponse | RedirectResponse:
    """Agree that a waiting emergency takes effect; a refusal is shown beside it."""
    if not is_id(emergency_id):
        raise NotFoundError(f"There is no emergency {emergency_id[:80]!r}")
    about = str(registry.reviews.emergency(emergency_id).ref)

    def act() -> RequestDetail:
        return registry.reviews.agree_to_emergency(emergency_id, comment=comment, token=token.strip())

    return _done(request, registry, about, act, emergency_id, {"comment": comment})


@router.post("/rollbacks", response_model=None)
def roll_back(
    request: Request,
    registry: AsActor,
    reference: Annotated[str, Form()] = "",
    comment: Annotated[str, Form()] = "",
) -> HTMLResponse | RedirectResponse:
    """Promote a version again that was approved before."""

    def act() -> RequestDetail:
        return registry.reviews.roll_back(Reference.parse(reference), comment=comment)

    return _done(request, registry, reference, act, "rollback", {"comment": comment})


def _done(  # all that a form needs to be shown again
    request: Request,
    registry: Registry,
    reference: str,
    act: Callable[[], RequestDetail],
    form: str,
    sent: Mapping[str, str],
) -> HTMLResponse | RedirectResponse:
    try:
        done = act()
    except (RefusedError, InvalidError, ConflictError, NotFoundError, UnauthenticatedError) as error:
        return _shown(request, registry, reference, sent=sent, refused=form, error=error)
    return see(f"/promotions/{done.summary.id}")


def _shown(
    request: Request,
    registry: Registry,
    reference: str,
    *,
    sent: Mapping[str, str] | None = None,
    refused: str = "",
    error: RegistryError | None = None,
) -> HTMLResponse:
    about = Reference.parse(reference) if reference else None
    found = registry.reviews.emergencies(about)
    stages = [one.stage for one in registry.promotions.options(about)] if about is not None else ()
    # A form that asks for a token of the reader again is not signed out when the token is wrong.
    status = 200 if error is None else 403 if isinstance(error, UnauthenticatedError) else error.family.status
    context = EmergenciesPage(found, reference, stages, sent or {}, refused, error)
    api = link("/api/v1/emergencies", reference=reference)
    return page(request, "emergencies.html", context, section="promotions", api=api, status=status)
