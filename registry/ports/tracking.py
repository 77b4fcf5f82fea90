"""Mirroring transfer steps into a run tracker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from registry.domain.transfers.steps import StepState


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One step as a run tracker shows it. `curve` holds (metric name, step, value, milliseconds since 1970)."""

    step_id: str
    name: str
    user: str
    """Who submitted it."""
    state: StepState
    started_ms: int
    ended_ms: int | None
    params: Mapping[str, str]
    tags: Mapping[str, str]
    curve: Sequence[tuple[str, int, float, int]]


class RunTracker(Protocol):
    """Mirrors steps into a run tracker such as MLflow."""

    name: str

    def mirror(self, record: RunRecord, *, uri: str) -> str:
        """Write `record` as one run and give its id; calling again with the same step id updates that run."""
        ...
