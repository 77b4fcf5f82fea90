"""What adding to a registry costs: its nodes and edges at once, one more derived model, a request about many ancestors.

`load` writes the nodes and edges of so many models into a new database, with their indexes, in a temporary folder.
`derive` adds models to the registry that `catalog` made, each with a step of one parent and one dataset: three edges
and an audit entry in one transaction. `request` asks for a promotion of a version behind a chain of so many
ancestors, in a registry of its own. All on SQLite.

    python -m benchmarks.growing load 1000000
    python -m benchmarks.growing derive /tmp/scale 1000000
    python -m benchmarks.growing request 3000
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, select

from benchmarks.catalog import Cost, number, open_registry
from benchmarks.material.catalog import World, bulk
from registry.domain.audit import Event
from registry.domain.names import Reference, VersionRef
from registry.storage.database import default_url, open_database
from registry.storage.tables import edge, node
from tests.builders import add_version
from tests.fakes.clock import FakeClock
from tests.registry.services.governance.test_costs import descend
from tests.registry.services.teams import Team, populate, ref_of

TIMES, SECONDS = 200, 20.0


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = parser.add_subparsers(dest="part", required=True)
    parts.add_parser("load").add_argument("size", type=int)
    derived = parts.add_parser("derive")
    derived.add_argument("folder", type=Path)
    derived.add_argument("size", type=int)
    parts.add_parser("request").add_argument("ancestors", type=int)
    given = parser.parse_args()
    if given.part == "load":
        load(given.size)
    elif given.part == "derive":
        derive(given.folder, given.size)
    else:
        request(given.ancestors)


def load(size: int) -> None:
    """Print what the nodes and edges of `size` models cost."""
    world = World(size)
    with (
        tempfile.TemporaryDirectory(prefix="forebear-load-") as folder,
        open_database(default_url(Path(folder))) as database,
    ):
        database.create_or_upgrade()
        began, used = time.perf_counter(), time.process_time()
        with bulk(database.engine) as write:
            for table, columns, rows in world.tables():
                if table in {"node", "edge"}:
                    write(table, columns.split(), rows)
        cpu, wall = time.process_time() - used, time.perf_counter() - began
        with database.engine.connect() as connection:
            nodes = connection.execute(select(func.count()).select_from(node)).scalar_one()
            edges = connection.execute(select(func.count()).select_from(edge)).scalar_one()
    print(f"{nodes:,} nodes and {edges:,} edges: {cpu:.1f} s of CPU in {wall:.1f} s")


def derive(folder: Path, size: int) -> None:
    """Print what one more derived model costs. The registry keeps these models."""
    world, draw = World(size), random.Random(7)
    with open_registry(folder / "sqlite" / str(size), size) as registry:

        def one() -> None:
            parent = exact(world.ref(draw.randrange(size)))
            data = exact(f"datasets:/data/set-{draw.randrange(world.datasets)}/1")
            with registry.context.write() as uow:
                ref = add_version(uow, "bench/derived", parents=[parent], data={"train": data}, by="bench")
                uow.commit(Event("model_version.imported", str(ref)))

        say("one more derived model with three edges", repeat(one))


def exact(text: str) -> VersionRef:
    """The version that a whole URI names."""
    found = Reference.parse(text)
    assert found.number is not None, text
    return VersionRef(found.kind, found.name, found.number)


def request(ancestors: int) -> None:
    """Print what asking for a promotion costs behind a chain of so many ancestors; each request is withdrawn."""
    with tempfile.TemporaryDirectory(prefix="forebear-request-") as folder:
        home = Path(folder)
        with open_database(default_url(home)) as database:
            database.create_or_upgrade()
            clock = FakeClock()
            team = populate(Team(database.factory(clock), clock, home))
            ref = ref_of(descend(database, team, ancestors))
            ana = team.promotions("ana")
            withdrawn: list[str] = []

            def one() -> None:
                withdrawn.append(ana.request(ref, "validated").summary.id)

            cost = repeat(one, between=lambda: ana.withdraw(withdrawn[-1]))
    say(f"a request for promotion behind {ancestors:,} ancestors", cost)


def repeat(run: Callable[[], object], *, between: Callable[[], object] = lambda: None) -> Cost:
    """`run` up to `TIMES` times within `SECONDS`, after one that is not counted; `between` is not counted either."""
    run()
    between()
    cpu: list[float] = []
    wall: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(cpu) < TIMES and (not cpu or time.perf_counter() < end):
        began, used = time.perf_counter(), time.process_time()
        run()
        cpu.append((time.process_time() - used) * 1000)
        wall.append((time.perf_counter() - began) * 1000)
        between()
    return Cost(sorted(cpu), sorted(wall))


def say(what: str, cost: Cost) -> None:
    """One line: milliseconds of CPU at p50, p95 and p99, and how often it was measured."""
    shares = " / ".join(number(cost.at(share)) for share in (0.5, 0.95, 0.99))
    print(f"{what}: {shares} ms of CPU ({len(cost.cpu)} times)")


if __name__ == "__main__":
    main()
