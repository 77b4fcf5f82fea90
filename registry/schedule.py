"""What the server does again and again: one thing, each minute or more often, in a thread of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread
from types import TracebackType
from typing import Self

from registry.errors import RegistryError

SECONDS = 60.0
"""Between the end of one call and the next."""
log = logging.getLogger("forebear.schedule")


class Schedule:
    """Calls `act` at once and then every `seconds`, from entering a `with` to leaving it.

    The time between is measured by a clock that nobody sets. A call that fails is logged, and the next is made all the
    same: what was not done stays due.
    """

    def __init__(self, act: Callable[[], object], seconds: float = SECONDS) -> None:
        self._act, self._seconds = act, seconds
        self.stopping = Event()
        """Set when the `with` is left: what takes long asks it, and ends early."""
        self._thread = Thread(target=self._run, name="schedule", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self.stopping.is_set():
            try:
                self._act()
            except RegistryError as error:
                log.warning("What is due could not be done: %s", error)
            except Exception:  # the last handler of this thread: without it nothing would ever be done again
                log.exception("What is due could not be done")
            self.stopping.wait(self._seconds)
