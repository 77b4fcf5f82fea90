"""Promotions without votes: rollbacks, emergencies and their reviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from registry.api.bodies import Comment, InEmergency, RollBack
from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import AsActor, SignIn, answer, body_of, public_id, speaks
from registry.domain.governance.promotion import RequestDetail
from registry.domain.governance.reviews.bypasses import Emergency
from registry.domain.names import Reference
from registry.domain.verbs.registry import Registry

router = APIRouter(tags=["governance"], route_class=Route)


def _emergencies(registry: Registry, _path: Mapping[str, str]) -> Sequence[Emergency]:
    return registry.reviews.emergencies()


def _emergency(registry: Registry, path: Mapping[str, str]) -> Emergency:
    return registry.reviews.emergency(public_id(path["emergency_id"]))


EmergenciesUnchanged = Annotated[Registry, changes(_emergencies, "/emergencies")]
EmergencyUnchanged = Annotated[Registry, changes(_emergency, "/emergencies/{emergency_id}")]


@router.post("/rollbacks", **speaks(RequestDetail, takes=RollBack, status=201))
def roll_back(registry: EmergenciesUnchanged, body: Annotated[RollBack, Depends(body_of(RollBack))]) -> Response:
    """Promote a version again that was approved before, without votes; of a model without a number, the one before."""
    return answer(registry.reviews.roll_back(body.reference, comment=body.comment), 201)


@router.get("/emergencies", **speaks(Sequence[Emergency]))
def emergencies(registry: AsActor, reference: str | None = None) -> Response:
    """Promotions in an emergency, oldest first; of one version (`reference`)."""
    return answer(registry.reviews.emergencies(Reference.parse(reference) if reference else None))


@router.post("/emergencies", **speaks(RequestDetail, takes=InEmergency, status=201))
def declare(
    registry: EmergenciesUnchanged, body: Annotated[InEmergency, Depends(body_of(InEmergency))], token: SignIn = ""
) -> Response:
    """Promote without votes in an emergency, with a fresh sign-in; at once, or when enough people agree."""
    promote = registry.reviews.promote_in_emergency
    done = promote(body.reference, body.to_stage, incident=body.incident, reason=body.reason, token=token)
    return answer(done, 201)


@router.get("/emergencies/{emergency_id}", **speaks(Emergency))
def show(registry: AsActor, emergency_id: str) -> Response:
    """One promotion in an emergency."""
    return answer(registry.reviews.emergency(public_id(emergency_id)))


@router.post("/emergencies/{emergency_id}/agree", **speaks(RequestDetail, takes=Comment))
def agree(
    registry: EmergencyUnchanged,
    emergency_id: str,
    body: Annotated[Comment, Depends(body_of(Comment))],
    token: SignIn = "",
) -> Response:
    """Agree that a waiting emergency takes effect, with a fresh sign-in."""
    agreed = registry.reviews.agree_to_emergency(public_id(emergency_id), comment=body.comment, token=token)
    return answer(agreed)


@router.post("/emergencies/{emergency_id}/review", **speaks(Emergency, takes=Comment))
def review(
    registry: EmergencyUnchanged, emergency_id: str, body: Annotated[Comment, Depends(body_of(Comment))]
) -> Response:
    """Agree with an emergency afterwards, with the reason as the comment."""
    return answer(registry.reviews.review_emergency(public_id(emergency_id), comment=body.comment))
