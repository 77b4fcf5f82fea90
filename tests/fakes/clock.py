"""A clock that tests move by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Implements `Clock`: starts at one fixed moment and goes on only when told to."""

    def __init__(self, start: datetime = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)) -> None:
        self._now = start
        self.seconds = 100.0
        """What `monotonic` gives; a test may move it alone."""

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self.seconds

    def set_by(self, by: timedelta) -> None:
        """Set it forward or back, as people and time servers do: no time has passed."""
        self._now += by

    def forward(self, **by: float) -> datetime:
        """Move by `timedelta(**by)` and tell the new time."""
        self._now += timedelta(**by)
        self.seconds += timedelta(**by).total_seconds()
        return self._now
