"""Drafts: what was sent by the protocol of the Hub and is no version yet, for those who may contribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from registry.api.bodies import RegisterDetails
from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import AsActor, ItemName, answer, body_of, fields_of, nothing, speaks
from registry.domain.catalog.models import VersionDetail
from registry.domain.drafts.drafts import Draft, DraftSummary, RegisterDraft
from registry.domain.names import Name
from registry.domain.verbs.registry import Registry

router = APIRouter(prefix="/drafts", tags=["drafts"], route_class=Route)
ONE = "/{team}/{name}"


def _draft(registry: Registry, path: Mapping[str, str]) -> Draft:
    return registry.drafts.show(Name(path["team"], path["name"]))


DraftUnchanged = Annotated[Registry, changes(_draft, f"/drafts{ONE}")]


@router.get("", **speaks(Sequence[DraftSummary]))
def drafts(registry: AsActor) -> Response:
    """Every draft, by name."""
    return answer(registry.drafts.list())


@router.get(ONE, **speaks(Draft))
def show(registry: AsActor, name: ItemName) -> Response:
    """The draft of a model with its files; their bytes are not given out."""
    return answer(registry.drafts.show(name))


@router.post(ONE + "/register", **speaks(VersionDetail, takes=RegisterDetails, status=201))
def register(
    registry: DraftUnchanged, name: ItemName, body: Annotated[RegisterDetails, Depends(body_of(RegisterDetails))]
) -> Response:
    """Make the next version of the model from its draft, as an import does, and end the draft."""
    return answer(registry.drafts.register(RegisterDraft(name, **fields_of(body))), 201)


@router.delete(ONE, **speaks(status=204))
def discard(registry: DraftUnchanged, name: ItemName) -> Response:
    """Remove the draft."""
    registry.drafts.discard(name)
    return nothing()
