"""Several processes on one step: the first has the database and the inputs, the others learn the job from a file.

torchrun gives the processes of one launch a name; a file that an earlier launch left behind is never taken for ours.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from registry.domain.codec import from_json, to_json
from registry.errors import UnavailableError
from registry.files import write_whole
from registry.ports.transfers import TransferJob
from registry.services.context import Plugins

PATIENCE_SECONDS = 600.0
"""How long the others wait for the first one to lay out the inputs."""
_POLL_SECONDS = 0.05


def tell(job: TransferJob, launch: str) -> None:
    """Write the job down for the other processes of `launch`, whole or not at all."""
    write_whole(_file(job.work), json.dumps({"launch": launch, "job": to_json(job)}).encode())


def forget(work: Path) -> None:
    """The step has ended, or this attempt at it."""
    _file(work).unlink(missing_ok=True)


def join(plugins: Plugins, work: Path, launch: str, *, patience: float = PATIENCE_SECONDS) -> None:
    """Do our part of the job that the first process of `launch` tells. What is to be said and written, it says."""
    job = _told(work, launch, patience)
    for _ in plugins.transfer(job.recipe.adapter).run(job):
        pass


def _told(work: Path, launch: str, patience: float) -> TransferJob:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            said = json.loads(_file(work).read_text(encoding="utf-8"))
        except FileNotFoundError:
            said = {}
        if said.get("launch") == launch:
            return from_json(TransferJob, said["job"])
        time.sleep(_POLL_SECONDS)
    raise UnavailableError(f"the first process of {work.name} did not say within {patience:.0f} s what is to be done")


def _file(work: Path) -> Path:
    return work / "job.json"
