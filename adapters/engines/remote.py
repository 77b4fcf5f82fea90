"""The engine of steps that wait for a worker on another machine: `forebear worker --server URL` takes them there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from registry.domain.recipes.recipe import Resources
from registry.domain.transfers.work import REMOTE
from registry.errors import UnavailableError


class RemoteWorkers:
    """Implements `Engine` by starting nothing: a worker asks the server for steps that fit it."""

    name = REMOTE

    def grant(self, needs: Resources) -> Resources:
        """One CPU thread unless more are asked for. Raises: UnavailableError for several GPUs."""
        if needs.gpus > 1:
            raise UnavailableError(
                f"'resources.gpus' is {needs.gpus}, and a remote worker runs a step in one process",
                remedy="Ask for one GPU, or run the recipe on a cluster: --engine ray",
                facts={"asked": needs.gpus, "there": 1},
            )
        return needs if needs.cpus else replace(needs, cpus=1)

    def start(self, step_id: str, home: Path, needs: Resources, *, adapter: str = "") -> None:
        """Nothing: the step waits until it is taken."""

    def wait(self, step_id: str, home: Path) -> None:
        """Nothing: who waits for the step looks at its state."""

    def alive(self, step_id: str, home: Path) -> bool | None:  # noqa: ARG002 -- the port's own signature
        """A step waits as long as it takes; of one that runs, the lease says whether its worker is there."""
        return True

    def stop(self, step_id: str, home: Path) -> bool:  # noqa: ARG002 -- as above
        """A worker on another machine stops by itself when its next report is refused."""
        return False

    def log(self, step_id: str, home: Path) -> str:  # noqa: ARG002 -- as above
        """Where the log is."""
        return "The log of this step is on the machine of its worker.\n"
