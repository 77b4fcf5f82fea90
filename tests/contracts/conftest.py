"""Every test that asks for `database` or `open_uow` here runs over SQLite and over PostgreSQL."""

from __future__ import annotations

import pytest

from registry.storage.database import Database
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(f"{request.param}_database")
    return found


@pytest.fixture
def open_uow(database: Database, clock: FakeClock) -> SqlUnitOfWorkFactory:
    return database.factory(clock)
