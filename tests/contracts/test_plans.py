"""No question that a person asks of the catalog or about ancestry reads a whole table, on either database.

The statements are collected from the real verbs as they run, so that a new one is judged without being named here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from benchmarks.catalog import questions
from benchmarks.material.catalog import World, fill
from lineage import Assurance
from registry import bootstrap
from registry.domain.catalog.licences import LicenceClass
from registry.domain.catalog.models import Status
from registry.domain.recipes.recipe import Method
from registry.domain.verbs.lineage import Kin, Only, Reach
from registry.services.registry import LocalRegistry
from registry.settings import Settings
from registry.storage.database import Database
from registry.storage.tables import metadata

SMALL = frozenset({"policy", "facet", "person", "role_grant", "damage", "webhook", "email_address", "alembic_version"})
"""Tables that do not grow with the library: reading one of them whole is quicker than an index."""
PACKED = frozenset({"facet_block", "facet_value", "facet_change"})
"""What facets are counted from is read whole: a row is a thousand models, or one that changed within a minute."""

PARTIAL = re.compile(
    "USING (COVERING )?INDEX ({})$".format(
        "|".join(
            str(one.name)
            for table in metadata.tables.values()
            for one in table.indexes
            if one.dialect_options["sqlite"]["where"] is not None
        )
    )
)
"""A plan that goes through an index of some rows alone: a page of these."""


@pytest.fixture(params=[2000, pytest.param(100_000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def world(request: pytest.FixtureRequest) -> World:
    return World(request.param)


@pytest.fixture
def registry(database: Database, world: World, tmp_path: Path) -> Iterator[LocalRegistry]:
    fill(database, world.size)
    settings = Settings(mlflow_uri="off", database_url=database.engine.url.render_as_string(hide_password=False))
    bootstrap.init(tmp_path / "home", settings=settings, actor="ana")
    with bootstrap.open(tmp_path / "home", settings=settings, actor="ana") as opened:
        yield opened


def test_no_question_to_the_catalog_or_about_ancestry_reads_a_whole_table(
    registry: LocalRegistry, database: Database, world: World
) -> None:
    registry.lineage.impact(world.ref(0))  # once, all edges are read: to compile the graph
    with collected() as statements:
        for ask in (*questions(registry, world).values(), *about_ancestry(registry, world)):
            ask(Random(7))
    assert len(statements) > 30
    with database.engine.connect() as connection:
        scans = {text: found for text, given in statements.items() if (found := scanned(connection, text, given))}
    assert scans == {}


@contextmanager
def collected() -> Iterator[dict[str, Any]]:
    """Each statement that looks for rows while the block runs, with the parameters that it had first."""
    statements: dict[str, Any] = {}

    def collect(_connection: object, _cursor: object, statement: str, given: Any, _context: object, many: bool) -> None:
        if not many and re.match(r"\s*(SELECT|WITH|UPDATE|DELETE|INSERT INTO \w+ \([^)]*\)\s*SELECT)", statement):
            statements.setdefault(statement, given)

    event.listen(Engine, "before_cursor_execute", collect)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", collect)


def about_ancestry(registry: LocalRegistry, world: World) -> Iterator[Callable[[Random], object]]:
    """What is asked of models at random."""
    lineage = registry.lineage

    def some(draw: Random) -> str:
        return str(world.ref(draw.randrange(world.size // 2, world.size)))

    yield lambda draw: lineage.show(some(draw))
    yield lambda draw: lineage.show(some(draw), up=0, down=-1, limit=100)
    yield lambda draw: lineage.show(some(draw), up=-1, down=1, as_of=datetime(2099, 1, 1, tzinfo=UTC))
    for past in (None, datetime(2099, 1, 1, tzinfo=UTC)):
        yield lambda draw, past=past: lineage.near(some(draw), as_of=past)  # type: ignore[misc]
        only = Only("production", Status.ACTIVE, Method.FINE_TUNING, Assurance.OBSERVED, LicenceClass.PERMISSIVE)
        yield lambda draw, past=past, only=only: lineage.near(some(draw), only=only, as_of=past)  # type: ignore[misc]
        reach = Reach(up=0, down=1, group="fine_tuning", after=0)
        yield lambda draw, past=past, reach=reach: lineage.near(str(world.ref(0)), reach, as_of=past)  # type: ignore[misc]
    yield lambda draw: lineage.common(some(draw), some(draw))
    yield lambda draw: [lineage.relatives(some(draw), kin) for kin in Kin]
    yield lambda draw: lineage.path(world.ref(0), some(draw))
    yield lambda draw: lineage.impact(some(draw))
    yield lambda draw: lineage.affected(some(draw), ways=True)
    yield lambda draw: lineage.impact(some(draw), as_of=datetime(2099, 1, 1, tzinfo=UTC))


def test_a_statement_that_reads_a_whole_table_is_noticed(registry: LocalRegistry, database: Database) -> None:
    with database.engine.connect() as connection:
        assert scanned(connection, "SELECT name FROM asset AS a WHERE description = 'x'", ()) == {"asset"}
        assert scanned(connection, "SELECT count(*) FROM version", ()) <= {"version"}
        assert scanned(connection, "SELECT label FROM node WHERE id = 1", ()) == set()
        if connection.dialect.name == "sqlite":
            keys = "SELECT name FROM asset WHERE asset.id IN (SELECT value FROM json_each(?))"
            assert scanned(connection, keys, ("[1]",)) == set()
            assert scanned(connection, f"{keys} AND asset.kind = 'models'", ("[1]",)) == {"asset, not by id"}


def scanned(connection: Connection, statement: str, given: Any) -> set[str]:
    """The tables that `statement` reads from end to end.

    PostgreSQL may not do that here where an index can answer: how it chooses depends on the number of rows.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        rows = connection.exec_driver_sql(f"EXPLAIN {statement}", given).all()
        connection.rollback()
        return {str(match[1]) for row in rows if (match := re.search(r"Seq Scan on (\w+)", row[0]))} - SMALL - PACKED
    rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given).all()
    if "WHERE" not in statement and "LIMIT" in statement and not any("TEMP B-TREE" in row[3] for row in rows):
        return set()  # the first few rows in the order of an index
    for name, column in re.findall(r'(\w+)"?\."?(\w+)"? IN \(SELECT value FROM json_each', statement):
        if not any(re.match(rf"SEARCH {name} .*\((.* AND )?(rowid|{column})=\?", row[3]) for row in rows):
            return {f"{name}, not by {column}"}
    aliases = {alias: table for table, alias in re.findall(r"(\w+) AS (\w+)", statement) if table in metadata.tables}
    rows = [row for row in rows if "LIMIT" not in statement or not PARTIAL.search(row[3])]
    read = {match[1] for row in rows if (match := re.match(r"SCAN (\w+)", row[3]))}
    return {str(aliases.get(name, name)) for name in read} & set(metadata.tables) - SMALL - PACKED
