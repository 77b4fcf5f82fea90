"""Damaged versions come back from any folder that holds the right bytes, and from nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import text

from lineage import Digest
from registry.errors import NotFoundError, PermissionDeniedError
from registry.services.artifacts.verbs import Store
from registry.storage.database import Database
from tests.registry.services.artifacts.worlds import StoredWorld, stored_world
from tests.registry.services.teams import CARD, Team

WEIGHTS = "weights/model.safetensors"


@pytest.fixture
def world(team: Team) -> StoredWorld:
    return stored_world(team)


def backup(world: StoredWorld, folder: Path, *, named: bool) -> Path:
    """Every object as a file: under its digest as in a store, or under a name that says nothing."""
    folder.mkdir()
    for number, (digest, data) in enumerate(sorted(world.team.blobs.kept.items())):
        path = folder / digest.hex[:2] / digest.hex if named else folder / f"file-{number}"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    return folder


@pytest.mark.parametrize("named", [True, False])
def test_what_a_backup_holds_is_restored_by_its_digest(world: StoredWorld, tmp_path: Path, named: bool) -> None:
    folder = backup(world, tmp_path / "backup", named=named)
    before = dict(world.team.blobs.kept)
    for digest in world.parts.values():
        world.team.blobs.kept[digest] = b"something else"
    world.team.blobs.delete(Digest.of(f"rows of {world.data}".encode()))
    assert len(world.store.verify().damage) == 4
    report = world.store.repair(folder)
    assert world.team.blobs.kept == before
    assert report.restored == (world.data, world.digits)
    assert report.damage == ()
    assert len(report.objects) == 4
    assert world.actions(world.digits) == ["model_version.damaged", "model_version.restored"]
    assert world.store.verify().damage == ()


def test_a_version_stays_damaged_until_all_of_it_is_back(world: StoredWorld, tmp_path: Path) -> None:
    weights, answers = world.parts[WEIGHTS], world.parts["answers of its baselines"]
    folder = tmp_path / "backup"
    folder.mkdir()
    (folder / "weights").write_bytes(world.team.blobs.kept[weights])
    world.team.blobs.delete(weights)
    world.team.blobs.delete(answers)
    world.store.verify()
    report = world.store.repair(folder)
    assert (report.objects, report.restored) == ((weights,), ())
    assert [one.digest for one in report.damage] == [answers]
    assert world.actions(world.digits) == ["model_version.damaged"]


def test_a_backup_that_is_damaged_too_restores_nothing(world: StoredWorld, tmp_path: Path) -> None:
    folder = tmp_path / "backup"
    folder.mkdir()
    digest = world.parts[WEIGHTS]
    (folder / digest.hex).write_bytes(b"not these bytes")
    world.team.blobs.delete(digest)
    world.store.verify()
    report = world.store.repair(folder)
    assert (report.objects, len(report.damage)) == ((), 1)
    assert not world.team.blobs.exists(digest)


def test_a_card_comes_back_from_a_folder_that_was_pulled(
    world: StoredWorld, tmp_path: Path, sqlite_database: Database
) -> None:
    (tmp_path / "pulled").mkdir()
    (tmp_path / "pulled/README.md").write_text(CARD)
    with sqlite_database.engine.begin() as connection:
        connection.execute(text("UPDATE card_revision SET text = ''"))
    assert len(world.store.verify().damage) == 2
    assert world.store.repair(tmp_path / "pulled").damage == ()
    with world.team.open_uow(actor="ana") as uow:
        assert {card.text for card in uow.objects.cards()} == {CARD}


def test_a_link_in_the_backup_is_not_followed(world: StoredWorld, tmp_path: Path) -> None:
    folder = backup(world, tmp_path / "backup", named=True)
    digest = world.parts[WEIGHTS]
    path = folder / digest.hex[:2] / digest.hex
    shutil.move(path, tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    world.team.blobs.delete(digest)
    world.store.verify()
    assert world.store.repair(folder).objects == ()


def test_a_folder_that_is_not_there_and_people_who_may_not_are_refused(world: StoredWorld, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="There is no folder"):
        world.store.repair(tmp_path / "none")
    with pytest.raises(PermissionDeniedError):
        Store(world.team.context("ana")).repair(tmp_path)
