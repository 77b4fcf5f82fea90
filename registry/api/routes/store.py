"""The stored files of all versions: the last check of them, and a check that goes on from call to call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import AsActor, answer, speaks
from registry.domain.objects import CheckReport
from registry.domain.verbs.registry import Registry

router = APIRouter(prefix="/store", tags=["store"], route_class=Route)
LONGEST = 60
"""Seconds that one request may check for."""


def _last_check(registry: Registry, _path: Mapping[str, str]) -> CheckReport | None:
    return registry.store.last_check()


CheckUnchanged = Annotated[Registry, changes(_last_check, "/store/check")]


@router.get("/check", **speaks(CheckReport | None))
def last_check(registry: AsActor) -> Response:
    """How far the last check of the stored files is or was, and what is damaged; null when there was never a check."""
    return answer(registry.store.last_check())


@router.post("/check", **speaks(CheckReport))
def verify(
    registry: CheckUnchanged,
    seconds: Annotated[int, Query(ge=1, le=LONGEST, description="How long to check for")] = 20,
    restart: bool = False,
) -> Response:
    """Go on with the last check that has not ended, or begin one: `check.ended_at` is null until it has ended."""
    return answer(registry.store.verify(restart=restart, seconds=seconds))
