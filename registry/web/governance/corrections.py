"""Corrections of the inputs of one version: the list of them, and the forms to ask for one and to decide about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.requests import Request

from lineage import Assurance
from registry.domain.ids import is_id
from registry.domain.names import Reference
from registry.domain.recipes.methods import DATA_ROLES, MODEL_ROLES
from registry.domain.transfers.corrections import Correction, NewCorrection
from registry.domain.verbs.registry import Registry
from registry.errors import NotFoundError, RegistryError
from registry.web.parts import AsActor, done
from registry.web.render import link, page

router = APIRouter()
WITHDRAWN = "withdrawn"
"""What the form has in the place of a role where there was no such input."""


@dataclass(frozen=True, slots=True)
class CorrectionsPage:
    """The corrections of one version."""

    corrections: Sequence[Correction]
    reference: str
    inputs: Sequence[str]
    """Labels of what is on record as an input and was not seen to go in."""
    roles: Sequence[str] = (*MODEL_ROLES, *DATA_ROLES)
    sent: Mapping[str, str] = field(default_factory=dict)
    """What was written into the form that was refused."""
    error: RegistryError | None = None


@router.get("/corrections")
def corrections(request: Request, registry: AsActor, reference: str) -> HTMLResponse:
    """Those of one version."""
    return _shown(request, registry, reference)


@router.post("/corrections", response_model=None)
def ask(
    request: Request,
    registry: AsActor,
    reference: Annotated[str, Form()],
    given: Annotated[str, Form()] = "",
    becomes: Annotated[str, Form()] = "",
    role: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> HTMLResponse | RedirectResponse:
    """Ask for a correction; a refusal is shown above the form, which keeps what was written."""

    def act() -> None:
        source, _, was = given.partition(" as ")
        wish = NewCorrection(
            Reference.parse(source),
            reason,
            role=was.partition(" (")[0] or None,
            becomes=Reference.parse(becomes.strip(), kind=Reference.parse(source).kind) if becomes.strip() else None,
            becomes_role=None if role == WITHDRAWN else role or None,
            withdrawn=role == WITHDRAWN,
        )
        registry.corrections.ask(Reference.parse(reference), wish)

    sent = {"given": given, "becomes": becomes, "role": role, "reason": reason}
    return _done(request, registry, reference, act, sent)


@router.post("/corrections/{correction_id}/{deed}", response_model=None)
def decide(
    request: Request,
    registry: AsActor,
    correction_id: str,
    deed: str,
    comment: Annotated[str, Form()] = "",
    reference: Annotated[str, Form()] = "",
) -> HTMLResponse | RedirectResponse:
    """Make a correction that waits, or refuse it."""
    if not is_id(correction_id) or deed not in {"agree", "refuse"}:
        raise NotFoundError(f"There is no correction {correction_id[:80]!r}")

    def act() -> None:
        registry.corrections.decide(correction_id, agree=deed == "agree", comment=comment)

    return _done(request, registry, reference, act, {})


def _done(
    request: Request, registry: Registry, reference: str, act: Callable[[], None], sent: Mapping[str, str]
) -> HTMLResponse | RedirectResponse:
    def shown(error: RegistryError) -> HTMLResponse:
        return _shown(request, registry, reference, sent=sent, error=error)

    return done(act, shown, link("/corrections", reference=reference))


def _shown(
    request: Request,
    registry: Registry,
    reference: str,
    *,
    sent: Mapping[str, str] | None = None,
    error: RegistryError | None = None,
) -> HTMLResponse:
    target = Reference.parse(reference)
    context = CorrectionsPage(
        registry.corrections.of(target), reference, _inputs(registry, reference), sent=sent or {}, error=error
    )
    status = error.family.status if error else 200
    api = link("/api/v1/lineage/corrections", target=reference)
    return page(request, "corrections.html", context, section="lineage", api=api, status=status)


def _inputs(registry: Registry, reference: str) -> Sequence[str]:
    """As the form offers them; what the registry's own adapter loaded is not corrected."""
    family = registry.lineage.show(reference, up=1, limit=200)
    nodes = {one.id: one for one in family.nodes}
    made_by = {one.source for one in family.edges if one.target == family.focus}
    return [
        f"{'datasets' if nodes[one.source].kind.value.startswith('dataset') else 'models'}:/{nodes[one.source].label}"
        f" as {one.role}{f' (split {one.split})' if one.split else ''}"
        for one in family.edges
        if one.target in made_by and one.source in nodes and one.assurance is not Assurance.OBSERVED
    ]
