"""How many threads work at once: one for what is quick, one more for changes, and as many more as there is slow work.

Python runs one thread at a time, and each statement of SQLite gives the interpreter away and has to ask for it again:
four threads that read at once take 1.4 to 1.8 times the processor time of one that reads four times. What waits for the
disk, for the place of a writer or for another server is slow, and so is what reads a lot: it holds nobody up. A change
is known to wait for the disk at its end; meanwhile the next one comes as far as the place of the writer.
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
        self._requests = self._changes = self._slow = 0
        self._looking = False
        self._before: frozenset[Any] = frozenset()

    @contextmanager
    def for_request(self, *, changes: bool) -> Iterator[None]:
        """Around one request, in the event loop; `changes` says whether it is one that changes something."""
        self._requests += 1
        if not self._looking:
            self._look()
        if changes:
            self._changes += 1
            self._allow()
        try:
            yield
        finally:
            self._requests -= 1
            if changes:
                self._changes -= 1
                self._allow()

    def _look(self) -> None:
        limiter = current_default_thread_limiter()
        at_work = frozenset(limiter.statistics().borrowers)
        self._slow = len(at_work & self._before)
        self._allow()
        self._before = at_work
        self._looking = self._requests > 0
        if self._looking:
            asyncio.get_running_loop().call_later(LOOK_EVERY, self._look)

    def _allow(self) -> None:
        # Twice as many as are slow, so that a crowd of slow ones is soon let in.
        allowed = 1 + 2 * self._slow + (self._changes > 0)
        current_default_thread_limiter().total_tokens = min(MOST, allowed)
