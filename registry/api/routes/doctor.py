"""What is wrong with the server's home and installation, and what is fine."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter
from fastapi.responses import Response

from registry.api.repeats import Route
from registry.api.wire import AsActor, answer, speaks
from registry.domain.verbs.registry import Problem

router = APIRouter(prefix="/doctor", tags=["doctor"], route_class=Route)


@router.get("", **speaks(Sequence[Problem]))
def examine(registry: AsActor) -> Response:
    """Every check with what it found: ok, warning or error."""
    return answer(registry.doctor())
