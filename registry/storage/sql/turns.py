"""Writers of one process wait for each other in the order in which they came.

SQLite alone lets each of them sleep, for up to a tenth of a second, and try again: whoever wakes up just after the end
of a transaction is next, and the slowest wait a hundred times as long as a transaction takes. Other processes still
take part in that way.
"""

from __future__ import annotations

from collections import deque
from threading import Lock


class Turns:
    """The place of the one writer, passed on from thread to thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._taken = False
        self._waiting: deque[Lock] = deque()
        """One closed lock for each thread that waits, the longest wait first."""

    @property
    def waiting(self) -> int:
        """How many threads wait."""
        return len(self._waiting)

    def take(self, seconds: float) -> bool:
        """Wait for the place, behind those who came before; False if it was not free within `seconds`."""
        with self._lock:
            if not self._taken:
                self._taken = True
                return True
            mine = Lock()
            mine.acquire()
            self._waiting.append(mine)
        if mine.acquire(timeout=seconds):
            return True
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
                return False
        return True  # it was given just after the time was over

    def give_back(self) -> None:
        """Give the place to whoever has waited longest."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
