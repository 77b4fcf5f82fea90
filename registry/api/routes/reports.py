"""Reports: the inventory, what an alias named at a moment, and the documentation of one version."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from registry.api.repeats import Route
from registry.api.wire import AsActor, Paging, answer, public_id, speaks
from registry.domain.governance.reports.annex_iv import AnnexIv
from registry.domain.governance.reports.inventory import InventoryLine, NamedThen
from registry.domain.names import Reference
from registry.domain.paging import Page
from registry.domain.text import read_moment

router = APIRouter(tags=["reports"], route_class=Route)


@router.get("/inventory", **speaks(Page[InventoryLine]))
def inventory(registry: AsActor, page: Paging, stage: str | None = None, tier: str | None = None) -> Response:
    """Every version in an approved stage, with owner, tier, use, approvers, findings and licence, oldest first."""
    return answer(registry.reports.inventory(stage=stage, tier=tier, page=page))


@router.get("/as-of/aliases", **speaks(Page[NamedThen]))
def named_then(
    registry: AsActor,
    page: Paging,
    alias: Annotated[str, Query(description="An alias without a model, such as production")],
    at: Annotated[str, Query(description="A time with its zone, or a day: as it was when the day ended, UTC")],
) -> Response:
    """Over all models, the versions that had this alias then, and whether each was allowed."""
    return answer(registry.reports.named_then(alias, read_moment(at, "at"), page))


@router.get("/promotions/{request_id}/statement", **speaks(Mapping[str, object]))
def statement(registry: AsActor, request_id: str) -> Response:
    """What a promotion found out about its version: an in-toto statement in a DSSE envelope that is signed."""
    return answer(registry.reports.statement(public_id(request_id)))


@router.get("/annex-iv", **speaks(AnnexIv))
def annex_iv(
    registry: AsActor, reference: Annotated[str, Query(description="models:/team/name/3 or an alias")]
) -> Response:
    """The technical documentation of a version by Annex IV of the EU AI Act, with what is not on record."""
    return answer(registry.reports.annex_iv(Reference.parse(reference)))
