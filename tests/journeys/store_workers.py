"""Processes that work on one registry until they are killed, each at one thing again and again.

Run as `python -m tests.journeys.store_workers WORK HOME SEED`. The publisher says in a line what it has done.
"""

from __future__ import annotations

import os
import random
import sys
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from safetensors.numpy import save_file

from registry import bootstrap
from registry.domain.audit import Event
from registry.domain.catalog.models import Modality
from registry.domain.names import Name, Reference, VersionRef
from registry.domain.people.people import Actor
from registry.domain.verbs.catalog import ImportModel
from registry.domain.verbs.data import AddDataset
from registry.errors import ConflictError, UnavailableError
from registry.services.registry import LocalRegistry
from registry.settings import Settings
from tests.builders import add_version, store
from tests.fakes.clock import FakeClock
from tests.registry.services.teams import Team

if TYPE_CHECKING:
    from registry.storage.unit_of_work import SqlUnitOfWorkFactory
    from tests.fakes.blobs import MemoryBlobs


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
        with suppress(UnavailableError):  # while a backup is made
            registry.store.collect(grace=timedelta(0), delete=True)
        say("collected")


def verify(registry: LocalRegistry, _draw: random.Random) -> None:
    """Check everything again and again; damage ends it."""
    while True:
        report = registry.store.verify(watch=lambda check: say(f"checked {check.objects}"))
        say("verified" if not report.damage else f"damage {report.damage}")


def bring_in(registry: LocalRegistry, draw: random.Random) -> None:
    """Import a model, each time another one, and delete it sometimes."""
    folder = registry.context.home.parent / f"source-{draw.getrandbits(64):x}"
    folder.mkdir()
    while True:
        weights = np.array([draw.random() for _ in range(256)], dtype=np.float32)
        save_file({"weight": weights}, folder / "model.safetensors")
        wanted = ImportModel(Name.parse("team/imported"), str(folder), task="x", modality=Modality.IMAGE, licence="MIT")
        say("added", registry.catalog.import_model(wanted).summary.ref)


def add_data(registry: LocalRegistry, draw: random.Random) -> None:
    """Register data, each time other."""
    file = registry.context.home.parent / f"data-{draw.getrandbits(64):x}.csv"
    while True:
        rows = [f"sentence {draw.random()},{'ab'[number % 2]}" for number in range(40)]
        file.write_text("\n".join(["text,label", *rows]))
        wanted = AddDataset(Name.parse("data/rows"), str(file), licence="MIT")
        say("added", registry.datasets.add(wanted).summary.ref)


def approve(registry: LocalRegistry, _draw: random.Random) -> None:
    """Publish versions and bring each to a stage by the vote of somebody else."""
    ben = registry.as_actor(Actor("ben", frozenset({"validator"})))
    while True:
        with registry.context.holding() as context:
            opening, blobs = cast("SqlUnitOfWorkFactory", context.open_uow), cast("MemoryBlobs", context.blobs)
            team = Team(opening, FakeClock(context.clock.now()), context.home, blobs)
            ref = team.publish("team/approved")
        registry.promotions.request(Reference.to(ref), "candidate")
        request = registry.promotions.request(Reference.to(ref), "validated").summary.id
        ben.promotions.approve(request)
        say("approved", ref)


def back_up(registry: LocalRegistry, _draw: random.Random) -> None:
    """Back up into one folder, and verify it."""
    folder = registry.context.home.parent / "backup"
    while True:
        try:
            report = registry.backups.create(folder)
        except ConflictError:  # that of the one who was killed ends in a moment
            continue
        problems = (*report.backup.faults, *bootstrap.verify_backup(folder).problems)
        say("backed up" if not problems else f"damage {problems}")


WORKS = {
    "publish": publish,
    "collect": collect,
    "verify": verify,
    "back_up": back_up,
    "approve": approve,
    "bring_in": bring_in,
    "add_data": add_data,
}


def say(*words: object) -> None:
    """One line, at once and in one write: a kill must not leave half of it, not even where output is not buffered."""
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    work, home, seed = sys.argv[1:]
    WORKS[work](opened(Path(home)), random.Random(seed))
