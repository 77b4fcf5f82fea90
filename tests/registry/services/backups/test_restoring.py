"""What is restored is what there was."""

from __future__ import annotations

import base64
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from registry import bootstrap
from registry.domain.audit import Event
from registry.domain.backups import BackupReport
from registry.errors import (
    AuditBrokenError,
    ConflictError,
    NotFoundError,
    RegistryError,
)
from registry.settings import Settings
from registry.storage.database import Database, default_url, open_database
from registry.storage.sql.engines import begin_reading
from registry.storage.tables import metadata
from tests.builders import add_version
from tests.fakes.clock import FakeClock
from tests.registry.services.artifacts.worlds import StoredWorld, stored_world
from tests.registry.services.backups.worlds import OFF, create, leftovers
from tests.registry.services.teams import Team, populate


def everything(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    with open_database(url) as database, begin_reading(database.engine) as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }


def url_of(team: Team) -> str:
    return team.open_uow._engine.url.render_as_string(hide_password=False)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("sqlite", "sqlite"),
        pytest.param("sqlite", "postgres", marks=pytest.mark.postgres),
        pytest.param("postgres", "sqlite", marks=pytest.mark.postgres),
    ],
)
def test_a_restored_registry_has_every_row_and_every_object(
    clock: FakeClock, folder: Path, tmp_path: Path, source: str, target: str, request: pytest.FixtureRequest
) -> None:
    database: Database = request.getfixturevalue(f"{source}_database")
    world = stored_world(populate(Team(database.factory(clock), clock, tmp_path)))
    made = create(world.team, folder)
    assert (made.problems, made.backup.faults) == ((), ())
    assert bootstrap.verify_backup(folder) == BackupReport(made.backup, made.digest)
    home, url = tmp_path / "restored", None
    if target == "postgres":
        make: Callable[[], str] = request.getfixturevalue("new_postgres_url")
        url = make()
    settings = Settings(mlflow_uri="off", database_url=url)
    assert bootstrap.restore(folder, home, settings=settings).problems == ()
    before, after = everything(url_of(world.team)), everything(url or default_url(home))
    assert [row[0] for row in after["audit_entry"]] == [
        *(row[0] for row in before["audit_entry"]),
        made.backup.rows["audit_entry"] + 1,
    ]
    for name in ("audit_entry", "audit_index"):
        after[name].pop()
    assert after == before
    with bootstrap.open(home, settings=settings, actor="root") as registry:
        report = registry.audit.verify()
        assert report.intact
        assert report.warnings == ()
        assert registry.store.verify().damage == ()
        assert registry.audit.search(action="registry.restored").items[0].detail["backup"] == str(made.digest)
        with registry.context.write() as uow:  # numbers go on after those that were restored
            ref = add_version(uow, "vision/digits", content="new")
            uow.commit(Event("model_version.imported", str(ref)))
        assert ref.number == world.digits.number + 1
    assert (home / "registry.db").exists() == (target == "sqlite")


@pytest.mark.parametrize("signing_key", [False, True])
def test_checkpoints_are_restored_and_the_private_key_only_when_it_was_asked_for(
    folder: Path, tmp_path: Path, signing_key: bool
) -> None:
    bootstrap.init(tmp_path / "home", settings=OFF, actor="ana")
    with bootstrap.open(tmp_path / "home", settings=OFF, actor="ana") as registry:
        signed, keys = [registry.audit.checkpoint()], registry.audit.keys()
        registry.backups.create(folder, signing_key=signing_key)
    assert len(list(folder.glob("signing-key-*.pem"))) == int(signing_key)
    bootstrap.restore(folder, tmp_path / "restored", settings=OFF)
    with bootstrap.open(tmp_path / "restored", settings=OFF, actor="ana") as registry:
        assert registry.audit.checkpoints() == signed
        assert registry.audit.keys()[: len(keys)] == list(keys)
        rotations = registry.audit.search(action="audit.key_rotated").items
        assert [one.detail["former"] for one in rotations] == ([] if signing_key else [list(keys)])
        new = registry.audit.checkpoint()
        assert (new.key in keys) == signing_key
        report = registry.audit.verify()
        assert (report.intact, report.warnings, report.checkpoints) == (True, (), 2)


