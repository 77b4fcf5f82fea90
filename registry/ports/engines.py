"""Starting the worker of a step."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from registry.domain.recipes.recipe import Resources


class Engine(Protocol):
    """Brings a worker for a step: a process of this machine, or a job on a cluster.

    Only the lease of a step determines who may run it; an engine only knows whether a worker process is alive.
    """

    name: str

    def grant(self, needs: Resources) -> Resources:
        """The resources that a step gets if it requests `needs`; missing values are filled in.

        Raises: UnavailableError for what can never be had there, with what there is.
        """
        ...

    def start(self, step_id: str, home: Path, needs: Resources, *, adapter: str = "") -> None:
        """Start (or restart) the worker of a step that runs with `adapter`, and return at once.

        Raises: StepStateError, UnavailableError.
        """
        ...

    def wait(self, step_id: str, home: Path) -> None:
        """Until the worker has ended; a request to end that comes meanwhile is passed on to it."""
        ...

    def alive(self, step_id: str, home: Path) -> bool | None:
        """True for a worker that runs or is about to, False for one that is known to be gone; None: it cannot say."""
        ...

    def stop(self, step_id: str, home: Path) -> bool:
        """End the worker and all that it started; True when there was one that we could end."""
        ...

    def log(self, step_id: str, home: Path) -> str:
        """What the workers of the step have written, the newest last; a long one without its beginning."""
        ...
