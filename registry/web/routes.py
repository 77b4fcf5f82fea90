"""The pages as one router; every form of it is checked for its token."""

from __future__ import annotations

from fastapi import APIRouter, Depends

from registry.web import (
    administration,
    cascade,
    catalog,
    datasets,
    difference,
    drift,
    graph,
    models,
    notifications,
    selection,
    steps,
)
from registry.web.governance import (
    advisories,
    corrections,
    exceptions,
    past,
    policies,
    promotions,
    recalls,
    reports,
    reviews,
    waivers,
)
from registry.web.guided import pages as guided
from registry.web.parts import check_form
from registry.web.people import devices, passwords, providing, signing_in
from registry.web.people import pages as people


def pages_router() -> APIRouter:
    """Every page behind sign-in."""
    pages = APIRouter(include_in_schema=False, dependencies=[Depends(check_form)])
    for module in (
        catalog,
        models,
        datasets,
        guided,
        selection,
        difference,
        drift,
        cascade,
        steps,
        graph,
        promotions,
        policies,
        reviews,
        recalls,
        advisories,
        waivers,
        corrections,
        exceptions,
        past,
        reports,
        notifications,
        people,
        devices,
        passwords,
        providing,
        signing_in,
        administration,
    ):
        pages.include_router(module.router)
    return pages
