"""The inventory, and the technical documentation of one version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from registry.domain.governance.policies.terms import Tier
from registry.domain.governance.reports.annex_iv import AnnexIv
from registry.domain.governance.reports.inventory import UNKNOWN_TIER, InventoryLine
from registry.domain.names import AssetKind, Reference
from registry.domain.paging import PageRequest
from registry.web.parts import AsActor
from registry.web.render import link, page

router = APIRouter()
TIERS = (*(one.value for one in Tier), UNKNOWN_TIER)


@dataclass(frozen=True, slots=True)
class InventoryPage:
    """Versions in approved stages, of one risk tier or of all."""

    lines: Sequence[InventoryLine]
    tier: str
    tiers: Sequence[str]
    next_page: str


@dataclass(frozen=True, slots=True)
class AnnexPage:
    """The technical documentation of one version."""

    found: AnnexIv


@router.get("/inventory")
def inventory(request: Request, registry: AsActor, tier: str = "", cursor: str | None = None) -> HTMLResponse:
    """Who answers for each version in use, and on what grounds."""
    found = registry.reports.inventory(tier=tier or None, page=PageRequest(cursor=cursor))
    after = link("/inventory", tier=tier, cursor=found.next_cursor) if found.next_cursor else ""
    context = InventoryPage(found.items, tier, TIERS, after)
    return page(request, "inventory.html", context, section="audit", api=link("/api/v1/inventory", tier=tier))


@router.get("/annex-iv")
def annex_iv(request: Request, registry: AsActor, reference: str) -> HTMLResponse:
    """Each point of Annex IV with what is on record, and what is not."""
    found = registry.reports.annex_iv(Reference.parse(reference, kind=AssetKind.MODELS))
    api = link("/api/v1/annex-iv", reference=str(found.ref))
    return page(request, "annex_iv.html", AnnexPage(found), section="audit", api=api)
