"""Corrections of the inputs of steps: asked for by one person, and decided by another where something hangs on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import AsActor, answer, body_of, public_id, speaks
from registry.domain.names import Reference
from registry.domain.transfers.corrections import Correction, NewCorrection
from registry.domain.verbs.registry import Registry

router = APIRouter(prefix="/lineage/corrections", tags=["lineage"], route_class=Route)
Made = Annotated[str, Query(max_length=256, description="The version whose step had the input")]


@dataclass(frozen=True, slots=True)
class DecisionWish:
    """Whether a correction is made, or refused, and why."""

    agree: bool
    comment: str = ""


def _all(registry: Registry, path: Mapping[str, str]) -> Sequence[Correction]:
    return registry.corrections.of(Reference.parse(path["target"]))


def _one(registry: Registry, path: Mapping[str, str]) -> Correction:
    return registry.corrections.show(public_id(path["correction_id"]))


@router.get("", **speaks(list[Correction]))
def corrections(registry: AsActor, target: Made) -> Response:
    """What was corrected, or asked to be, about the inputs of the step that made a version; oldest first."""
    return answer(registry.corrections.of(Reference.parse(target)))


@router.post("", **speaks(Correction, takes=NewCorrection, status=201))
def correct(
    registry: Annotated[Registry, changes(_all, "/lineage/corrections")],
    target: Made,
    body: Annotated[NewCorrection, Depends(body_of(NewCorrection))],
) -> Response:
    """Say that an input of the step was another version, went in otherwise, or was none (`withdrawn`).

    It is made at once, or waits for a second person where the answer has `consequences`.
    """
    return answer(registry.corrections.ask(Reference.parse(target), body), 201)


@router.get("/{correction_id}", **speaks(Correction))
def correction(registry: AsActor, correction_id: str) -> Response:
    """One correction."""
    return answer(registry.corrections.show(public_id(correction_id)))


@router.post("/{correction_id}/decision", **speaks(Correction, takes=DecisionWish))
def decide(
    registry: Annotated[Registry, changes(_one, "/lineage/corrections/{correction_id}")],
    correction_id: str,
    body: Annotated[DecisionWish, Depends(body_of(DecisionWish))],
) -> Response:
    """Make a correction that waits, or refuse it."""
    done = registry.corrections.decide(public_id(correction_id), agree=body.agree, comment=body.comment)
    return answer(done)
