"""Tells the time."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time, in UTC."""

    def now(self) -> datetime:
        """The present moment, with a UTC time zone."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment, never going back whatever the clock is set to: for durations."""
        ...
