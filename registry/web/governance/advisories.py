"""The page that takes an advisory from outside and shows which versions have what it names."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from registry.domain.governance.advisories import AdvisoryMatch
from registry.domain.people.people import Permission
from registry.domain.verbs.registry import Registry
from registry.errors import InvalidError, RegistryError, TooLargeError
from registry.web.parts import AsActor
from registry.web.render import page

router = APIRouter()
MOST_BYTES = 2 * 1024**2
"""Of an advisory, as over the API."""
MAX_FORM = MOST_BYTES + 256 * 1024
"""Bytes of the form that it comes in."""


@dataclass(frozen=True, slots=True)
class AdvisoriesPage:
    """The form, and what the advisory that was sent matches."""

    text: str = ""
    """What was written into the form."""
    match: AdvisoryMatch | None = None
    error: RegistryError | None = None


@router.get("/advisories")
def advisories(request: Request, registry: AsActor) -> HTMLResponse:
    """The form."""
    registry.actor.require(Permission.READ)
    return _shown(request, AdvisoriesPage())


@router.post("/advisories", max_body_size=MAX_FORM)
async def look_up(request: Request, registry: AsActor) -> HTMLResponse:
    """What the advisory in the form matches. Nothing is written."""
    form = await request.form()
    try:
        context = await _matched(registry, form)
    finally:
        await form.close()
    return _shown(request, context)


async def _matched(registry: Registry, form: FormData) -> AdvisoriesPage:
    written, file = str(form.get("text", "")), form.get("file")
    try:
        text = await _read(file) if isinstance(file, UploadFile) and file.filename else written
        return AdvisoriesPage(written, await run_in_threadpool(registry.recalls.advisory, text))
    except (InvalidError, TooLargeError) as error:
        return AdvisoriesPage(written, error=error)


async def _read(file: UploadFile) -> str:
    raw = await file.read(MOST_BYTES + 1)
    if len(raw) > MOST_BYTES:
        raise TooLargeError(f"The advisory is larger than {MOST_BYTES:,} bytes")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise InvalidError("The advisory is not text in UTF-8") from error


def _shown(request: Request, context: AdvisoriesPage) -> HTMLResponse:
    status = context.error.family.status if context.error else 200
    return page(request, "advisories.html", context, section="promotions", api="/api/v1/recalls", status=status)
