"""A folder of backups holds one backup, and nothing else."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from lineage import Digest
from registry import bootstrap
from registry.errors import (
    ConflictError,
)
from registry.services.backups.folder import BackupFolder
from tests.registry.services.artifacts.worlds import StoredWorld
from tests.registry.services.backups.worlds import OFF, create
from tests.registry.services.teams import Team


def test_a_backup_goes_into_a_folder_of_its_own(world: StoredWorld, team: Team, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ConflictError, match="inside the registry folder"):
        create(team, team.home / "backup")
    full = folder.with_name("full")
    full.mkdir()
    (full / "thesis.tex").write_text("mine")
    with pytest.raises(ConflictError, match="not empty"):
        create(team, full)
    assert [path.name for path in full.iterdir()] == ["thesis.tex"]
    bootstrap.init(tmp_path / "another", settings=OFF, actor="ana")
    create(team, folder)
    with (
        bootstrap.open(tmp_path / "another", settings=OFF, actor="ana") as other,
        pytest.raises(ConflictError, match="another registry"),
    ):
        other.backups.create(folder)
    assert bootstrap.verify_backup(folder).problems == ()


def test_two_backups_into_one_folder_do_not_mix(world: StoredWorld, folder: Path) -> None:
    refused = list[str]()

    def again(_progress: object) -> None:
        if not refused:
            with pytest.raises(ConflictError, match="Another backup"):
                create(world.team, folder)
            refused.append("once")

    create(world.team, folder, watch=again)
    assert refused


def test_the_list_of_objects_is_read_by_sha256sum(world: StoredWorld, folder: Path) -> None:
    create(world.team, folder)
    (listed,) = folder.glob("*.sha256")
    for line in listed.read_text().splitlines():
        digest, path = line.split("  ")
        assert Digest.of((folder / path).read_bytes()).hex == digest


def test_what_is_being_copied_twice_is_kept_once(world: StoredWorld, folder: Path) -> None:
    target = BackupFolder(folder)
    with target.locked():
        for _ in range(2):
            assert target.add(Digest.of(b"x"), io.BytesIO(b"x")) == 1
    assert len(list(folder.glob("blobs/??/??/*"))) == 1
