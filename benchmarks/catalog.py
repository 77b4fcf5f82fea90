"""What the catalog's verbs cost as the registry grows: CPU milliseconds of the asking thread at p50, p95 and p99.

On SQLite that is all there is but for the copying of its log, which another thread does as in a server; on PostgreSQL
the server's own work is beside it, so the wall-clock p50 is printed too.
A registry of each size is made once (see `catalog_data`) and kept in the folder.

    python -m benchmarks.catalog /tmp/scale 10000 100000 [1000000] [--postgres 'postgresql://postgres@/postgres?host=/tmp/pg']
"""

from __future__ import annotations

import argparse
import gc
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from benchmarks.material.catalog import World, fill
from registry import bootstrap
from registry.domain.catalog.models import MetricComparison, SearchQuery, SortKey
from registry.domain.names import Reference
from registry.domain.paging import PageRequest
from registry.domain.verbs.registry import Registry
from registry.errors import OldDatabaseError
from registry.schedule import Schedule
from registry.server import WRITE_BACK_EVERY
from registry.services.registry import LocalRegistry
from registry.settings import Settings
from registry.storage.database import default_url, open_database

RUNS = 200
SECONDS = 8.0
"""The most that one question is repeated."""
PAGE = PageRequest(24)


@dataclass(frozen=True)
class Cost:
    """Milliseconds for one question, sorted."""

    cpu: list[float]
    wall: list[float]

    def at(self, share: float) -> float:
        """The CPU time that `share` of the runs stayed within."""
        return self.cpu[min(len(self.cpu) - 1, int(share * len(self.cpu)))]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("sizes", type=int, nargs="+")
    parser.add_argument(
        "--postgres", help="the URL of any database of a server, on which bench_SIZE is made for each size"
    )
    parser.add_argument("--only", help="measure only questions whose name contains this")
    given = parser.parse_args()
    found = {}
    for size in given.sizes:
        url = database_beside(given.postgres, f"bench_{size}") if given.postgres else None
        with open_registry(given.folder / ("pg" if url else "sqlite") / str(size), size, url) as registry:
            world = World(size)
            gc.collect()
            gc.freeze()  # a collection of garbage would look through the benchmark's own lists, of a million each
            with Schedule(registry.write_back, WRITE_BACK_EVERY):
                found[size] = measure(registry, world, given.only or "")
    print(table(found))


def database_beside(url: str, name: str) -> str:
    """The URL of the database `name` on the server that `url` reaches; it is made where it is not there yet."""
    with psycopg.connect(url, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    return make_url(url).set(database=name).render_as_string(hide_password=False)


def open_registry(home: Path, size: int, url: str | None = None) -> LocalRegistry:
    """The registry in `home`, filled with `size` models where it is new."""
    settings = Settings(mlflow_uri="off", database_url=url)
    if not home.exists():
        home.mkdir(parents=True)
        with open_database(url or default_url(home)) as database:
            fill(database, size)
        bootstrap.init(home, settings=settings, actor="bench", upgrade=True)
    try:
        return bootstrap.open(home, settings=settings, actor="bench")
    except OldDatabaseError:
        bootstrap.init(home, settings=settings, actor="bench", upgrade=True)
        return bootstrap.open(home, settings=settings, actor="bench")


def measure(registry: Registry, world: World, only: str) -> dict[str, Cost]:
    """What every question costs on one registry."""
    draw = random.Random(7)
    return {name: repeat(partial(ask, draw)) for name, ask in questions(registry, world).items() if only in name}


def questions(registry: Registry, world: World) -> dict[str, Callable[[random.Random], object]]:
    """By name what is asked; each draws other models, words and values every time."""
    catalog = registry.catalog

    def some_version(draw: random.Random) -> Reference:
        while world.statuses[i := draw.randrange(world.size)] == "archived":
            pass  # no alias can name it
        return Reference.parse(world.ref(i))

    def some_model(draw: random.Random) -> Reference:
        return Reference.parse(f"models:/{world.name(draw.randrange(world.models))}")

    def searched(**query: Any) -> object:
        return catalog.search(SearchQuery(page=PAGE, **query))

    def word(draw: random.Random) -> str:
        return world.words[int(len(world.words) * draw.random() ** 4)]

    def model_page(draw: random.Random) -> object:
        reference = some_model(draw)
        version = catalog.version(reference)
        name, exact = reference.name, Reference.to(version.summary.ref)
        return catalog.model(name), catalog.versions(name, PageRequest(100)), catalog.cards(exact)

    def better(draw: random.Random) -> tuple[MetricComparison, ...]:
        return (MetricComparison("accuracy", ">", draw.random()),)

    return {
        "version by name": lambda draw: catalog.version(some_version(draw)),
        "version by alias": lambda draw: catalog.version(
            Reference.parse(f"models:/{world.name(draw.randrange(0, world.models, 5))}@champion")
        ),
        "list page": lambda _: searched(),
        "list page by name": lambda _: searched(sort=SortKey.NAME, descending=False),
        "filter by task": lambda draw: searched(task=draw.choice(("fill-mask", "depth-estimation"))),
        "filter by stage": lambda draw: searched(stage=draw.choice(("registered", "production", "retired"))),
        "text search": lambda draw: searched(text=word(draw)),
        "text search, two words": lambda draw: searched(text=f"{word(draw)} {word(draw)}"),
        "a word spelt wrong": lambda draw: catalog.spelling(SearchQuery(text=f"{word(draw)}zz")),
        "metric filter": lambda draw: searched(metrics=better(draw)),
        "metric sort": lambda _: searched(sort=SortKey.METRIC, sort_metric="accuracy"),
        "facets": lambda _: catalog.facets(SearchQuery()),
        "facets of one task": lambda draw: catalog.facets(SearchQuery(task=draw.choice(("fill-mask", "translation")))),
        "facets of what most models are": lambda _: catalog.facets(SearchQuery(stage="registered")),
        "one model's page": model_page,
        "set alias": lambda draw: catalog.set_alias(some_version(draw), "bench"),
        "set tag": lambda draw: catalog.tag(some_model(draw), {"bench": str(draw.random())}),
    }


def repeat(run: Callable[[], object], runs: int = RUNS) -> Cost:
    """`run` up to `runs` times within `SECONDS`, after one that is not counted."""
    run()
    cpu: list[float] = []
    wall: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(cpu) < runs and (not cpu or time.perf_counter() < end):
        began, used = time.perf_counter(), time.thread_time()
        run()
        cpu.append((time.thread_time() - used) * 1000)
        wall.append((time.perf_counter() - began) * 1000)
    return Cost(sorted(cpu), sorted(wall))


def table(found: dict[int, dict[str, Cost]]) -> str:
    """Milliseconds of CPU as p50 / p95 / p99 for each size, the growth of p50 from the first to the last, wall p50."""
    sizes: Sequence[int] = list(found)
    heads = [f"{size:,} models" for size in sizes]
    lines = [f"| question | {' | '.join(heads)} | growth | wall p50 |", "|---|" + "---|" * (len(sizes) + 2)]
    for name in found[sizes[0]]:
        costs = [found[size][name] for size in sizes]
        cells = [f"{number(c.at(0.5))} / {number(c.at(0.95))} / {number(c.at(0.99))}" for c in costs]
        growth = costs[-1].at(0.5) / max(costs[0].at(0.5), 1e-9)
        wall = costs[-1].wall[len(costs[-1].wall) // 2]
        lines.append(f"| {name} | {' | '.join(cells)} | {growth:.1f}x | {number(wall)} |")
    return "\n".join(lines)


def number(value: float) -> str:
    """Three digits."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
