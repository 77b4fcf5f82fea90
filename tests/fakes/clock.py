"""A clock that tests move by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Implements `Clock`: starts at one fixed moment and goes on only when told to."""

    def __init__(self, start: datetime = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def forward(self, **by: float) -> datetime:
        """Move by `timedelta(**by)` and tell the new time."""
        self._now += timedelta(**by)
        return self._now
