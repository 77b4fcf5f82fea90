"""The stored files of all versions: the last check of them, a check that goes on from call to call, and their size."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from registry.api.conditions import changes
from registry.api.repeats import Route
from registry.api.wire import AsActor, answer, speaks
from registry.domain.objects import CheckReport, CollectReport, StoreStats
from registry.domain.verbs.registry import Registry
from registry.domain.verbs.store import GRACE

router = APIRouter(prefix="/store", tags=["store"], route_class=Route)
LONGEST = 60
"""Seconds that one request may check for."""
SLOWEST = 1024**2
"""Bytes a second: no check is asked to read slower, as on the command line."""


def _last_check(registry: Registry, _path: Mapping[str, str]) -> CheckReport | None:
    return registry.store.last_check()


def _stats(registry: Registry, _path: Mapping[str, str]) -> StoreStats:
    return registry.store.stats()


StatsUnchanged = Annotated[Registry, changes(_stats, "/store/stats")]
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
    rate: Annotated[int | None, Query(ge=SLOWEST, description="The most bytes that are read in a second")] = None,
) -> Response:
    """Go on with the last check that has not ended, or begin one: `check.ended_at` is null until it has ended."""
    return answer(registry.store.verify(restart=restart, rate=rate, seconds=seconds))


@router.get("/stats", **speaks(StoreStats))
def stats(registry: AsActor) -> Response:
    """How much is stored, and which models and datasets need it."""
    return answer(registry.store.stats())


@router.post("/collect", **speaks(CollectReport))
def collect(
    registry: StatsUnchanged,
    grace: Annotated[int, Query(ge=0, le=10**9, description="Seconds; what is younger is kept")] = int(
        GRACE.total_seconds()
    ),
    delete: Annotated[bool, Query(description="Remove them; else they are only counted")] = False,
) -> Response:
    """Count the objects that nothing needs, and with `delete` remove them."""
    return answer(registry.store.collect(grace=timedelta(seconds=grace), delete=delete))
