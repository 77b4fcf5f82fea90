"""Approvals that last for a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from registry.api.bodies import Attest, AttestationReport
from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import AsActor, answer, body_of, speaks
from registry.domain.governance.promotion import RequestDetail
from registry.domain.governance.reviews.attestations import Attestation
from registry.domain.names import Reference
from registry.domain.verbs.registry import Registry

router = APIRouter(tags=["governance"], route_class=Route)


def _attestations(registry: Registry, _path: Mapping[str, str]) -> Sequence[Attestation]:
    return registry.reviews.attestations()


Unchanged = Annotated[Registry, changes(_attestations, "/attestations")]


@router.get("/attestations", **speaks(Sequence[Attestation]))
def attestations(registry: AsActor, reference: str | None = None) -> Response:
    """Until when approvals last, in the order of their due dates; of one version (`reference`)."""
    return answer(registry.reviews.attestations(Reference.parse(reference) if reference else None))


@router.post("/attestations", **speaks(RequestDetail, takes=Attest))
def attest(registry: Unchanged, body: Annotated[Attest, Depends(body_of(Attest))]) -> Response:
    """Approve a version again in its stage."""
    return answer(registry.reviews.attest(body.reference, comment=body.comment))


@router.post("/attestations/report", **speaks(Sequence[Attestation], takes=AttestationReport))
def report(registry: Unchanged, body: Annotated[AttestationReport, Depends(body_of(AttestationReport))]) -> Response:
    """Report a change of licence or a drift: a new approval is due at once where the policy says so."""
    reviews = registry.reviews
    return answer(reviews.report_for_attestation(body.reference, body.trigger, reason=body.reason))
