"""A team with the default policy over SQLite; over both databases for tests that depend on locks."""

from __future__ import annotations

import filecmp
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.storage.database import Database, default_url, open_database
from tests.command_line import CommandLine, command_line
from tests.fakes.clock import FakeClock
from tests.registry.services.teams import Team, populate


@pytest.fixture(scope="session")
def _team_file(_migrated_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One SQLite database with the team and its policy: tests get copies."""
    home = tmp_path_factory.mktemp("team")
    shutil.copy(_migrated_file, home / "registry.db")
    with open_database(default_url(home)) as database:
        populate(Team(database.factory(FakeClock()), FakeClock(), home))
    return home / "registry.db"


@pytest.fixture
def team(sqlite_database: Database, _migrated_file: Path, _team_file: Path, clock: FakeClock, tmp_path: Path) -> Team:
    """The team of a copy of that database: it takes the place of the empty one, which nothing was written to yet."""
    file = tmp_path / "home" / "registry.db"
    sqlite_database.engine.dispose()
    assert filecmp.cmp(file, _migrated_file, shallow=False), "something was written to the database before the team"
    shutil.copy(_team_file, file)
    return Team(sqlite_database.factory(clock), clock, tmp_path)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def either_team(request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path) -> Team:
    """The same team over both databases, for what depends on locks."""
    if request.param == "sqlite":
        team: Team = request.getfixturevalue("team")
        return team
    database: Database = request.getfixturevalue("postgres_database")
    return populate(Team(database.factory(clock), clock, tmp_path))


@pytest.fixture
def typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """Somebody at another machine: no registry folder, no keyring, and a home of their own."""
    with command_line(tmp_path) as line:
        monkeypatch.delenv("FOREBEAR_HOME")
        monkeypatch.delenv("FOREBEAR_ACTOR")
        monkeypatch.setenv("HOME", str(tmp_path / "user"))
        monkeypatch.setitem(sys.modules, "keyring", None)
        yield line
