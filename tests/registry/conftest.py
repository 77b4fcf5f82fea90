"""A furnished house over SQLite, and over both databases for what depends on locks."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.storage.database import Database
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock
from tests.registry.services.houses import House, furnish


@pytest.fixture
def house(open_uow: SqlUnitOfWorkFactory, clock: FakeClock, tmp_path: Path) -> House:
    return furnish(House(open_uow, clock, tmp_path))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def either_house(request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path) -> House:
    """The same house over both databases, for what depends on locks."""
    database: Database = request.getfixturevalue(f"{request.param}_database")
    return furnish(House(database.factory(clock), clock, tmp_path))
