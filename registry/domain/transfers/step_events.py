"""Following a step as events: each listener gets every event once."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from registry.domain.transfers.steps import EpochMetric, StepState, StepSummary
from registry.errors import BadCursorError

GOING = frozenset({StepState.QUEUED, StepState.RUNNING})
"""States of a step that has not ended."""
_PLACE = re.compile(rf"(\d{{1,18}})(?:-({'|'.join(StepState)}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a listener is: the number of the last curve point and the last state that it was sent."""

    point: int = 0
    state: StepState | None = None

    @classmethod
    def parse(cls, text: str) -> Place:
        """Read `12-running` or `12`. Raises: BadCursorError."""
        match = _PLACE.fullmatch(text)
        if match is None:
            raise BadCursorError(
                f"{text[:80]!r} is not the id of an event", remedy="Give the id of the last event that came"
            )
        return cls(int(match[1]), StepState(match[2]) if match[2] else None)

    def __str__(self) -> str:
        return f"{self.point}-{self.state}" if self.state else str(self.point)


@dataclass(frozen=True, slots=True)
class StepEvent:
    """One thing that happened. A listener that returns with its `id` is sent what came after it."""

    id: str
    event: str
    """`metric`: a point of the learning curve; `progress` and `state`: the step as it then stood."""
    data: EpochMetric | StepSummary


@dataclass(slots=True)
class Listener:
    """What one listener was sent so far. Outdated progress is left out, and nothing else."""

    place: Place = field(default_factory=Place)
    _progress_at: datetime | None = None

    def hear(self, summary: StepSummary, points: Sequence[EpochMetric]) -> Iterator[StepEvent]:
        """What `summary` and `points` (in order of number) add. The end of a step is sent last."""
        ended = summary.state not in GOING
        if not ended:
            yield from self._state(summary)
        for point in points:
            if point.number > self.place.point:
                self.place = Place(point.number, self.place.state)
                yield StepEvent(str(self.place), "metric", point)
        if summary.progress is not None and summary.progress.updated_at != self._progress_at:
            self._progress_at = summary.progress.updated_at
            yield StepEvent(str(self.place), "progress", summary)
        if ended:
            yield from self._state(summary)

    def _state(self, summary: StepSummary) -> Iterator[StepEvent]:
        if summary.state is not self.place.state:
            self.place = Place(self.place.point, summary.state)
            yield StepEvent(str(self.place), "state", summary)
