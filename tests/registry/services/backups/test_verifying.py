"""A backup that was changed or cut is found and refused."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from lineage import Digest
from registry import bootstrap
from registry.errors import (
    BackupBrokenError,
    NotFoundError,
    RegistryError,
)
from registry.services.backups.folder import BackupFolder
from tests.registry.services.artifacts.worlds import StoredWorld
from tests.registry.services.backups.worlds import OFF, create, cut_log, leftovers


def with_another_log(path: Path) -> None:
    """Checkpoints with another root, under the same key, and a manifest that names them."""
    lines = path.read_text().splitlines()
    lines[2] = "A" * 43 + "="
    manifest = path.parent / "backup.json"
    text = "\n".join(lines) + "\n\n"
    found = json.loads(manifest.read_text()) | {"checkpoints": str(Digest.of(text.encode()))}
    manifest.write_text(json.dumps(found))
    path.unlink()
    BackupFolder(path.parent).named("checkpoints.txt", Digest.of(text.encode())).write_text(text)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(data)


def open_wrongly(path: Path) -> None:
    path.write_bytes(b"z" + path.read_bytes()[1:])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def with_a_row_less(path: Path) -> None:
    """The database without some rows, and a manifest that names this database."""
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM card_revision WHERE id = (SELECT max(id) FROM card_revision)")
        connection.execute("DELETE FROM version_check")
        connection.execute("DELETE FROM role_grant WHERE id = 1")
    connection.close()
    adopted(path)


def with_the_log_cut(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        cut_log(connection)
    connection.close()
    adopted(path)


def adopted(path: Path) -> None:
    manifest = path.parent / "backup.json"
    found = json.loads(manifest.read_text())
    digest = Digest.of(path.read_bytes())
    found["database"] = str(digest)
    with sqlite3.connect(path) as connection:
        found["rows"]["audit_entry"] = connection.execute("SELECT count(*) FROM audit_entry").fetchone()[0]
    connection.close()
    manifest.write_text(json.dumps(found))
    path.rename(BackupFolder(path.parent).database(digest))


HARMS: list[tuple[str, Callable[[Path], object], type[RegistryError]]] = [
    *(
        (what, harm, BackupBrokenError)
        for what in ("*.db", "*.sha256", "blobs/??/??/*")
        for harm in (flip, cut, Path.unlink)
    ),
    ("backup.json", open_wrongly, BackupBrokenError),
    ("backup.json", halve, BackupBrokenError),
    ("backup.json", Path.unlink, NotFoundError),
    ("*.db", with_a_row_less, BackupBrokenError),
    ("*.db", with_the_log_cut, BackupBrokenError),
]


def test_a_backup_that_was_changed_or_cut_is_found_and_refused(
    world: StoredWorld, folder: Path, tmp_path: Path
) -> None:
    create(world.team, folder)
    for number, (what, harm, refusal) in enumerate(HARMS):
        harmed = folder.with_name(f"harmed-{number}")
        shutil.copytree(folder, harmed)
        harm(sorted(harmed.glob(what))[-1])
        if what == "backup.json":
            with pytest.raises(refusal):
                bootstrap.verify_backup(harmed)
        else:
            assert bootstrap.verify_backup(harmed).problems, (what, harm)
        with pytest.raises(refusal):
            bootstrap.restore(harmed, tmp_path / "restored", settings=OFF)
        assert not (tmp_path / "restored").exists()
        assert leftovers(tmp_path) == []


def test_the_checkpoints_of_a_backup_are_verified_against_its_log(tmp_path: Path, folder: Path) -> None:
    home = tmp_path / "home"
    bootstrap.init(home, settings=OFF, actor="ana")
    with bootstrap.open(home, settings=OFF, actor="ana") as registry:
        registry.audit.checkpoint()
        registry.backups.create(folder, signing_key=True)
    assert bootstrap.verify_backup(folder).problems == ()
    harms: list[tuple[str, Callable[[Path], object], str]] = [
        ("public-keys-*", Path.unlink, "is missing"),
        ("checkpoints-*", cut, "was changed"),
        ("signing-key-*", flip, "was changed"),
        ("checkpoints-*", with_another_log, "The signature of the checkpoint of 3 entries is wrong"),
    ]
    for number, (what, harm, problem) in enumerate(harms):
        harmed = folder.with_name(f"signatures-{number}")
        shutil.copytree(folder, harmed)
        harm(next(harmed.glob(what)))
        assert problem in " ".join(bootstrap.verify_backup(harmed).problems)
        with pytest.raises(BackupBrokenError, match=problem):
            bootstrap.restore(harmed, tmp_path / "restored", settings=OFF)
        assert not (tmp_path / "restored").exists()


def test_a_backup_does_not_hide_that_the_log_was_cut(tmp_path: Path, folder: Path) -> None:
    home = tmp_path / "home"
    bootstrap.init(home, settings=OFF, actor="ana")
    with sqlite3.connect(home / "registry.db") as connection:
        cut_log(connection)
    connection.close()
    with bootstrap.open(home, settings=OFF, actor="ana") as registry:
        broken = registry.audit.verify()
        assert broken.reason is not None
        assert broken.reason in registry.backups.create(folder).backup.faults
    bootstrap.restore(folder, tmp_path / "restored", settings=OFF)
    with bootstrap.open(tmp_path / "restored", settings=OFF, actor="ana") as registry:
        assert registry.audit.verify() == broken
