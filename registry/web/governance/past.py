"""What a version was at a moment of the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import APIRouter
from fastapi.responses import HTMLResponse
from starlette.requests import Request

from registry.domain.governance.reports.inventory import NamedThen
from registry.domain.governance.reviews.past import AsOf
from registry.domain.names import AssetKind, Reference
from registry.domain.paging import PageRequest
from registry.domain.text import read_moment
from registry.domain.verbs.registry import Registry
from registry.errors import RegistryError
from registry.web.parts import AsActor
from registry.web.render import link, page

router = APIRouter()


@dataclass(frozen=True, slots=True)
class AsOfPage:
    """The question, and the answer if there is one; `error` says why there is none."""

    reference: str
    at: str
    found: AsOf | None = None
    named: Sequence[NamedThen] | None = None
    """The answer for an alias of all models."""
    next_page: str = ""
    error: RegistryError | None = None


@router.get("/as-of")
def as_of(
    request: Request, registry: AsActor, reference: str = "", at: str = "", cursor: str | None = None
) -> HTMLResponse:
    """Which version it was, who approved it, on what, under which policy, and what was made from it."""
    at = at or f"{datetime.now(UTC):%Y-%m-%d}"
    if not reference:
        return page(request, "as_of.html", AsOfPage(reference, at), section="audit")
    if reference.startswith("@"):
        return _named(request, registry, reference, at, cursor)
    try:
        named = Reference.parse(reference, kind=AssetKind.MODELS)
        context = AsOfPage(reference, at, registry.reviews.as_of(named, read_moment(at, "The day")))
    except RegistryError as error:
        context = AsOfPage(reference, at, error=error)
    status = context.error.family.status if context.error is not None else 200
    api = link("/api/v1/as-of", reference=reference, at=at)
    return page(request, "as_of.html", context, section="audit", api=api, status=status)


def _named(request: Request, registry: Registry, reference: str, at: str, cursor: str | None) -> HTMLResponse:
    """The versions of all models that had an alias then."""
    api = link("/api/v1/as-of/aliases", alias=reference[1:], at=at)
    try:
        found = registry.reports.named_then(reference[1:], read_moment(at, "The day"), PageRequest(cursor=cursor))
    except RegistryError as error:
        context = AsOfPage(reference, at, error=error)
        return page(request, "as_of.html", context, section="audit", api=api, status=error.family.status)
    after = link("/as-of", reference=reference, at=at, cursor=found.next_cursor) if found.next_cursor else ""
    context = AsOfPage(reference, at, named=found.items, next_page=after)
    return page(request, "as_of.html", context, section="audit", api=api)
