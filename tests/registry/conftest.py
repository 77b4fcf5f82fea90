"""A team with the default policy over SQLite; over both databases for tests that depend on locks."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.storage.database import Database
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.registry.services.teams import Team, populate


@pytest.fixture
def team(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> Team:
    return populate(Team(open_uow, clock, tmp_path))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def either_team(request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path) -> Team:
    """The same team over both databases, for what depends on locks."""
    database: Database = request.getfixturevalue(f"{request.param}_database")
    return populate(Team(database.factory(clock), clock, tmp_path))
