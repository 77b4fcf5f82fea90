"""The API as one router, in the order in which its document shows it."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from starlette.requests import Request

from registry.api import openapi
from registry.api.routes import (
    attestations,
    audit,
    catalog,
    corrections,
    datasets,
    doctor,
    exceptions,
    governance,
    lineage,
    people,
    recalls,
    reports,
    reviews,
    selection,
    signing_in,
    store,
    transfers,
    versions,
)
from registry.api.routes.drafts import drafts, uploads
from registry.api.routes.notifications import mail, webhooks
from registry.api.routes.teams import teams
from registry.api.routes.workers import steps
from registry.api.wire import known_query

PREFIX = "/api/v1"


def api_router() -> APIRouter:
    """Every route of the API, under `/api/v1`."""
    api = APIRouter(prefix=PREFIX, dependencies=[Depends(known_query)])
    decisions = (governance, reviews, exceptions, attestations, recalls, reports)
    for one in (
        catalog,
        versions,
        drafts,
        uploads,
        datasets,
        steps,
        transfers,
        selection,
        corrections,
        lineage,
        *decisions,
        people,
        teams,
        signing_in,
        webhooks,
        mail,
        audit,
        store,
        doctor,
    ):
        api.include_router(one.router)
    api.include_router(signing_in.anonymous)
    api.add_api_route("/openapi.json", _document, include_in_schema=False)
    return api


def _document(request: Request) -> JSONResponse:
    return JSONResponse(openapi.document(request.app))
