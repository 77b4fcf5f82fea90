"""Runs one job in this process and prints each event: `python -m tests.adapters.loop.worker KIND FOLDER WORK`.

Tests kill it. It must not be imported by name of a test, only run.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from registry.domain.recipes.recipe import Head, Method
from tests.adapters.loop.worlds import WORLDS, World

LONG: dict[str, Any] = {"epochs": 20, "checkpoint_every": 4, "head": Head(dropout=0.3)}
"""A recipe that runs long enough to be killed, with many checkpoints."""


def main(kind: str, folder: str, work: str, method: str, resume: str) -> None:
    """Run the job in an existing world (its source is built again, with the same bytes)."""
    world: World = WORLDS[kind](Path(folder))
    for event in world.adapter.run(world.job(work, method=Method(method), resume=resume == "resume", **LONG)):
        sys.stdout.write(f"{type(event).__name__}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
