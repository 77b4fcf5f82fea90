"""How often something that a server does is looked at while it is waited for: less often as it takes longer."""

from __future__ import annotations

from collections.abc import Iterator

FIRST_LOOK, LAST_LOOK = 0.5, 5.0
"""Seconds before the first look, and between two looks at most."""


def waits() -> Iterator[float]:
    """Seconds to wait before each look, without end."""
    wait = FIRST_LOOK
    while True:
        yield wait
        wait = min(wait * 1.5, LAST_LOOK)