def test_timestamps_of_checkpoints_are_restored(folder: Path, tmp_path: Path) -> None:
    bootstrap.init(tmp_path / "home", settings=OFF, actor="ana")
    with bootstrap.open(tmp_path / "home", settings=OFF, actor="ana") as registry:
        one = registry.audit.checkpoint()
        kept = tmp_path / f"home/audit/timestamps/{one.entries:012d}.tsr"
        kept.parent.mkdir()
        kept.write_bytes(b"what an authority answered")
        signed = registry.audit.checkpoints()
        assert signed[-1].timestamp == base64.b64encode(b"what an authority answered").decode()
        registry.backups.create(folder)
    bootstrap.restore(folder, tmp_path / "restored", settings=OFF)
    with bootstrap.open(tmp_path / "restored", settings=OFF, actor="ana") as registry:
        assert registry.audit.checkpoints()[: len(signed)] == signed


def test_a_private_key_that_is_missing_is_told_to_who_asked_for_it(folder: Path, tmp_path: Path) -> None:
    bootstrap.init(tmp_path / "home", settings=OFF, actor="ana")
    (tmp_path / "home" / "audit" / "signing-key.pem").unlink()
    with bootstrap.open(tmp_path / "home", settings=OFF, actor="ana") as registry:
        with pytest.raises(AuditBrokenError, match="The key that signs checkpoints is missing"):
            registry.backups.create(folder, signing_key=True)
        assert registry.backups.create(folder).backup.faults == ()
        (tmp_path / "home" / "audit" / "public-keys.txt").write_text("no key\n")
        assert "cannot be read as public keys" in registry.backups.create(folder).backup.faults[0]


def test_only_its_owner_can_read_a_backup_and_a_restored_registry(
    world: StoredWorld, folder: Path, tmp_path: Path
) -> None:
    create(world.team, folder)
    bootstrap.restore(folder, tmp_path / "restored", settings=OFF)
    for root in (folder, tmp_path / "restored"):
        assert stat.S_IMODE(root.stat().st_mode) == 0o700
        for path in (path for path in root.rglob("*") if path.is_file() and path.suffix != ".blocks"):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_what_is_damaged_in_the_registry_is_told_and_the_rest_is_backed_up(
    world: StoredWorld, folder: Path, tmp_path: Path
) -> None:
    lost, flipped = world.parts["weights/model.safetensors"], world.parts["answers of its baselines"]
    del world.team.blobs.kept[lost]
    world.team.blobs.kept[flipped] = b"other"
    report = create(world.team, folder)
    assert report.backup.missing == tuple(sorted((lost, flipped)))
    assert f"weights/model.safetensors of {world.digits} is missing ({lost.short})" in report.backup.faults
    assert f"answers of its baselines of {world.digits} is changed ({flipped.short})" in report.backup.faults
    assert bootstrap.verify_backup(folder).problems == ()
    bootstrap.restore(folder, tmp_path / "restored", settings=OFF)
    with bootstrap.open(tmp_path / "restored", settings=OFF, actor="root") as registry:
        assert {one.ref for one in registry.store.verify().damage} == {world.digits}


def test_a_backup_is_restored_into_an_empty_place_only(world: StoredWorld, folder: Path, tmp_path: Path) -> None:
    create(world.team, folder)
    home = tmp_path / "restored"
    home.mkdir()
    bootstrap.restore(folder, home, settings=OFF)
    with pytest.raises(ConflictError, match="not empty"):
        bootstrap.restore(folder, home, settings=OFF)
    taken = Settings(mlflow_uri="off", database_url=default_url(home))
    with pytest.raises(ConflictError, match="database is not empty"):
        bootstrap.restore(folder, tmp_path / "third", settings=taken)
    assert not (tmp_path / "third").exists()
    with pytest.raises(NotFoundError, match="no complete backup"):
        bootstrap.restore(tmp_path / "nothing", tmp_path / "third", settings=OFF)


def test_a_full_disk_leaves_nothing_of_a_restored_registry(
    world: StoredWorld, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(world.team, folder)
    copyfile = shutil.copyfile

    def full(source: Path, target: Path) -> None:
        copyfile(source, target)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(RegistryError) as refused:
        bootstrap.restore(folder, tmp_path / "restored", settings=OFF)
    assert refused.value.family.exit_code == 10
    assert not (tmp_path / "restored").exists()
    assert leftovers(tmp_path) == []
