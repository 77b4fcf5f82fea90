"""A backup is of one moment, whatever happens while it is made."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from registry import bootstrap
from registry.domain.audit import Event
from registry.errors import (
    PermissionDeniedError,
    UnavailableError,
)
from registry.services.backups.creating import Backups
from registry.services.catalog.verbs import Catalog
from tests.builders import add_version, store
from tests.registry.services.artifacts.worlds import StoredWorld
from tests.registry.services.backups.worlds import NOW, OFF, create
from tests.registry.services.teams import Team, ref_of


def test_a_second_backup_copies_only_what_is_new_and_drops_what_nothing_needs(world: StoredWorld, folder: Path) -> None:
    first = create(world.team, folder)
    assert first.copied == first.backup.objects > 0
    assert create(world.team, folder).copied == 0
    Catalog(world.team.context("root")).delete(ref_of(world.digits))
    world.team.publish("vision/later")
    report = create(world.team, folder)
    assert report.copied == 1
    assert bootstrap.verify_backup(folder).problems == ()
    stored = {path.name for path in folder.glob("blobs/??/??/*")}
    assert len(stored) == report.backup.objects
    assert world.parts["weights/model.safetensors"].hex not in stored
    assert len(list(folder.glob("*.db"))) == 1


def test_a_collection_cannot_remove_what_a_running_backup_still_copies(world: StoredWorld, folder: Path) -> None:
    refused = list[str]()

    def interfere(_progress: object) -> None:
        if not refused:
            Catalog(world.team.context("root")).delete(ref_of(world.digits))
            world.team.blobs.pass_time(100_000)
            with pytest.raises(UnavailableError, match="backup"):
                world.store.collect(grace=NOW, delete=True)
            refused.append("once")

    report = create(world.team, folder, watch=interfere)
    assert refused
    assert report.backup.faults == ()
    assert bootstrap.verify_backup(folder).problems == ()
    assert world.parts["weights/model.safetensors"].hex in {path.name for path in folder.glob("blobs/??/??/*")}
    assert world.store.collect(grace=NOW, delete=True).objects > 0


def test_a_backup_of_a_registry_in_use_is_of_one_moment(tmp_path: Path, folder: Path) -> None:
    home, over = tmp_path / "home", threading.Event()
    bootstrap.init(home, settings=OFF, actor="ana")
    failures = list[BaseException]()

    def work() -> None:
        try:
            with bootstrap.open(home, settings=OFF, actor="ana") as registry:
                for number in range(10_000):
                    with registry.context.holding() as context:
                        store(context.blobs, f"content {number % 5}")
                        with context.write() as uow:
                            ref = add_version(uow, "team/model", content=f"content {number % 5}")
                            uow.commit(Event("model_version.imported", str(ref)))
                    registry.catalog.delete(ref_of(ref))
                    with suppress(UnavailableError):  # while a backup is made
                        registry.store.collect(grace=NOW, delete=True)
                    if over.is_set():
                        return
        except BaseException as error:  # noqa: BLE001 - the test fails with it
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        with bootstrap.open(home, settings=OFF, actor="ana") as registry:
            for _ in range(5):
                assert registry.backups.create(folder).backup.faults == ()
                assert bootstrap.verify_backup(folder).problems == ()
    finally:
        over.set()
        thread.join()
    assert failures == []


def test_only_an_admin_makes_a_backup(team: Team, folder: Path) -> None:
    with pytest.raises(PermissionDeniedError):
        Backups(team.context("ana")).create(folder)
    assert not folder.exists()
