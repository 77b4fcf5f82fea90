"""How many threads work at once: one for what is quick, and as many more as there is slow work.

Python runs one thread at a time, and each statement of SQLite gives the interpreter away and has to ask for it again:
four threads that read at once take 1.4 to 1.8 times the processor time of one that reads four times. What waits for the
disk, for the place of a writer or for another server is slow, and so is what reads a lot: it holds nobody up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from anyio.to_thread import current_default_thread_limiter

LOOK_EVERY = 0.025
"""Seconds between two looks; what is at work at both is slow."""
MOST = 40
"""Threads at most, as many as anyio has by itself."""


class Threads:
    """Sets how many of the threads in which an event loop answers requests may work at once."""

    def __init__(self) -> None:
        self._requests = 0
        self._looking = False
        self._before: frozenset[Any] = frozenset()

    @contextmanager
    def for_request(self) -> Iterator[None]:
        """Around one request, in the event loop."""
        self._requests += 1
        if not self._looking:
            self._look()
        try:
            yield
        finally:
            self._requests -= 1

    def _look(self) -> None:
        limiter = current_default_thread_limiter()
        at_work = frozenset(limiter.statistics().borrowers)
        slow = len(at_work & self._before)
        limiter.total_tokens = min(MOST, 1 + 2 * slow)  # twice, so that a crowd of slow ones is soon let in
        self._before = at_work
        self._looking = self._requests > 0
        if self._looking:
            asyncio.get_running_loop().call_later(LOOK_EVERY, self._look)
