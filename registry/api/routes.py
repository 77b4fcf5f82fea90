"""The API as one router, in the order in which its document shows it."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from starlette.requests import Request

from registry.api import audit, catalog, datasets, governance, lineage, openapi, people, transfers, versions

PREFIX = "/api/v1"


def api_router() -> APIRouter:
    """Every route of the API, under `/api/v1`."""
    api = APIRouter(prefix=PREFIX)
    for room in (catalog, versions, datasets, transfers, lineage, governance, people, audit):
        api.include_router(room.router)
    api.add_api_route("/openapi.json", _document, include_in_schema=False)
    return api


def _document(request: Request) -> JSONResponse:
    return JSONResponse(openapi.document(request.app))
