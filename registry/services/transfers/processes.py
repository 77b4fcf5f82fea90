"""One step run by several processes: the first opens the database and writes the job to a file that the others read.

The file names the launch, so a file left by an earlier launch is never used.
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
"""Seconds that the other processes wait for the first one to prepare the inputs."""
_POLL_SECONDS = 0.05


def announce(job: TransferJob, launch: str) -> None:
    """Write the job to the file that the other processes of `launch` wait for."""
    write_whole(_file(job.work), json.dumps({"launch": launch, "job": to_json(job)}).encode())


def forget(work: Path) -> None:
    """Remove the file: this attempt at the step has ended."""
    _file(work).unlink(missing_ok=True)


def join(plugins: Plugins, work: Path, launch: str, *, patience: float = PATIENCE_SECONDS) -> None:
    """Take part in the job that the first process of `launch` announced; only that one reports and writes."""
    job = _announced(work, launch, patience)
    for _ in plugins.transfer(job.recipe.adapter).run(job):
        pass


def _announced(work: Path, launch: str, patience: float) -> TransferJob:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            announced = json.loads(_file(work).read_text(encoding="utf-8"))
        except FileNotFoundError:
            announced = {}
        if announced.get("launch") == launch:
            return from_json(TransferJob, announced["job"])
        time.sleep(_POLL_SECONDS)
    raise UnavailableError(f"The first process of {work.name} did not announce the job within {patience:.0f} s")


def _file(work: Path) -> Path:
    return work / "job.json"
