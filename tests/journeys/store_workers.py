"""Processes that work on one store until they are killed: one publishes and deletes, one collects, one verifies.

Run as `python -m tests.journeys.store_workers WORK HOME SEED`. The publisher says in a line what it has done.
"""

from __future__ import annotations

import os
import random
import sys
from datetime import timedelta
from pathlib import Path

from registry import bootstrap
from registry.domain.audit import Event
from registry.domain.names import Reference, VersionRef
from registry.services.registry import LocalRegistry
from registry.settings import Settings
from tests.builders import add_version, store


def opened(home: Path) -> LocalRegistry:
    """The registry in `home`, for ana, who is its admin; in the database that the environment names."""
    settings = Settings(home=home, mlflow_uri="off", database_url=os.environ.get("FOREBEAR_DATABASE_URL"))
    return bootstrap.open(home, settings=settings, actor="ana")


def publish(registry: LocalRegistry, draw: random.Random) -> None:
    """Publish versions of few contents, and delete most of them again, so that the same objects come and go."""
    mine: list[VersionRef] = []
    while True:
        content = f"{draw.randrange(6)} " * 300_000
        with registry.context.holding() as context:
            store(context.blobs, content)
            with context.write() as uow:
                ref = add_version(uow, "team/model", content=content)
                uow.commit(Event("model_version.imported", str(ref)))
        say("added", ref)
        mine.append(ref)
        if len(mine) > 3:
            gone = mine.pop(draw.randrange(len(mine)))
            say("deleting", gone)
            registry.catalog.delete(Reference.to(gone))


def collect(registry: LocalRegistry, _draw: random.Random) -> None:
    """Remove everything that nothing needs, without any grace, again and again."""
    while True:
        registry.store.collect(grace=timedelta(0), delete=True)
        say("collected")


def verify(registry: LocalRegistry, _draw: random.Random) -> None:
    """Check everything again and again; damage ends it."""
    while True:
        report = registry.store.verify()
        say("verified" if not report.damage else f"damage {report.damage}")


def say(*words: object) -> None:
    """One line, at once."""
    print(*words, flush=True)


if __name__ == "__main__":
    work, home, seed = sys.argv[1:]
    {"publish": publish, "collect": collect, "verify": verify}[work](opened(Path(home)), random.Random(seed))
